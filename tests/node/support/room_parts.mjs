// The parts of a room, for members that do not behave: bundled from the sources, with the engine and the core of dist/.
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const web = fileURLToPath(new URL('../../../web', import.meta.url));
const dist = new URL('../../../dist/', import.meta.url);

const fromDist = {
  name: 'from-dist',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\/(engine|millrace_\w+)\.js$/ }, ({ path }) => ({ path: new URL(path, dist).href, external: true }));
  },
};

const { outputFiles } = await build({
  stdin: {
    contents: `
      export { Notes, toNoteText } from './session/notes.ts';
      export { Meeting } from './room/meeting.ts';
      export { introduce } from './room/introduction.ts';
      export { claimIdentity, idOf, isSignedBy, releaseIdentity } from './room/identity.ts';
      export { drawInvite, formatInvite, parseInvite } from './room/invite.ts';
      export { parseRoomMessage, toRoomMessage } from './room/room_messages.ts';
      export { RoomChannel } from './room/room_channel.ts';
      export { GroupTransferImpl } from './room/group_transfer.ts';
      export { resolveRoomOptions } from './room/options.ts';
      export { resolveWhere } from './room/where.ts';
    `,
    resolveDir: web,
    loader: 'ts',
  },
  bundle: true,
  format: 'esm',
  target: 'es2022',
  platform: 'node',
  write: false,
  // Files beside the bundle are those of dist/.
  define: { 'import.meta.url': JSON.stringify(new URL('millrace.js', dist).href) },
  plugins: [fromDist],
  external: ['./words.js', './mqtt_client.js'],
  logLevel: 'warning',
});

export const parts = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`);
