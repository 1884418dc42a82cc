// Receives the first offer of the other side of an invite link into a folder:   node receive.mjs LINK FOLDER
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { meet } from './meet.mjs';

const [link, folder] = process.argv.slice(2);
const peer = await meet(link);
const offer = await new Promise((resolve) => (peer.onincoming = resolve));
// Names are cleaned already: they cannot lead out of the folder. 'wx': nothing is overwritten.
const sink = ({ name }) => Writable.toWeb(createWriteStream(join(folder, name), { flags: 'wx' }));
const { files } = await offer.accept({ sink }).done;
console.log(`received ${files[0].root}`);
await peer.close();
process.exit();
