import type { AcceptOptions, FileInfo, Offer, Receipt, Sink, Transfer } from '../index.js';
import { make, makeButton } from './dom.js';
import type { DownloadSink } from './downloads.js';
import { codeOf, explain, labelOf, sentenceOf } from './errors.js';
import { FileRows, type ListedFile } from './file_rows.js';
import { formatBytes, formatCount, formatDuration, formatThroughput } from './format.js';
import type { LeftOut } from './intake.js';
import { Meter } from './meter.js';
import { loadPackage } from './package.js';
import { makeSaveAll } from './save_all.js';
import { acceptedBefore, canStreamDownloads, folderPicker, forgetAccepted, isSameList, noteTooLarge, rememberAccepted, spaceWarning } from './saving.js';

export type CardState = 'queued' | Transfer['state'];

/** What a card reports to the page. */
export interface CardListener {
  /** The state changed; `words` is a sentence for people who do not see the card. */
  onState(card: TransferCard, words: string): void;
  onProgress(card: TransferCard): void;
  /** The session broke; the transfer can be resumed when the other side is back. */
  onInterrupted(card: TransferCard): void;
  onDismissed(card: TransferCard): void;
}

/** Failures that have nothing to do with the files. */
const interruptions: ReadonlySet<string> = new Set(['closed', 'connection-lost', 'lane-closed']);
const repaintMs = 100;

/** One transfer as people see it, from waiting for the other side to the proof at the end. */
export class TransferCard {
  readonly element: HTMLLIElement;
  readonly direction: 'send' | 'receive';
  readonly #listener: CardListener;
  readonly #title: string;
  readonly #totalBytes: number;
  /** "2 files, 3.4 MB" */
  readonly #summary: string;
  readonly #heading = make('h3');
  readonly #stateText = make('p', { class: 'transfer-state', testId: 'transfer-state' });
  readonly #progress = make('progress', { class: 'progress', testId: 'progress', attributes: { max: '1', value: '0' } });
  readonly #percent = make('span', { class: 'percent', testId: 'percent' });
  readonly #bytes = make('span', { class: 'bytes', testId: 'bytes' });
  readonly #speed = make('span', { testId: 'speed' });
  readonly #left = make('span', { testId: 'eta' });
  readonly #figures = make('p', { class: 'figures' }, [this.#percent, this.#bytes, this.#speed, this.#left]);
  readonly #error = make('p', { class: 'error-text', testId: 'transfer-error' });
  readonly #actions = make('div', { class: 'actions' });
  readonly #warning = make('p', { class: 'warning-text', testId: 'space-warning', attributes: { hidden: '' } });
  /** Where the received files are. */
  readonly #place = make('p', { class: 'muted', testId: 'place', attributes: { hidden: '' } });
  readonly #rows: FileRows;
  #meter = new Meter();
  #pausedHere = false;
  #state: CardState = 'queued';
  #transfer: Transfer | null = null;
  /** Files go into a folder that the person chose. */
  #stored = false;
  #download: DownloadSink | undefined;
  #offered: readonly FileInfo[] | undefined;
  #startedAt: number | null = null;
  #paintedAt = -Infinity;

  constructor(direction: 'send' | 'receive', files: readonly ListedFile[], listener: CardListener, leftOut: readonly LeftOut[] = []) {
    this.direction = direction;
    this.#listener = listener;
    this.#totalBytes = files.reduce((sum, file) => sum + (file.size ?? 0), 0);
    this.#summary = `${formatCount(files.length)}, ${formatBytes(this.#totalBytes)}`;
    this.#heading.textContent = `${direction === 'send' ? 'Sending' : 'Receiving'} ${this.#summary}`;
    this.#rows = new FileRows(files, leftOut);
    const only = files.length === 1 ? files[0] : undefined;
    this.#title = only === undefined ? formatCount(files.length) : only.name;
    this.#progress.setAttribute('aria-label', `Progress of ${this.#title}`);
    this.element = make(
      'li',
      { class: 'transfer', testId: 'transfer', attributes: { 'data-direction': direction, tabindex: '-1' } },
      [
        make('div', { class: 'transfer-head' }, [
          this.#heading,
          this.#stateText,
        ]),
        this.#rows.element,
        this.#progress,
        this.#figures,
        this.#warning,
        this.#error,
        this.#place,
        this.#actions,
        this.#rows.proof,
      ],
    );
    this.#show('queued', '');
  }

