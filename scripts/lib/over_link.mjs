// Pages at the two ends of an emulated link, for one measurement.
import { startEmulator } from '../../e2e/emulator/emulator.mjs';
import { settingsOf } from '../../e2e/emulator/links.mjs';
import { withPages } from './measure.mjs';

/**
 * Fresh pages at the two ends of a fresh link: a sender and a receiver, or as many senders, then as many receivers, as
 * `pairs` says. `extraDelaysMs`: how much longer the path of each pair is than the link, one way. `body(pages, emulator)` gives
 * what it measured; what the link saw of it is added. `prepare` gets each page before it loads `url`.
 * Errors: rejects where a connection went around the link.
 */
export async function overLink({ profiles, link, seed, pairs = 1, extraDelaysMs = [] }, url, body, prepare = async () => {}) {
  const emulator = startEmulator({ seed });
  try {
    for (const settings of settingsOf(link)) await emulator.set(settings);
    const attach = async (page, index) => {
      await emulator.attach(page, index < pairs ? 'a' : 'b', { extraDelayMs: extraDelaysMs[index % pairs] ?? 0 });
      await prepare(page);
    };
    const ends = profiles.flatMap((profile) => Array.from({ length: pairs }, () => profile));
    return await withPages(ends, url, async (...pages) => {
      const measured = await body(pages, emulator);
      const [stats, trace, unreadPackets] = await Promise.all([emulator.stats(), emulator.trace(), emulator.unreadPackets()]);
      for (const page of pages) await emulator.checkPath(page);
      return { ...measured, stats, trace, unreadPackets };
    }, attach);
  } finally {
    await emulator.stop();
  }
}
