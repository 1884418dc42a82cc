#!/usr/bin/env bash
# Benchmarks. Each measures Millrace and what it is compared with in the same run.
#
#   scripts/bench.sh NAME [--json] [options of the benchmark]
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
  {
    echo "usage: scripts/bench.sh NAME [--json]"
    echo "  crypto     sealing, opening and hashing in Node.js, compared with npm libsodium-wrappers"
    echo "  core       the way of a record through the core, native and WebAssembly, compared with sealing and hashing alone"
    echo "  loopback   100 MB between two browsers on this machine, compared with the raw channel"
    echo "  size       the bytes that a page downloads, plain and compressed"
    echo "  wan        60 MB between two browsers over emulated links, compared with the raw channel:"
    echo "             wan [LINK...] [--rounds N] [--browsers a>b,c>d] [--bytes N] [--lanes MOST]"
    echo "                 [--peers] [--trace FILE.svg]"
    echo "  field      links that people have, and links that change or are shared, compared with a naive pump:"
    echo "             field [ROW...] [--rounds N] [--browsers a>b,c>d] [--random N] [--seed N] [--trace DIR] [--list]"
    echo "  changes    a transfer while its emulated link changes: a second transfer, a quarter of the rate, an outage:"
    echo "             changes [SCENARIO...] [--rounds N] [--browsers a>b,c>d]; fairness, step, blackout, tenth, blackout-10,"
    echo "             delay-30, delay-100"
    echo "  cpu        processor time per GB by thread, compared with raw channels, with and without an emulated link:"
    echo "             cpu [LINK...] [--rounds N] [--browsers a>b,c>d] [--bytes N]; none, never-drops"
    echo "  latency    round trips of mesh messages, compared with a bare data channel: direct, through TURN, five agents,"
    echo "             during a transfer over an emulated link; and simulated meshes of 10 to 1,000 agents; messages: between"
    echo "             two with a session, and 10,000 of 1 KiB per second; connect: time until a session is connected, at"
    echo "             1, 50 and 150 ms; snap: the same with SNAP at both ends, one or none:"
    echo "             latency [SCENARIO...] [--samples N] [--agents N[,N...]]"
    echo "  targets    checks the targets for throughput, latency and statistics; exits with 1 if one is missed:"
    echo "             targets [TARGET...] [--rounds N] [--browsers a>b] [--bytes N]; lan-ethernet, lan-wifi,"
    echo "             internet-100, internet-1000, direct-pair, turn, five-peer-mesh, statistics"
    echo "  nat        pairs of browsers behind real NATs: the expected path, the path that was found, seconds to connect:"
    echo "             nat [A/B...] [--browsers a>b,c>d] [--fast]"
    echo "  population  hundreds of random links in the model, compared with the naive pump, and how to run each again:"
    echo "             population [--links N] [--seed N] [--first N] [--jobs N]"
    echo "  sensitivity  what half and double of each constant of rate control do to such a population:"
    echo "             sensitivity [CONSTANT...] [--links N] [--seed N] [--jobs N] [--list]"
    echo "  prescriptions  common advice for data channels, compared with the defaults of Millrace:"
    echo "             prescriptions [LINK...] [--markdown] [--rounds N] [--browsers a>b] [--bytes N]"
    echo "  signaling  2,000 rooms and 10,000 sockets at the signalling server: memory, latency, guessed codes:"
    echo "             signaling [--rooms N] [--per-room N] [--seconds N]"
  } >&2
  exit 2
}

name=${1:-}
[[ -n $name ]] || usage
shift
for argument in "$@"; do
  case $name in
    loopback | core | wan | field | changes | cpu | latency | targets | prescriptions | signaling | population | sensitivity | nat) ;;
    *) [[ $argument == --json ]] || usage ;;
  esac
done

source scripts/setup.sh
case $name in
  crypto)
    millrace_setup wasm node
    scripts/build-core.sh wasm-release millrace_bench_crypto
    exec node scripts/bench-crypto.mjs "$@"
    ;;
  core)
    millrace_setup native wasm node
    scripts/build-core.sh release millrace_bench_core
    scripts/build-core.sh wasm-release millrace_bench_core
    exec node scripts/bench-core.mjs "$@"
    ;;
  loopback)
    millrace_setup wasm node browsers
    scripts/build-core.sh wasm-release millrace_package
    node scripts/build-web.mjs --no-types
    exec node scripts/bench-loopback.mjs "$@"
    ;;
  size)
    millrace_setup wasm node
    scripts/build-core.sh wasm-release millrace_package
    node scripts/build-web.mjs --no-types
    exec node scripts/bench-size.mjs "$@"
    ;;
  wan | field | changes | cpu | targets | prescriptions)
    needs=(native wasm node browsers)
    if [[ $name == targets ]]; then needs+=(servers); fi
    millrace_setup "${needs[@]}"
    scripts/build-core.sh release millrace_link_emulator
    scripts/build-core.sh wasm-release millrace_package
    node scripts/build-web.mjs --no-types
    exec node "scripts/bench-$name.mjs" "$@"
    ;;
  nat)
    millrace_setup wasm node browsers servers networks
    scripts/build-core.sh wasm-release millrace_package
    node scripts/build-web.mjs --no-types
    exec node scripts/bench-nat.mjs "$@"
    ;;
  population)
    millrace_setup native node
    scripts/build-core.sh release millrace_population
    exec node scripts/bench-population.mjs "$@"
    ;;
  sensitivity)
    millrace_setup native node
    exec node scripts/bench-sensitivity.mjs "$@"
    ;;
  signaling)
    millrace_setup node
    node scripts/build-web.mjs --server
    exec node scripts/bench-signaling.mjs "$@"
    ;;
  latency)
    millrace_setup native wasm node browsers
    scripts/build-core.sh release millrace_link_emulator
    scripts/build-core.sh release millrace_sim
    scripts/build-core.sh wasm-release millrace_package
    node scripts/build-web.mjs --no-types
    exec node scripts/bench-latency.mjs "$@"
    ;;
  *) usage ;;
esac
