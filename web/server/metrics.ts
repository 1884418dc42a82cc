/** A value that is read when metrics are requested. */
interface Gauge {
  readonly name: string;
  readonly help: string;
  readonly value: () => number;
}

interface Counter {
  readonly name: string;
  readonly help: string;
  /** By label text, such as `code="4409"`; '' for a counter without labels. */
  readonly values: Map<string, number>;
}

/** Counters and gauges in the text format of Prometheus, version 0.0.4. Names and labels are constants of this program. */
export class Metrics {
  readonly #counters = new Map<string, Counter>();
  readonly #gauges: Gauge[] = [];

  counter(name: string, help: string): void {
    this.#counters.set(name, { name, help, values: new Map() });
  }

  gauge(name: string, help: string, value: () => number): void {
    this.#gauges.push({ name, help, value });
  }

  /** Errors: throws where `name` was not declared. */
  add(name: string, amount = 1, label = ''): void {
    const counter = this.#counters.get(name);
    if (counter === undefined) throw new Error(`there is no counter ${name}`);
    counter.values.set(label, (counter.values.get(label) ?? 0) + amount);
  }

  toString(): string {
    const lines: string[] = [];
    for (const { name, help, values } of this.#counters.values()) {
      lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} counter`);
      if (values.size === 0) lines.push(`${name} 0`);
      for (const [label, value] of values) lines.push(`${name}${label === '' ? '' : `{${label}}`} ${value}`);
    }
    for (const { name, help, value } of this.#gauges) lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} gauge`, `${name} ${value()}`);
    return `${lines.join('\n')}\n`;
  }
}

/** What the server counts. */
export function createMetrics(): Metrics {
  const metrics = new Metrics();
  metrics.counter('millrace_messages_total', 'Signalling messages taken from clients.');
  metrics.counter('millrace_message_bytes_total', 'Bytes of those messages.');
  metrics.counter('millrace_refused_total', 'Sockets that were not let into a room, by close code.');
  metrics.counter('millrace_expelled_total', 'Sockets that were closed by the server later on, by close code.');
  metrics.counter('millrace_replaced_total', 'Sockets that were replaced by a newer one of the same member.');
  metrics.counter('millrace_guesses_total', 'Joins by the number of a code: hit, miss, or blocked without being looked at.');
  metrics.counter('millrace_met_total', 'Hits that came to a session.');
  metrics.counter('millrace_ice_total', 'Requests for ICE servers, by status.');
  metrics.counter('millrace_bridge_messages_total', 'Messages over the bridge, by direction; dropped: the broker was away or slow.');
  metrics.gauge('process_resident_memory_bytes', 'Resident memory.', () => process.memoryUsage.rss());
  metrics.gauge('process_start_time_seconds', 'Start of the process since 1970.', () => Math.floor(performance.timeOrigin / 1000));
  return metrics;
}
