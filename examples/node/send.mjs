// Sends a file to the other side of an invite link:   node send.mjs LINK FILE
import { openAsBlob } from 'node:fs';
import { basename } from 'node:path';
import { meet } from './meet.mjs';

const [link, path] = process.argv.slice(2);
const peer = await meet(link);
const { files } = await peer.send(await openAsBlob(path), { name: basename(path) }).done;
console.log(`sent ${files[0].root}`);
await peer.close();
// Threads of the WebRTC stack would keep the process alive.
process.exit();
