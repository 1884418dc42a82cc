export interface PickListener {
  onFiles(files: File[]): void;
  onText(text: string): void;
  /** A dropped file or folder could not be read. */
  onFailure(): void;
}

/** Takes files and folders that people choose, paste, or drop anywhere on the page, and pasted text. */
export function watchPicks(zone: HTMLElement, inputs: readonly HTMLInputElement[], listener: PickListener): void {
  for (const input of inputs) {
    input.addEventListener('change', () => {
      const files = [...(input.files ?? [])];
      // Otherwise choosing the same file again fires no event.
      input.value = '';
      if (files.length > 0) listener.onFiles(files);
    });
  }
  watchPastes(listener);
  watchDrops(zone, listener);
}

function watchPastes(listener: PickListener): void {
  window.addEventListener('paste', (event) => {
    const { target, clipboardData } = event;
    const files = [...(clipboardData?.files ?? [])];
    if (files.length > 0) {
      event.preventDefault();
      listener.onFiles(files);
      return;
    }
    if (target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement) return;
    const text = clipboardData?.getData('text/plain') ?? '';
    if (text !== '') listener.onText(text);
  });
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
  window.addEventListener('dragover', (event) => event.preventDefault());
  window.addEventListener('drop', (event) => {
    event.preventDefault();
    depth = 0;
    zone.classList.remove('over');
    // Entries are gone when the event is over.
    const entries = [...(event.dataTransfer?.items ?? [])].flatMap((item) => item.webkitGetAsEntry() ?? []);
    Promise.all(entries.map(filesIn)).then(
      (found) => {
        if (found.flat().length > 0) listener.onFiles(found.flat());
      },
      () => listener.onFailure(),
    );
  });
}

async function filesIn(entry: FileSystemEntry): Promise<File[]> {
  if (isDirectory(entry)) {
    const reader = entry.createReader();
    const files: File[] = [];
    for (;;) {
      const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
      // A folder is read in parts; an empty part is the end.
      if (some.length === 0) return files;
      for (const inner of some) files.push(...(await filesIn(inner)));
    }
  }
  const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
  const path = entry.fullPath.replace(/^\//, '');
  // Unlike a chosen file, a dropped one does not know its folder.
  if (path.includes('/')) Object.defineProperty(file, 'webkitRelativePath', { value: path });
  return [file];
}

function isDirectory(entry: FileSystemEntry): entry is FileSystemDirectoryEntry {
  return entry.isDirectory;
}
