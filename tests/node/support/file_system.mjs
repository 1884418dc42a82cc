// A file system as browsers give it to pages, in memory: with locks on open files, a full disk, and crashes that take with
// them what was not flushed.

function domError(name) {
  return new DOMException(`fake ${name}`, name);
}

export class FakeDisk {
  /** Bytes. */
  capacity = Infinity;
  /** What `write` does when the disk is full: it throws, or takes less than all, or (Chromium) says that it took 2^32 - 8. */
  shortWrites = false;
  /** Whether flushing fails. */
  failFlush = false;
  /** Every call of `flush`, by file name. */
  flushes = [];
  /** Changes with every crash; what was opened before is dead. */
  epoch = 0;
  root = new DirectoryNode();
  /** With synchronous access, for handles that are made from now on. */
  inWorker = true;

  directory(name = '') {
    return new FakeDirectoryHandle(this, this.root, name);
  }

  get usage() {
    return sum([...this.files()].map((file) => file.data.length));
  }

  /** Every file, or those below a folder. */
  *files(folder = this.root) {
    for (const node of folder.entries.values()) {
      if (node instanceof FileNode) yield node;
      else yield* this.files(node);
    }
  }

  /** Paths of all files, sorted. */
  paths() {
    const list = (folder, prefix) =>
      [...folder.entries].flatMap(([name, node]) =>
        node instanceof FileNode ? [`${prefix}${name}`] : list(node, `${prefix}${name}/`),
      );
    return list(this.root, '').sort();
  }

  /** The node at a path, or undefined. */
  at(path) {
    return path.split('/').reduce((node, name) => node?.entries.get(name), this.root);
  }

  /** The power goes: what was not flushed is lost, and all handles with it. */
  crash() {
    this.epoch += 1;
    for (const file of this.files()) {
      file.data = file.durable.slice();
      file.access = false;
      file.writables = 0;
    }
  }

  grow(file, size) {
    if (this.usage - file.data.length + size > this.capacity) throw domError('QuotaExceededError');
    if (size > file.data.length) file.resize(size);
  }
}

class FileNode {
  data = new Uint8Array(0);
  durable = new Uint8Array(0);
  modified = Date.now();
  access = false;
  writables = 0;

  get open() {
    return this.access || this.writables > 0;
  }

  resize(size) {
    const data = new Uint8Array(size);
    data.set(this.data.subarray(0, size));
    this.data = data;
  }
}

class DirectoryNode {
  entries = new Map();
}

function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0);
}

/** As Chromium, where it writes into folders of people, and a file system with 255 bytes for a name. */
function checkName(name) {
  const refused = /^$|^\.\.?$|[/\p{Format}]|\.lnk$|^[\s~]|[\s~]$/u.test(name);
  if (refused) throw new TypeError('Name is not allowed.');
  if (Buffer.byteLength(`${name}.crswap`) > 255) throw new DOMException('The name is too long.', 'InvalidModificationError');
}

export class FakeDirectoryHandle {
  kind = 'directory';
  [Symbol.toStringTag] = 'FileSystemDirectoryHandle';

  constructor(disk, node, name) {
    this.disk = disk;
    this.node = node;
    this.name = name;
  }

  async getDirectoryHandle(name, { create = false } = {}) {
    return new FakeDirectoryHandle(this.disk, await this.#get(name, DirectoryNode, create), name);
  }

  async getFileHandle(name, { create = false } = {}) {
    const Handle = this.disk.inWorker ? FakeWorkerFileHandle : FakeFileHandle;
    return new Handle(this.disk, await this.#get(name, FileNode, create), name);
  }

  async removeEntry(name, { recursive = false } = {}) {
    await null;
    checkName(name);
    const node = this.node.entries.get(name);
    if (!node) throw domError('NotFoundError');
    const files = node instanceof FileNode ? [node] : [...this.disk.files(node)];
    if (node instanceof DirectoryNode && node.entries.size > 0 && !recursive) throw domError('InvalidModificationError');
    if (files.some((file) => file.open)) throw domError('NoModificationAllowedError');
    this.node.entries.delete(name);
  }

  async *keys() {
    yield* [...this.node.entries.keys()];
  }

  async *values() {
    for (const [name, node] of [...this.node.entries]) {
      yield node instanceof FileNode ? this.getFileHandle(name) : this.getDirectoryHandle(name);
    }
  }

  async #get(name, Node, create) {
    // Answers come later than they are asked for, as in a browser.
    await new Promise((resolve) => setImmediate(resolve));
    checkName(name);
    let node = this.node.entries.get(name);
    if (!node) {
      if (!create) throw domError('NotFoundError');
      node = new Node();
      this.node.entries.set(name, node);
    }
    if (!(node instanceof Node)) throw domError('TypeMismatchError');
    return node;
  }
}

class FakeFileHandle {
  kind = 'file';
  [Symbol.toStringTag] = 'FileSystemFileHandle';

