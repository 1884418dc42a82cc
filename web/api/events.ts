/** An `EventTarget` whose event names and types are known. */
export interface TypedEventTarget<Events extends object> extends EventTarget {
  addEventListener<Name extends keyof Events & string>(
    type: Name,
    listener: (event: Events[Name]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener<Name extends keyof Events & string>(
    type: Name,
    listener: (event: Events[Name]) => void,
    options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | EventListenerOptions,
  ): void;
}

/** `EventTarget` as a base class with typed listeners; at run time it is `EventTarget` itself. */
export function typedEventTarget<Events extends object>(): new () => TypedEventTarget<Events> {
  return EventTarget;
}
