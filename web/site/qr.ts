import { encode } from 'uqr';

const svg = 'http://www.w3.org/2000/svg';

/** A QR code of `text`; this file is loaded when it is needed. */
export function drawQr(text: string): SVGSVGElement {
  const { size, data } = encode(text, { ecc: 'M', border: 3 });
  const dots = data.flatMap((row, y) => row.flatMap((dark, x) => (dark ? [`M${x} ${y}h1v1h-1z`] : [])));
  const picture = document.createElementNS(svg, 'svg');
  picture.setAttribute('viewBox', `0 0 ${size} ${size}`);
  picture.setAttribute('role', 'img');
  picture.setAttribute('aria-label', 'QR code of the link');
  picture.setAttribute('shape-rendering', 'crispEdges');
  const path = document.createElementNS(svg, 'path');
  path.setAttribute('d', dots.join(''));
  picture.append(path);
  return picture;
}
