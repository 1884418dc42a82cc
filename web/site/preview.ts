import { make, makeButton } from './dom.js';

/** Decoded by the browser to pixels, and nothing else. HTML and SVG are documents: they are never shown. */
const rasterTypes: Readonly<Record<string, string>> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  gif: 'image/gif',
  webp: 'image/webp',
  avif: 'image/avif',
};
const mostImageBytes = 30_000_000;
const mostTextBytes = 100_000;

/** A button that shows a received picture or text, where that is safe; null for everything else. */
export function makePreview(name: string, blob: Blob): HTMLElement | null {
  const ending = /\.([a-z0-9]+)$/i.exec(name)?.[1]?.toLowerCase() ?? '';
  const type = rasterTypes[ending];
  if (type !== undefined && blob.size <= mostImageBytes) return onDemand(name, () => Promise.resolve(makeImage(name, blob, type)));
  if (ending === 'txt' && blob.size <= mostTextBytes) return onDemand(name, () => makeText(name, blob));
  return null;
}

function onDemand(name: string, show: () => Promise<HTMLElement>): HTMLElement {
  const place = make('div', { class: 'preview' });
  const button = makeButton('Show', 'preview', () => {
    show().then(
      (shown) => {
        place.replaceChildren(shown);
        shown.focus({ preventScroll: true });
      },
      () => place.replaceChildren('This cannot be shown. Save it.'),
    );
  }, 'small');
  button.setAttribute('aria-label', `Show ${name}`);
  place.append(button);
  return place;
}

/** The type is the page's own, whatever the other side says that it is. */
function makeImage(name: string, blob: Blob, type: string): HTMLElement {
  const address = URL.createObjectURL(blob.slice(0, blob.size, type));
  const image = make('img', { class: 'preview-image', testId: 'preview-image', attributes: { alt: name, tabindex: '-1' } });
  image.addEventListener('load', () => URL.revokeObjectURL(address));
  image.addEventListener('error', () => {
    URL.revokeObjectURL(address);
    image.replaceWith('This is not a picture that can be shown.');
  });
  image.src = address;
  return image;
}

async function makeText(name: string, blob: Blob): Promise<HTMLElement> {
  const text = await blob.text();
  const shown = make('pre', { class: 'preview-text', text, testId: 'preview-text', attributes: { tabindex: '0', role: 'group', 'aria-label': `Text of ${name}` } });
  const copy = makeButton('Copy text', 'copy-text', () => {
    navigator.clipboard.writeText(text).then(() => (copy.textContent = 'Copied'), () => (copy.textContent = 'Not allowed'));
  }, 'small');
  return make('div', { attributes: { tabindex: '-1' } }, [shown, copy]);
}
