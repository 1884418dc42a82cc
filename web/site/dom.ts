export interface ElementOptions {
  readonly class?: string;
  /** Set as text, never as markup: names come from the peer. */
  readonly text?: string;
  readonly testId?: string;
  readonly attributes?: Readonly<Record<string, string>>;
}

/** Makes an element with its children. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  options: ElementOptions = {},
  children: readonly (Node | string)[] = [],
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  if (options.class !== undefined) element.className = options.class;
  if (options.text !== undefined) element.textContent = options.text;
  if (options.testId !== undefined) element.dataset['testid'] = options.testId;
  for (const [name, value] of Object.entries(options.attributes ?? {})) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** The element of index.html with this id. Errors: throws where it is missing or of another kind. */
export function byId<T extends HTMLElement>(id: string, kind: new () => T): T {
  const element = document.getElementById(id);
  if (!(element instanceof kind)) throw new Error(`index.html has no ${kind.name} #${id}`);
  return element;
}

/** A push button. */
export function makeButton(text: string, testId: string, onClick: () => void, look = ''): HTMLButtonElement {
  const button = make('button', { class: `button ${look}`.trim(), text, testId, attributes: { type: 'button' } });
  button.addEventListener('click', onClick);
  return button;
}
