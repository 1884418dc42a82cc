/** Calls `action` for the first call only. */
export function onlyFirst<Args extends unknown[]>(action: (...args: Args) => void): (...args: Args) => void {
  let called = false;
  return (...args) => {
    if (called) return;
    called = true;
    action(...args);
  };
}
