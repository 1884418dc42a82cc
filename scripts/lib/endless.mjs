// Transfers that go on for as long as a measurement does, between bare pages.

/** More than any link carries while anyone waits. */
const endlessBytes = 1e12;
/** A silence is known to this, ms. */
const lookEveryMs = 20;

/** Lets one of two connected pages send to the other, whose sink only counts. Resolves when the first bytes have come. */
export async function startEndless(sender, receiver) {
  await sender.evaluate((size) => globalThis.bare.sendEndless(size), endlessBytes);
  await receiver.evaluate(async (everyMs) => {
    const { Arrivals } = await import(new URL('arrivals.js', location.href).href);
    await globalThis.bare.nextOffer();
    const transfer = globalThis.bare.acceptIntoStream({ hash: false });
    globalThis.arrivals = new Arrivals();
    const look = async () => {
      const { bytes } = await globalThis.bare.streamed(transfer);
      if (bytes > globalThis.arrivals.bytes) globalThis.arrivals.add(bytes - globalThis.arrivals.bytes);
      setTimeout(() => void look(), everyMs);
    };
    await globalThis.bare.untilBytes(transfer, 1);
    await look();
  }, lookEveryMs);
}

/** What the sink has had so far, in the order of the file: bytes, and the longest time without any since the first, ms. */
export function arrived(receiver) {
  return receiver.evaluate(() => globalThis.arrivals.soFar());
}
