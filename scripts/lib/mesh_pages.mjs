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

/** `count` round trips from each agent to the next one, one after the other, all agents at once; of two agents the first one only. ms. */
export async function pingAround(pages, count) {
  const pingers = pages.length === 2 ? pages.slice(0, 1) : pages;
  const ping = (page, to) => page.evaluate(([...args]) => globalThis.agent.ping(...args), [to, count, 0]);
  const trips = await Promise.all(pingers.map((page, index) => ping(page, `agent-${(index + 1) % pages.length}`)));
  return trips.flat();
}
