/** Names of events, each with the type of its event. */
export type EventMap<Events> = { readonly [Name in keyof Events]: Event };

/** A listener of one event: a function, or an object with `handleEvent`. */
export type TypedListener<Type extends Event> =
  | ((event: Type) => void)
  | {
      /** Called with the event. */
      handleEvent(event: Type): void;
    };

/** An `EventTarget` whose events are known by name and type: any other name is an error of the compiler. */
export interface TypedEventTarget<Events extends EventMap<Events>> extends EventTarget {
  addEventListener<Name extends keyof Events & string>(
    type: Name,
    listener: TypedListener<Events[Name]> | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener<Name extends keyof Events & string>(
    type: Name,
    listener: TypedListener<Events[Name]> | null,
    options?: boolean | EventListenerOptions,
  ): void;
}

/** The arguments of `addEventListener`, for a class that overrides it. */
export type ListenerArguments<Events extends EventMap<Events>> = Parameters<TypedEventTarget<Events>['addEventListener']>;

/** `EventTarget` as a base class with typed listeners; at run time it is `EventTarget` itself. */
export function typedEventTarget<Events extends EventMap<Events>>(): new () => TypedEventTarget<Events> {
  return EventTarget;
}
