/** The channel of a benchmark has this label, with a number, and this protocol. It carries `BENCHMARK_READY` and packet counts. */
export const BENCHMARK_PREFIX = 'benchmark';
export const BENCHMARK_PROTOCOL = 'millrace-benchmark/1';
/** From the answering side: it takes the lanes. */
export const BENCHMARK_READY = 'ready';

/** Short enough for a few samples of a transfer of less than a second, ms. */
export const BENCHMARK_SAMPLE_MS = 200;

/** The prefix of the lanes that belong to such a channel. */
export const lanesOf = ({ label }: RTCDataChannel): string => `${label}-lane`;
