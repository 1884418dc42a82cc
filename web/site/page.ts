import { byId } from './dom.js';

/** The elements of the page that change. */
export const page = {
  title: byId('title', HTMLHeadingElement),
  lead: byId('lead', HTMLParagraphElement),
  alert: byId('alert', HTMLParagraphElement),
  notice: byId('notice', HTMLParagraphElement),
  drop: byId('drop', HTMLElement),
  dropHint: byId('drop-hint', HTMLElement),
  files: byId('files', HTMLInputElement),
  folder: byId('folder', HTMLInputElement),
  more: byId('more', HTMLElement),
  write: byId('write', HTMLButtonElement),
  textCard: byId('text-card', HTMLFormElement),
  text: byId('text', HTMLTextAreaElement),
  join: byId('join', HTMLFormElement),
  code: byId('code', HTMLInputElement),
  nobody: byId('nobody', HTMLParagraphElement),
  compare: byId('compare', HTMLElement),
  sas: byId('sas', HTMLOListElement),
  verify: byId('verify', HTMLButtonElement),
  transfers: byId('transfers', HTMLUListElement),
  status: byId('status', HTMLParagraphElement),
  connectionText: byId('connection-text', HTMLSpanElement),
  path: byId('path', HTMLParagraphElement),
  pathText: byId('path-text', HTMLSpanElement),
};
