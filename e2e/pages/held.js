/**
 * Counts what the package takes of the browser and has to give back: workers, sockets, broadcast channels, message ports,
 * timers, and listeners on objects that outlive a session. Counts from its import on.
 */
const open = { workers: new Set(), sockets: new Set(), channels: new Set(), ports: new Set(), timers: new Set(), listeners: new Set() };

export const counted = () => Object.fromEntries(Object.entries(open).map(([name, set]) => [name, set.size]));

/** Replaces a class by one whose objects are in `set` until one of `methods` is called. */
function count(name, set, methods) {
  const Native = globalThis[name];
  globalThis[name] = class extends Native {
    constructor(...args) {
      super(...args);
      set.add(this);
      // A socket that the other end closed is no longer held.
      this.addEventListener('close', () => set.delete(this));
    }
  };
  for (const method of methods) {
    globalThis[name].prototype[method] = function (...args) {
      set.delete(this);
      return Native.prototype[method].apply(this, args);
    };
  }
}

count('Worker', open.workers, ['terminate']);
count('WebSocket', open.sockets, ['close']);
count('BroadcastChannel', open.channels, ['close']);

const NativeMessageChannel = globalThis.MessageChannel;
globalThis.MessageChannel = class extends NativeMessageChannel {
  constructor() {
    super();
    for (const port of [this.port1, this.port2]) {
      open.ports.add(port);
      port.close = () => {
        open.ports.delete(port);
        MessagePort.prototype.close.call(port);
      };
    }
  }
};

for (const [set, clear, once] of [['setTimeout', 'clearTimeout', true], ['setInterval', 'clearInterval', false]]) {
  const [nativeSet, nativeClear] = [globalThis[set], globalThis[clear]];
  globalThis[set] = (action, ...rest) => {
    const id = nativeSet.call(globalThis, (...args) => {
      if (once) open.timers.delete(id);
      action(...args);
    }, ...rest);
    open.timers.add(id);
    return id;
  };
  globalThis[clear] = (id) => {
    open.timers.delete(id);
    nativeClear.call(globalThis, id);
  };
}

/** Objects that outlive a session: listeners on all others go with their target. */
const lasting = new Set([globalThis, document, navigator]);
const keys = new WeakMap();
let lastKey = 0;

/** Counts listeners on `target`, too. */
export const watch = (target) => lasting.add(target);

function keyOf(target, type, listener) {
  for (const object of [target, listener]) if (!keys.has(object)) keys.set(object, (lastKey += 1));
  return `${keys.get(target)} ${type} ${keys.get(listener)}`;
}

const { addEventListener, removeEventListener } = EventTarget.prototype;
EventTarget.prototype.addEventListener = function (type, listener, options) {
  const target = this ?? globalThis;
  if (listener && lasting.has(target) && !options?.signal?.aborted) {
    const key = keyOf(target, type, listener);
    const forget = () => open.listeners.delete(key);
    open.listeners.add(key);
    if (options?.once) addEventListener.call(target, type, forget, { once: true });
    if (options?.signal) addEventListener.call(options.signal, 'abort', forget, { once: true });
  }
  return addEventListener.call(target, type, listener, options);
};
EventTarget.prototype.removeEventListener = function (type, listener, options) {
  const target = this ?? globalThis;
  if (listener && lasting.has(target)) open.listeners.delete(keyOf(target, type, listener));
  return removeEventListener.call(target, type, listener, options);
};