  get state(): CardState {
    return this.#state;
  }

  get busy(): boolean {
    return this.#state === 'active' || this.#state === 'paused' || this.#state === 'reconnecting';
  }

  /** Progress, 0 to 1. */
  get share(): number {
    if (this.#state === 'done') return 1;
    const bytes = this.#transfer?.bytes ?? 0;
    return this.#totalBytes === 0 ? 0 : Math.min(1, bytes / this.#totalBytes);
  }

  /** Files wait for a session; `onCancel` takes them out of the queue again. */
  showQueued(onCancel: () => void): void {
    this.#show('queued', this.#transfer === null ? 'Waiting for the other side' : 'Interrupted, goes on when the other side is back');
    this.#offerActions(makeButton('Cancel', 'cancel', onCancel));
  }

  /** Whether the card shows the receiving of these files. */
  isOf(files: readonly FileInfo[]): boolean {
    return this.#offered !== undefined && isSameList(this.#offered, files);
  }

  /** Asks whether to accept the peer's offer. True: it does not ask, because the person accepted the same files before an interruption. */
  showOffer(offer: Offer, sink: Sink, verified: boolean): boolean {
    this.#offered = offer.files;
    const before = acceptedBefore(offer.files);
    if (before !== undefined) {
      this.#accept(offer, before);
      return true;
    }
    this.#show('offered', verified ? 'The other side, verified, wants to send you this' : 'The other side, not verified, wants to send you this');
    const decline = makeButton('Decline', 'decline', () => {
      offer.reject('declined');
      this.#end('cancelled', 'Declined');
    });
    const pick = folderPicker();
    const toFolder = makeButton('Accept into a folder…', 'accept-folder', () => {
      pick?.().then(
        (folder) => this.#accept(offer, { sink: folder }, `In the folder “${folder.name}”.`),
        // No folder was chosen: the question stays.
        () => {},
      );
    });
    const others = [...(pick === undefined ? [] : [toFolder]), decline];
    this.#offerActions(makeButton('Accept', 'accept', () => this.#accept(offer, { sink }), 'primary'), ...others);
    void spaceWarning(this.#totalBytes).then((words) => {
      if (this.#state !== 'offered') return;
      this.#warning.textContent = words;
      this.#warning.hidden = words === '';
      if (words === '' || !canStreamDownloads()) return;
      const download = makeButton('Accept as a download', 'accept-download', () => void this.#acceptAsDownload(offer), 'primary');
      this.#offerActions(download, ...others);
    });
    return false;
  }

  async #acceptAsDownload(offer: Offer): Promise<void> {
    let download: DownloadSink;
    try {
      const { openDownloadSink } = await import('./downloads.js');
      download = await openDownloadSink(offer.files);
    } catch {
      this.#warning.textContent = 'This browser does not let a page write a download. Leave its private mode, or take this on another device.';
      return;
    }
    if (this.#state !== 'offered') {
      // The offer was answered before, or the session is over.
      download.abandon();
      return;
    }
    this.#download = download;
    this.#accept(offer, { sink: download.sink }, `Among this browser’s downloads, as “${download.name}”.`);
  }

  /** `place`: where the files will be, in words; empty where they stay with the browser. */
  #accept(offer: Offer, options: AcceptOptions, place = ''): void {
    // Measured from here: the person's wait begins with the click.
    this.#startedAt = performance.now();
    this.#warning.hidden = true;
    this.#stored = options.sink instanceof FileSystemDirectoryHandle;
    this.#place.textContent = place;
    rememberAccepted(offer.files, options);
    const transfer = offer.accept(options);
    const forget = (): void => forgetAccepted(offer.files);
    transfer.done.then(forget, (error: unknown) => {
      if (!interruptions.has(codeOf(error).code)) forget();
    });
    this.follow(transfer);
  }

