/**
 * Values of every kind that a caller might pass by mistake, each with a name and with the text of it as a reason. None is a
 * source, a sink, a signal, or an object of options.
 */
export const anyValues = [
  ['null', null, ''],
  ['0', 0, '0'],
  ['42', 42, '42'],
  ['NaN', NaN, 'NaN'],
  ['a BigInt', 10n, '10'],
  ['true', true, 'true'],
  ['a symbol', Symbol('s'), 'Symbol(s)'],
  ['a function', () => 1, '() => 1'],
  ['an object', {}, '[object Object]'],
  ['an array', [1, 2], '1,2'],
  ['a map', new Map(), '[object Map]'],
  ['an Error', new Error('x'), 'Error: x'],
  ['the reason of an AbortSignal', AbortSignal.abort().reason, String(AbortSignal.abort().reason)],
  ['an event', new Event('click'), '[object Event]'],
  ['an object without a prototype', Object.create(null), ''],
  ['an object that throws', { toString() { throw new Error('no'); } }, ''],
];

/**
 * Calls `send` and `accept` with every value in every place that does not take it. Gives the calls that did not throw
 * 'invalid-argument' with the name of the argument.
 */
export function findTaken(peer, offer) {
  const bytes = new Uint8Array(10);
  const taken = [];
  const expect = (what, pattern, call) => {
    try {
      call();
      taken.push(`${what}: taken`);
    } catch (error) {
      if (error.name !== 'MillraceError' || error.code !== 'invalid-argument' || !pattern.test(error.message)) taken.push(`${what}: ${error}`);
    }
  };
  for (const [name, value] of anyValues) {
    expect(`send(${name})`, /source/, () => peer.send(value));
    expect(`send([bytes, ${name}])`, /source/, () => peer.send([bytes, value]));
    expect(`send(bytes, { name: ${name} })`, /name must be/, () => peer.send(bytes, { name: value }));
    expect(`send(bytes, { signal: ${name} })`, /signal must be/, () => peer.send(bytes, { signal: value }));
    if (typeof value !== 'function') expect(`accept({ sink: ${name} })`, /sink must be/, () => offer.accept({ sink: value }));
    expect(`accept({ directory: ${name} })`, /directory must be/, () => offer.accept({ directory: value }));
    if (typeof value === 'object' && value !== null) continue;
    expect(`send(bytes, ${name})`, /options must be/, () => peer.send(bytes, value));
    expect(`accept(${name})`, /options must be/, () => offer.accept(value));
  }
  expect('send()', /source/, () => peer.send());
  expect('send([])', /to send/, () => peer.send([]));
  expect('send(bytes, a text)', /options must be/, () => peer.send(bytes, 'name'));
  expect('send(bytes, { name: a long text })', /name must be/, () => peer.send(bytes, { name: 'x'.repeat(10_000_000) }));
  expect('accept(a text)', /options must be/, () => offer.accept('memory'));
  return taken;
}

/** Calls every method that takes no argument with every value, and sets every value as a listener. */
export function callIdly(peer, transfer) {
  for (const [, value] of anyValues) {
    peer.verify(value);
    peer.stats(value);
    for (const method of ['pause', 'resume', 'stats', 'log']) transfer[method](value);
    if (typeof value === 'function') continue;
    const listener = peer.onincoming;
    peer.onincoming = value;
    if (peer.onincoming !== null) throw new Error('onincoming took a value that is no function');
    peer.onincoming = listener;
  }
}
