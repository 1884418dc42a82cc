import { takeFiles, takeItems, type Intake, type Item } from './intake.js';

export interface PickListener {
  /** Files are being looked at, which takes a while where there are many; `onIntake` follows. */
  onReading(): void;
  onIntake(intake: Intake): void;
  onText(text: string): void;
  /** A dialog, a drop or a paste brought nothing that can be sent. */
  onNothing(): void;
}

/** Takes files and folders that people choose, paste, or drop anywhere on the page, and text that they paste or drop. */
export function watchPicks(zone: HTMLElement, inputs: readonly HTMLInputElement[], listener: PickListener): void {
  for (const input of inputs) {
    input.addEventListener('change', () => {
      const files = [...(input.files ?? [])];
      // Otherwise choosing the same file again fires no event.
      input.value = '';
      if (files.length > 0) take(takeFiles(files), listener);
      else listener.onNothing();
    });
    // Of a folder without files, browsers say no more than of a dialog that was closed.
    if (input.webkitdirectory) input.addEventListener('cancel', () => listener.onNothing());
  }
  window.addEventListener('paste', (event) => {
    const { clipboardData } = event;
    if (clipboardData === null) return;
    // In a field, a paste is a text where there is one: programs add pictures of it.
    const isForField = isField(event.target) && clipboardData.getData('text/plain') !== '';
    if (!isForField && takeTransfer(clipboardData, listener)) event.preventDefault();
  });
  watchDrops(zone, listener);
}

function watchDrops(zone: HTMLElement, listener: PickListener): void {
  // On the window: a file dropped beside the zone would otherwise replace the page.
  let depth = 0;
  window.addEventListener('dragenter', () => {
    depth += 1;
    zone.classList.add('over');
  });
  window.addEventListener('dragleave', () => {
    depth = Math.max(0, depth - 1);
    if (depth === 0) zone.classList.remove('over');
  });
  window.addEventListener('dragover', (event) => {
    if (!isField(event.target) || hasFiles(event.dataTransfer)) event.preventDefault();
  });
  window.addEventListener('drop', (event) => {
    depth = 0;
    zone.classList.remove('over');
    const { dataTransfer } = event;
    // A text that is dropped into a field belongs to the field.
    if (isField(event.target) && !hasFiles(dataTransfer)) return;
    event.preventDefault();
    if (dataTransfer === null || !takeTransfer(dataTransfer, listener)) listener.onNothing();
  });
}

/** Takes the files, or else the text, of a drop or a paste. False: there is neither. */
function takeTransfer(data: DataTransfer, listener: PickListener): boolean {
  const items = itemsOf(data);
  if (items.length > 0) {
    take(takeItems(items), listener);
    return true;
  }
  const text = data.getData('text/plain') || data.getData('text/uri-list');
  if (text === '') return false;
  listener.onText(text);
  return true;
}

/** Entries and files are gone when the event is over. */
function itemsOf(data: DataTransfer): Item[] {
  const items = [...data.items]
    .filter(({ kind }) => kind === 'file')
    .map((item) => ({ entry: item.webkitGetAsEntry(), file: item.getAsFile() }))
    .filter(({ entry, file }) => entry !== null || file !== null);
  return items.length > 0 ? items : [...data.files].map((file) => ({ entry: null, file }));
}

function hasFiles(data: DataTransfer | null): boolean {
  return data?.types.includes('Files') ?? false;
}

function take(intake: Promise<Intake>, listener: PickListener): void {
  listener.onReading();
  void intake.then((taken) => listener.onIntake(taken));
}

function isField(target: EventTarget | null): boolean {
  return (target instanceof HTMLInputElement && target.type === 'text') || target instanceof HTMLTextAreaElement;
}