  /** The session ended before the offer was answered. */
  showLost(): void {
    this.#error.textContent = explain('closed', '', this.direction);
    this.#end('failed', 'Failed');
  }

  /** Shows `transfer` until its end. */
  follow(transfer: Transfer): void {
    this.#transfer = transfer;
    this.#meter = new Meter();
    this.#pausedHere = false;
    transfer.addEventListener('statechange', () => this.#showTransferState(transfer));
    transfer.addEventListener('progress', () => this.#paint(false));
    transfer.done.then(
      (receipt) => this.#showReceipt(receipt),
      (error: unknown) => this.#showFailure(error),
    );
    this.#showTransferState(transfer);
  }

  #showTransferState(transfer: Transfer): void {
    const sending = this.direction === 'send';
    switch (transfer.state) {
      case 'offered':
        this.#show('offered', sending ? 'Waiting to be accepted' : 'Starting');
        this.#offerControls(transfer);
        break;
      case 'active':
        this.#startedAt ??= performance.now();
        // A pause says nothing about the speed after it.
        this.#meter = new Meter();
        this.#show('active', sending ? 'Sending' : 'Receiving');
        this.#offerControls(transfer);
        this.#paint(true);
        break;
      case 'paused':
        this.#show('paused', this.#pausedHere ? 'Paused' : 'Paused by the other side');
        this.#offerControls(transfer);
        this.#paint(true);
        break;
      case 'reconnecting':
        this.#show('reconnecting', 'Connection lost, reconnecting');
        this.#offerControls(transfer);
        this.#paint(true);
        break;
      default:
        // `done` handles the final states, with their receipt or error.
        break;
    }
  }

  #offerControls(transfer: Transfer): void {
    const toggle = makeButton(this.#pausedHere ? 'Resume' : 'Pause', this.#pausedHere ? 'resume' : 'pause', () => {
      this.#pausedHere = !this.#pausedHere;
      const { state } = transfer;
      if (this.#pausedHere) transfer.pause();
      else transfer.resume();
      // There is no event where the other side has paused the transfer, too.
      if (transfer.state === state) this.#showTransferState(transfer);
    });
    const cancel = makeButton('Cancel', 'cancel', () => transfer.cancel('cancelled by the user'));
    this.#offerActions(...(transfer.state === 'offered' ? [] : [toggle]), cancel);
  }

