import { findFragment } from '../base/invite_link.js';
import type { Offer } from '../index.js';
import { keepFragment, openLink, takeFragment, watchFragment } from './address_bar.js';
import { Details } from './details.js';
import { make } from './dom.js';
import { codeOf, explain, labelOf, sentenceOf, type Trouble } from './errors.js';
import type { Intake, LeftOut } from './intake.js';
import { describeIntake } from './intake_words.js';
import { watchLifecycle } from './page_lifecycle.js';
import { watchPicks } from './picker.js';
import { inviteFragment, makeId, makeInviteLink, readPageOptions } from './room.js';
import { lockRoom } from './room_lock.js';
import { isSaving } from './saving.js';
import { SessionKeeper, type SessionState, type Ways } from './session_keeper.js';
import { Share } from './share.js';
import { exposedNotice, lostNotice, readingNotice, takenNotice } from './notices.js';
import { page } from './page.js';
import { showPath } from './path_view.js';
import { missing } from './support.js';
import { byCode, lostNames, memberName, ownRoom } from './tab_memory.js';
import { TransferCard, type CardListener } from './transfer_card.js';
import { keepAwake, renewWakeLock } from './wake_lock.js';

const siteTitle = 'Millrace';
/** An invite link is explained where the other side does not come within this time. */
const nobodyMs = 4_000;
/** A folder that takes longer to read is spoken of. */
const readingMs = 1_000;
const fragment = takeFragment();
const options = readPageOptions(fragment, location.search);
const cards = new Set<TransferCard>();
/** Files that wait for a session, oldest first. */
const queue: { card: TransferCard; files: File[] }[] = [];
/** The files of each sending card, to offer them again. */
const filesOf = new Map<TransferCard, File[]>();
let { room, key } = options;
let keeper: SessionKeeper | null = null;
/** Another tab of this browser has the room. */
let isTaken = false;
/** Frees the room for other tabs; undefined while this tab has none. */
let freeRoom: (() => void) | undefined;
let readingTimer: ReturnType<typeof setTimeout> | undefined;
let nobodyTimer: ReturnType<typeof setTimeout> | undefined;
const share = new Share((words) => (page.status.textContent = words));

const cardListener: CardListener = {
  onState(card, words) {
    page.status.textContent = words;
    if (card.state === 'done') filesOf.delete(card);
    rememberNames();
    showTitle();
  },
  onProgress: showTitle,
  onInterrupted(card) {
    const files = filesOf.get(card);
    if (files !== undefined) sendOrQueue(card, files);
  },
  onDismissed: removeCard,
};

function showTitle(): void {
  const busy = [...cards].filter((card) => card.busy);
  const share = busy.reduce((sum, card) => sum + card.share, 0) / busy.length;
  keepAwake(busy.length > 0);
  document.title = busy.length === 0 ? siteTitle : `${Math.floor(share * 100)} % · ${siteTitle}`;
}

function showAlert(text: string): void {
  page.alert.textContent = text;
  page.alert.hidden = text === '';
}

function showNotice(text: string): void {
  page.notice.textContent = text;
  page.notice.hidden = text === '';
}

/** A page that is loaded again has lost its files: it then names them. */
function rememberNames(): void {
  lostNames.set([...filesOf].flatMap(([card, files]) => (card.state === 'cancelled' ? [] : files.map(({ name }) => name))));
}

/** Whether this browser can transfer files; shows what it lacks. */
function isAble(): boolean {
  const lack = missing();
  showAlert(lack?.message ?? '');
  return lack === undefined;
}

function addCard(card: TransferCard): void {
  cards.add(card);
  // Newest first: a card that needs an answer stands where people look.
  page.transfers.prepend(card.element);
}

function takeIntake(intake: Intake): void {
  clearTimeout(readingTimer);
  const words = describeIntake(intake);
  showNotice(words);
  page.status.textContent = words;
  if (intake.files.length > 0) sendFiles([...intake.files], intake.leftOut);
}

function sendFiles(files: File[], leftOut: readonly LeftOut[] = []): void {
  if (!isAble()) return;
  if (leftOut.length === 0) showNotice('');
  const card = new TransferCard('send', files, cardListener, leftOut);
  filesOf.set(card, files);
  addCard(card);
  // A room that another tab has is of no use here.
  if (keeper === null && (freeRoom === undefined || isTaken)) openOwnRoom();
  sendOrQueue(card, files);
}

