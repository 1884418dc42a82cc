/** Takes files that are chosen in `input` or dropped anywhere on the page. */
export function watchDrops(zone: HTMLElement, input: HTMLInputElement, listener: {
  onFiles(files: File[]): void;
  /** A folder was among them; folders cannot be sent yet. */
  onFolder(): void;
}): void {
  input.addEventListener('change', () => {
    const files = [...(input.files ?? [])];
    // So that choosing the same file again is a change again.
    input.value = '';
    if (files.length > 0) listener.onFiles(files);
  });

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
    const files: File[] = [];
    let folders = 0;
    for (const item of event.dataTransfer?.items ?? []) {
      if (item.kind !== 'file') continue;
      const file = item.webkitGetAsEntry()?.isDirectory === true ? null : item.getAsFile();
      if (file === null) folders += 1;
      else files.push(file);
    }
    if (folders > 0) listener.onFolder();
    if (files.length > 0) listener.onFiles(files);
  });
}