  #showReceipt(receipt: Receipt): void {
    const seconds = (performance.now() - (this.#startedAt ?? performance.now())) / 1000;
    const data = this.element.dataset;
    data['root'] = receipt.files.map((file) => file.root).join(',');
    data['bytes'] = String(receipt.bytes);
    data['seconds'] = seconds.toFixed(4);
    this.#rows.showReceipts(receipt.files, this.#stored);
    this.#percent.textContent = '100 %';
    this.#bytes.textContent = formatBytes(receipt.bytes);
    this.#speed.textContent = seconds > 0 ? `${formatThroughput(receipt.bytes / seconds)} on average` : '';
    this.#left.textContent = `in ${seconds < 10 ? `${seconds.toFixed(1)} s` : formatDuration(seconds)}`;
    this.#progress.value = 1;
    this.#heading.textContent = `${this.direction === 'send' ? 'Sent' : 'Received'} ${this.#summary}`;
    this.#place.hidden = this.#place.textContent === '';
    this.#end('done', this.direction === 'send' ? 'Sent and verified' : 'Received and verified', receipt.folder);
  }

  #showFailure(error: unknown): void {
    const trouble = codeOf(error);
    const { code } = trouble;
    this.element.dataset['code'] = code;
    this.#download?.abandon();
    if (code === 'out-of-space' && this.direction === 'receive' && !this.#stored) noteTooLarge(this.#totalBytes);
    if (code === 'cancelled' || code === 'rejected') {
      this.#end('cancelled', code === 'rejected' ? 'Declined by the other side' : 'Cancelled');
      return;
    }
    if (this.direction === 'send' && interruptions.has(code)) {
      this.#listener.onInterrupted(this);
      return;
    }
    this.#error.replaceChildren(`${sentenceOf(trouble, this.direction)} `, make('code', { text: labelOf(trouble) }));
    this.#end('failed', 'Failed');
  }

  /** `folder`: the folder in the browser's own storage that holds the received files. */
  #end(state: 'done' | 'failed' | 'cancelled', words: string, folder?: string): void {
    this.#warning.hidden = true;
    if (state !== 'done') {
      this.#speed.textContent = '';
      this.#left.textContent = '';
    }
    this.#show(state, words);
    const dismiss = makeButton(folder === undefined ? 'Dismiss' : 'Delete from this browser', 'dismiss', () => {
      this.#rows.release();
      if (folder !== undefined) void loadPackage().then(({ removeStored }) => removeStored(folder));
      this.#listener.onDismissed(this);
    }, 'quiet');
    const { received, onlySave } = this.#rows;
    // Deleting the files would cut the download short.
    const saveAll = received.length > 1 ? [makeSaveAll(this.#rows, (saving) => (dismiss.disabled = saving))] : [];
    this.#offerActions(...(onlySave === undefined ? saveAll : [onlySave]), dismiss);
  }

  /** Replaces the buttons. Where a button with the focus goes away, the focus stays in the card. */
  #offerActions(...buttons: HTMLElement[]): void {
    const hadFocus = this.#actions.contains(document.activeElement);
    this.#actions.replaceChildren(...buttons);
    this.#actions.hidden = buttons.length === 0;
    if (!hadFocus) return;
    const ended = this.#state === 'done' || this.#state === 'failed' || this.#state === 'cancelled';
    ((ended ? undefined : buttons[0]) ?? this.element).focus({ preventScroll: true });
  }

  #show(state: CardState, words: string): void {
    this.#state = state;
    this.element.dataset['state'] = state;
    this.#stateText.textContent = words;
    const started = this.busy || state === 'done' || (state !== 'offered' && this.share > 0);
    this.#progress.hidden = !started;
    this.#figures.hidden = !started;
    this.#error.hidden = this.#error.textContent === '';
    if (words !== '') this.#listener.onState(this, `${this.#title}: ${words}`);
  }

  /** Not on animation frames: a page in the background still updates its title. */
  #paint(force: boolean): void {
    const transfer = this.#transfer;
    if (transfer === null || !this.busy) return;
    const now = performance.now();
    this.#meter.record(transfer.bytes, now);
    if (!force && now - this.#paintedAt < repaintMs) return;
    this.#paintedAt = now;
    const share = this.share;
    // Bytes that are still on their way arrive after a pause, too.
    const moving = this.#state === 'active';
    const speed = moving ? this.#meter.speed() : undefined;
    const left = moving ? this.#meter.secondsLeft(this.#totalBytes) : undefined;
    this.#progress.value = share;
    this.#rows.showBytes(transfer.bytes);
    this.#percent.textContent = `${Math.floor(share * 100)} %`;
    this.#bytes.textContent = `${formatBytes(transfer.bytes)} of ${formatBytes(this.#totalBytes)}`;
    this.#speed.textContent = speed === undefined ? '' : formatThroughput(speed);
    this.#left.textContent = left === undefined ? '' : `about ${formatDuration(left)} left`;
    this.#listener.onProgress(this);
  }
}