function sendOrQueue(card: TransferCard, files: File[]): void {
  if (keeper?.connected === true) {
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
  dropCard(card);
  page.files.focus();
}

function dropCard(card: TransferCard): void {
  cards.delete(card);
  filesOf.delete(card);
  rememberNames();
  card.element.remove();
  showTitle();
}

function offer(card: TransferCard, files: File[]): void {
  try {
    if (keeper !== null) card.follow(keeper.send(files));
  } catch (error) {
    const trouble = codeOf(error);
    removeCard(card);
    showAlert(`${sentenceOf(trouble)} ${labelOf(trouble)}`);
  }
}

function receiveOffer(incoming: Offer): void {
  const card = new TransferCard('receive', incoming.files, cardListener);
  const broken = [...cards].filter((other) => other.state === 'failed' && other.isOf(incoming.files));
  addCard(card);
  // The new card continues the transfer of the broken ones.
  if (card.showOffer(incoming, options.sink, keeper?.verified ?? false)) broken.forEach(dropCard);
}

function openOwnRoom(): void {
  room = makeId();
  key = makeId();
  // The tab remembers the room, so that a reload joins it again and still shows the invite link.
  ownRoom.set(room);
  keepFragment(inviteFragment(room, key));
  enterRoom(room);
}

function enterRoom(id: string): void {
  const own = ownRoom.get() === id;
  if (own) share.show(makeInviteLink(location, id, key));
  else showReceiving();
  takeRoom({ room: id, key, code: null, offersCode: own });
}

/** Waits in the room as soon as no other tab of this browser does. */
function takeRoom(ways: Ways): void {
  freeRoom?.();
  isTaken = false;
  freeRoom = lockRoom(`${ways.offersCode ? 'own' : 'guest'}-${ways.room ?? ''}`, {
    onHeld() {
      // The other tab's files are gone with it.
      if (isTaken) showNotice(lostNotice(isOwn()));
      isTaken = false;
      if (keeper === null) start(ways);
      else keeper.resume();
    },
    onTaken() {
      isTaken = true;
      share.hide(true);
      showNotice(takenNotice);
    },
  });
}

function enterByCode(code: string): void {
  if (!isAble()) return;
  const fragment = findFragment(code);
  if (fragment !== undefined) {
    if (!openLink(code, fragment)) showAlert(`${explain('other-site', '')} (other-site)`);
    return;
  }
  showNotice('');
  byCode.set(false);
  showReceiving();
  start({ room: null, key: null, code, offersCode: false });
}

function showReceiving(): void {
  page.title.textContent = 'Receive files from browser to browser';
  page.dropHint.textContent = 'or drop them here to send some back';
  // Incoming offers, which may wait for an answer, come before the form to send.
  page.transfers.parentElement?.after(page.drop, page.more, page.textCard);
}

function start(ways: Ways): void {
  page.drop.classList.add('compact');
  page.join.hidden = true;
  keeper = new SessionKeeper(ways, options.worker, {
    onState: showState,
    onPath: () => showPath(keeper?.path ?? null),
    onOffer: receiveOffer,
    onError: showFailure,
    onTrouble: (trouble) => showAlert(trouble === null ? '' : `${sentenceOf(trouble)} ${trouble.code === 'wrong-link' ? '' : 'Trying again… '}${labelOf(trouble)}`),
    onCode: (code, because = '') => share.showCode(code, because === '' ? '' : explain(`own-${because}`, '')),
  });
}

function showState(state: SessionState): void {
  const words: Record<SessionState, string> = {
    idle: 'Not connected',
    waiting: 'Waiting to connect',
    connected: keeper?.verified === true ? 'Connected, encrypted, verified' : 'Connected, encrypted, not verified',
    reconnecting: 'Connection lost, reconnecting',
    failed: 'Not connected',
  };
  const indicator = page.connectionText.parentElement;
  if (indicator !== null) indicator.dataset['state'] = state;
  page.connectionText.textContent = words[state];
  page.status.textContent = words[state];
  showPath(keeper?.path ?? null);
  page.compare.hidden = state !== 'connected' || keeper?.verified !== false;
  const pictures = page.compare.hidden ? [] : (keeper?.sas ?? []);
  page.sas.replaceChildren(
    ...pictures.map(({ picture, name }) =>
      make('li', {}, [make('span', { class: 'picture', text: picture, attributes: { 'aria-hidden': 'true' } }), make('span', { text: name })])),
  );
  clearTimeout(nobodyTimer);
  page.nobody.hidden = true;
  if (state === 'waiting' && !isOwn()) {
    // An alert about the last attempt knows more.
    nobodyTimer = setTimeout(() => (page.nobody.hidden = !page.alert.hidden), nobodyMs);
  }
  share.hide(state !== 'waiting' || !isOwn());
  if (state === 'connected') {
    showAlert('');
    if (room === null) byCode.set(true);
    for (const { card, files } of queue.splice(0)) offer(card, files);
    return;
  }
  if (state === 'reconnecting') return;
  // Unanswered offers ended with the session.
  for (const card of cards) {
    if (card.direction === 'receive' && card.state === 'offered') card.showLost();
  }
}

/** Whether this page made the room, and the other side is invited. */
function isOwn(): boolean {
  return room !== null && ownRoom.get() === room;
}

function showFailure(trouble: Trouble): void {
  if (room !== null) {
    showAlert(`${sentenceOf(trouble)} Reload the page to try again. ${labelOf(trouble)}`);
    return;
  }
  // Another code can be typed at once, without losing the cards on the page.
  keeper = null;
  showAlert(`${sentenceOf(trouble)} ${labelOf(trouble)}`);
  page.join.hidden = false;
  page.code.select();
}

function openText(text?: string): void {
  page.textCard.hidden = text === undefined && !page.textCard.hidden;
  page.write.setAttribute('aria-expanded', String(!page.textCard.hidden));
  if (text !== undefined) page.text.value = text;
  if (!page.textCard.hidden) page.text.focus();
}

watchPicks(page.drop, [page.files, page.folder], {
  onReading() {
    page.status.textContent = readingNotice;
    clearTimeout(readingTimer);
    readingTimer = setTimeout(() => showNotice(readingNotice), readingMs);
  },
  onIntake: takeIntake,
  onText: openText,
  onNothing: () => showNotice('There is nothing to send. Choose files, or a folder that has some.'),
});
page.write.addEventListener('click', () => openText());
page.textCard.addEventListener('submit', (event) => {
  event.preventDefault();
  if (page.text.value === '') return;
  sendFiles([new File([page.text.value], 'Text.txt', { type: 'text/plain' })]);
  page.text.value = '';
  openText();
  page.write.focus();
});
page.join.addEventListener('submit', (event) => {
  event.preventDefault();
  enterByCode(page.code.value);
});
page.verify.addEventListener('click', () => {
  keeper?.verify();
  showState('connected');
});
watchLifecycle({
  wouldLose() {
    // Files that are still to be sent would be forgotten, too.
    const waiting = [...filesOf.keys()].some(({ state }) => state === 'queued' || state === 'offered');
    return waiting || isSaving() || [...cards].some((card) => card.busy);
  },
  onLeave() {
    // Otherwise the other side finds out only when the connection times out.
    keeper?.leave();
    freeRoom?.();
    memberName.handOver();
  },
  onReturn() {
    memberName.takeBack();
    if (room === null) keeper?.resume();
    else takeRoom({ room, key, code: null, offersCode: isOwn() });
  },
  onVisibility: renewWakeLock,
});
// An invite link that is pasted into this tab's address changes only the fragment: the page has to start again.
watchFragment(() => location.reload());

// It reads the statistics by itself, once a second.
new Details(() => keeper?.stats());
if (isAble()) {
  if (room !== null) enterRoom(room);
  else if (/room=|key=/i.test(fragment)) showAlert('This link is not complete. Ask for it again.');
  else if (byCode.get()) showNotice('This page was loaded again, and a code works once. The other page shows a new one: type it here, and what was under way goes on.');
  const words = options.exposed ? exposedNotice : lostNotice(isOwn());
  if (words !== '') showNotice(words);
}
// Where this line is not reached, old.js shows what to do.
document.documentElement.dataset['started'] = '';
