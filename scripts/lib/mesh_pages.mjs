// Pages of e2e/pages/mesh.html as agents of one mesh.
import { randomBytes } from 'node:crypto';

/** How many a room of the site has to hold. */
export const meshRoom = { MAX_CLIENTS_PER_ROOM: '16' };

/** Lets each page join a new room as `agent-0`, `agent-1` …, until all are connected with all. `options`: of `createMesh`. Errors: rejects with what a page said. */
export async function joinMesh(pages, options = {}) {
  const room = randomBytes(16).toString('base64url');
  const failures = await Promise.all(
    pages.map((page, index) => page.evaluate(([...args]) => globalThis.agent.join(...args), [room, `agent-${index}`, options])),
  );
  for (const failure of failures) if (failure !== null) throw new Error(failure.message);
  await Promise.all(pages.map((page) => page.evaluate((count) => globalThis.agent.untilConnected(count), pages.length - 1)));
}

/** `count` round trips from an agent to another, one after the other, ms. */
export const pingMesh = (page, to, count) => page.evaluate(([...args]) => globalThis.agent.ping(...args), [to, count, 0]);

/** The same from each agent to the next one, all at once; of two agents the first one only. */
export async function pingAround(pages, count) {
  const pingers = pages.length === 2 ? pages.slice(0, 1) : pages;
  const trips = await Promise.all(pingers.map((page, index) => pingMesh(page, `agent-${(index + 1) % pages.length}`, count)));
  return trips.flat();
}
