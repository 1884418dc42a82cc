/**
 * Reports an exception of a listener as an uncaught one, without ending the code that called it. Browsers have `reportError`
 * for that; elsewhere it is thrown in a microtask, which is what Node.js does with exceptions of event listeners, too.
 */
export function reportException(caught: unknown): void {
  if (typeof reportError === 'function') reportError(caught);
  else {
    queueMicrotask(() => {
      throw caught;
    });
  }
}

/** Calls a listener of the page. Its exception is reported, and does not end the code that called it. */
export function callListener(listener: () => void): void {
  try {
    listener();
  } catch (caught) {
    reportException(caught);
  }
}
