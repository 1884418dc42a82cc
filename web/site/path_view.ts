import { wordsOfPath } from '../base/path_words.js';
import type { PeerPath } from '../index.js';
import { page } from './page.js';

/** Shows the path of the connection; null, or while the page is not connected: none. */
export function showPath(path: PeerPath | null): void {
  const isConnected = page.connectionText.parentElement?.dataset['state'] === 'connected';
  page.path.hidden = path === null || !isConnected;
  if (path === null || !isConnected) return;
  page.pathText.textContent = wordsOfPath(path);
  page.path.dataset['kind'] = path.kind;
  const ways = path.kind === 'direct' ? 'Straight to the other side' : 'Through a relay (TURN server), which cannot read anything';
  page.path.title = `${ways}; IPv${path.family}`;
}
