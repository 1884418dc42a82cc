/** A signalling room in memory: each member's messages go to all others, as text, one task later. */
export class Room {
  members = new Set();
  /** Every message that was sent, in order. */
  log = [];
  /** Whether a message gets lost; `sent`: all so far, with this one. */
  lose = () => false;

  join() {
    const member = {
      onmessage: null,
      onerror: null,
      closed: false,
      send: (message) => {
        const text = JSON.stringify(message);
        this.log.push(JSON.parse(text));
        if (this.lose(message, this.log)) return;
        for (const other of this.members) {
          if (other !== member) setImmediate(() => other.onmessage?.(JSON.parse(text)));
        }
      },
      close: () => {
        member.closed = true;
        this.members.delete(member);
      },
    };
    this.members.add(member);
    return member;
  }

  /** Says something to everybody that no honest member would. */
  inject(message) {
    for (const member of this.members) member.onmessage?.(message);
  }
}

/** Resolves when everything that is under way in the room has arrived, and what followed from it. */
export async function quiet(room) {
  let count = -1;
  while (count !== room.log.length) {
    count = room.log.length;
    for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }
}