  constructor(disk, node, name) {
    this.disk = disk;
    this.node = node;
    this.name = name;
  }

  async getFile() {
    await null;
    return new File([this.node.data], this.name, { lastModified: this.node.modified });
  }

  async createWritable() {
    await null;
    if (this.node.access) throw domError('NoModificationAllowedError');
    this.node.writables += 1;
    return new FakeWritable(this.disk, this.node);
  }
}

class FakeWorkerFileHandle extends FakeFileHandle {
  async createSyncAccessHandle() {
    await null;
    if (this.node.open) throw domError('NoModificationAllowedError');
    this.node.access = true;
    return new FakeAccess(this.disk, this.node, this.name);
  }
}

class FakeAccess {
  #disk;
  #file;
  #name;
  #epoch;
  #closed = false;

  constructor(disk, file, name) {
    this.#disk = disk;
    this.#file = file;
    this.#name = name;
    this.#epoch = disk.epoch;
  }

  read(bytes, { at }) {
    this.#check();
    const found = this.#file.data.subarray(at, at + bytes.length);
    bytes.set(found);
    return found.length;
  }

  write(bytes, { at }) {
    this.#check();
    const end = at + bytes.length;
    const room = this.#disk.capacity - (this.#disk.usage - this.#file.data.length);
    if (end > room && this.#disk.shortWrites === 'silent') return 2 ** 32 - 8;
    if (end > room && this.#disk.shortWrites) bytes = bytes.subarray(0, Math.max(0, room - at));
    if (bytes.length === 0) return 0;
    this.#disk.grow(this.#file, at + bytes.length);
    this.#file.data.set(bytes, at);
    this.#file.modified = Date.now();
    return bytes.length;
  }

  truncate(size) {
    this.#check();
    this.#disk.grow(this.#file, size);
    this.#file.resize(size);
  }

  flush() {
    this.#check();
    if (this.#disk.failFlush) throw domError('UnknownError');
    this.#disk.flushes.push(this.#name);
    this.#file.durable = this.#file.data.slice();
  }

  getSize() {
    this.#check();
    return this.#file.data.length;
  }

  close() {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#epoch === this.#disk.epoch) this.#file.access = false;
  }

  #check() {
    if (this.#closed || this.#epoch !== this.#disk.epoch) throw domError('InvalidStateError');
  }
}

/** The file has its bytes when it is closed. */
class FakeWritable {
  #disk;
  #file;
  #swap = new FileNode();
  #ended = false;

  constructor(disk, file) {
    this.#disk = disk;
    this.#file = file;
  }

  async write({ position, data }) {
    await null;
    if (this.#ended) throw new TypeError('the stream has ended');
    const end = position + data.length;
    if (this.#disk.usage + end > this.#disk.capacity) throw domError('QuotaExceededError');
    if (end > this.#swap.data.length) this.#swap.resize(end);
    this.#swap.data.set(data, position);
  }

  async truncate(size) {
    await null;
    this.#swap.resize(size);
  }

  async close() {
    await null;
    this.#end();
    this.#file.data = this.#swap.data;
    this.#file.durable = this.#swap.data.slice();
    this.#file.modified = Date.now();
  }

  async abort() {
    await null;
    if (!this.#ended) this.#end();
  }

  #end() {
    if (this.#ended) throw new TypeError('the stream has ended');
    this.#ended = true;
    this.#file.writables -= 1;
  }
}

/** `navigator.locks`, exclusive ones. */
export class FakeLocks {
  #held = new Map();

  async request(name, ...rest) {
    const action = rest.pop();
    const { ifAvailable = false, signal } = rest[0] ?? {};
    const held = this.#held.get(name);
    if (held && ifAvailable) return action(null);
    if (held) {
      const aborted = new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
      const keepAlive = setInterval(() => {}, 1000); // The timer behind a signal does not.
      await Promise.race([held, aborted]).finally(() => clearInterval(keepAlive));
      return this.request(name, ...rest, action);
    }
    const running = Promise.resolve().then(() => action({ name, mode: 'exclusive' }));
    const settled = running.catch(() => {}).then(() => {
      if (this.#held.get(name) === settled) this.#held.delete(name);
    });
    this.#held.set(name, settled);
    return running;
  }

  /** Who held them is gone. */
  crash() {
    this.#held.clear();
  }
}

/** Makes `disk` the private file system of this process. Answers the locks. */
export function installNavigator(disk, { quota = Infinity, locks = new FakeLocks() } = {}) {
  const storage = {
    getDirectory: async () => disk.directory(),
    estimate: async () => ({ quota, usage: disk.usage }),
  };
  Object.defineProperty(globalThis, 'navigator', { value: { storage, locks }, configurable: true });
  return locks;
}
