import type { Offer } from '../index.js';
import { byId } from './dom.js';
import { watchDrops } from './dropZone.js';
import { codeOf, explain } from './errors.js';
import { Link, type LinkState } from './link.js';
import { makeId, makeLink, readPageOptions, signalingUrl } from './room.js';
import { TransferCard, type CardListener } from './transferCard.js';

const page = {
  title: byId('title', HTMLHeadingElement),
  lead: byId('lead', HTMLParagraphElement),
  alert: byId('alert', HTMLParagraphElement),
  drop: byId('drop', HTMLElement),
  dropHint: byId('drop-hint', HTMLElement),
  files: byId('files', HTMLInputElement),
  share: byId('share', HTMLElement),
  link: byId('link', HTMLInputElement),
  copy: byId('copy', HTMLButtonElement),
  compare: byId('compare', HTMLElement),
  sas: byId('sas', HTMLParagraphElement),
  verify: byId('verify', HTMLButtonElement),
  transfers: byId('transfers', HTMLUListElement),
  status: byId('status', HTMLParagraphElement),
  connectionText: byId('connection-text', HTMLSpanElement),
};
const siteTitle = 'Millrace';
const ownRoomKey = 'millrace-own-room';

const options = readPageOptions(location);
const cards = new Set<TransferCard>();
/** Files that wait for a session, oldest first. */
const queue: { card: TransferCard; files: File[] }[] = [];
let { room, key } = options;
let link: Link | null = null;

const cardListener: CardListener = {
  onState(_card, words) {
    page.status.textContent = words;
    showTitle();
  },
  onProgress: showTitle,
};

function showTitle(): void {
  const busy = [...cards].filter((card) => card.busy);
  const share = busy.reduce((sum, card) => sum + card.share, 0) / busy.length;
  document.title = busy.length === 0 ? siteTitle : `${Math.floor(share * 100)} % · ${siteTitle}`;
}

function showAlert(text: string): void {
  page.alert.textContent = text;
  page.alert.hidden = text === '';
}

function addCard(card: TransferCard): void {
  cards.add(card);
  // Newest first: what needs an answer stands where one looks.
  page.transfers.prepend(card.element);
}

function sendFiles(files: File[]): void {
  showAlert('');
  const card = new TransferCard('send', files, cardListener);
  addCard(card);
  if (room === null) openOwnRoom();
  if (link?.connected === true) {
    offer(card, files);
    return;
  }
  const entry = { card, files };
  queue.push(entry);
  card.showQueued(() => {
    queue.splice(queue.indexOf(entry), 1);
    removeCard(card);
  });
}

function removeCard(card: TransferCard): void {
  cards.delete(card);
  card.element.remove();
  showTitle();
  page.files.focus();
}

function offer(card: TransferCard, files: File[]): void {
  try {
    if (link !== null) card.follow(link.send(files));
  } catch (error) {
    const { code, message } = codeOf(error);
    removeCard(card);
    showAlert(`${explain(code, message)} (${code})`);
  }
}

function receiveOffer(incoming: Offer): void {
  const card = new TransferCard('receive', incoming.files, cardListener);
  addCard(card);
  card.showOffer(incoming, options.sink);
}

function openOwnRoom(): void {
  room = makeId();
  key = makeId();
  // Kept, so that a reload of this page still shows the link; and in the address, so that it joins the room again.
  sessionStorage.setItem(ownRoomKey, room);
  history.replaceState(null, '', makeLink(location, room, key));
  enterRoom(room);
}

function enterRoom(id: string): void {
  const own = sessionStorage.getItem(ownRoomKey) === id;
  page.drop.classList.add('compact');
  page.link.value = makeLink(location, id, key);
  page.share.hidden = !own;
  if (!own) {
    page.title.textContent = 'Receive files from browser to browser';
    page.dropHint.textContent = 'or drop them here to send some back';
    // What comes in, and may wait for an answer, goes before what one could send.
    page.transfers.parentElement?.after(page.drop);
  }
  link = new Link(signalingUrl(location, id), key, options.worker, { onState: showLink, onOffer: receiveOffer, onError: showLinkError });
}

function showLink(state: LinkState): void {
  const words: Record<LinkState, string> = {
    idle: 'Not connected',
    waiting: 'Waiting to connect',
    connected: link?.verified === true ? 'Connected, encrypted, verified' : 'Connected, encrypted, not verified',
    reconnecting: 'Connection lost, reconnecting',
    failed: 'Not connected',
  };
  const indicator = page.connectionText.parentElement;
  if (indicator !== null) indicator.dataset['state'] = state;
  page.connectionText.textContent = words[state];
  page.status.textContent = words[state];
  page.compare.hidden = state !== 'connected' || link?.verified !== false;
  page.sas.textContent = page.compare.hidden ? '' : (link?.sas.join(', ') ?? '');
  if (state === 'connected') {
    showAlert('');
    page.share.hidden = true;
    for (const { card, files } of queue.splice(0)) offer(card, files);
    return;
  }
  if (state === 'reconnecting') return;
  // Offers that nobody answered went with the session.
  for (const card of cards) {
    if (card.direction === 'receive' && card.state === 'offered') card.showLost();
  }
  if (room !== null && sessionStorage.getItem(ownRoomKey) === room) page.share.hidden = false;
}

function showLinkError(code: string, message: string): void {
  // 4409 is what the server of this site closes with when a third side comes into a room.
  const words = message.includes('4409') ? 'Somebody else is using this link already.' : explain(code, message);
  showAlert(`${words} Reload the page to try again. (${code})`);
}

async function copyLink(): Promise<void> {
  try {
    await navigator.clipboard.writeText(page.link.value);
  } catch {
    // No permission, or no secure context: the old way asks for neither.
    page.link.select();
    document.execCommand('copy');
  }
  page.copy.textContent = 'Copied';
  page.status.textContent = 'Link copied';
}

watchDrops(page.drop, page.files, {
  onFiles: sendFiles,
  onFolder: () => showAlert('Folders cannot be sent yet. Choose the files in it.'),
});
page.copy.addEventListener('click', () => void copyLink());
page.verify.addEventListener('click', () => {
  link?.verify();
  showLink('connected');
});
page.link.addEventListener('focus', () => page.link.select());
window.addEventListener('beforeunload', (event) => {
  if ([...cards].some((card) => card.busy)) event.preventDefault();
});
// Otherwise the other side finds out only when the connection times out.
window.addEventListener('pagehide', () => link?.leave());
// A link pasted into this tab's address changes the fragment only; the page has to start over for it.
window.addEventListener('hashchange', () => location.reload());

if (room !== null) enterRoom(room);
else if (location.hash.includes('room=')) showAlert('This link is not complete. Ask for it again.');
