#!/usr/bin/env bash
# Builds and runs the test suites; the last line is `N passed, N failed`.
#
#   scripts/test.sh [SUITE…] [options]      unit wasm sim fuzz types package nat e2e (default: all of them)
#
#   coverage runs only when named: which lines of src/ the unit tests and a few simulations run; fails below 95 %
#
#   --seeds N           sim: number of seeds for each scenario (1000); with sanitizers a twentieth, at most 2,000
#   --first N           sim: the first seed (1)
#   --seed S            sim: one seed only, as a failure prints it
#   --fuzz-seconds N    fuzz: how long each target runs (5)
#   --long              e2e: only the long tests: 6 GiB between two browsers, the memory of downloads, long tests
#                       between two browsers of one kind; about 40 minutes
#   --only TEXT         e2e: only files whose path contains TEXT, such as /site.spec
#   --all               nat: every pair of clients and browsers, and networks that change, about 25 minutes, instead of one pair
#                       for each way through
#                       package: also Next.js, Vitest and Jest, which are installed first
set -euo pipefail
cd "$(dirname "$0")/.."

suites=()
arguments=("$@")
while (($#)); do
  case $1 in
    unit | wasm | sim | fuzz | types | package | nat | e2e | coverage) suites+=("$1") ;;
    --seeds | --first | --seed | --fuzz-seconds)
      [[ ${2:-} =~ ^[0-9]+$ ]] || { echo "test.sh: $1 needs a number" >&2; exit 2; }
      shift
      ;;
    --only)
      [[ -n ${2:-} ]] || { echo "test.sh: --only needs a part of a path" >&2; exit 2; }
      shift
      ;;
    --long | --all) ;;
    -h | --help) sed -n '2,17s/^# \{0,1\}//p' scripts/test.sh; exit 0 ;;
    *) echo "test.sh: unknown argument $1 (see --help)" >&2; exit 2 ;;
  esac
  shift
done
if ((${#suites[@]} == 0)); then
  suites=(unit wasm sim fuzz types package nat e2e)
  arguments+=("${suites[@]}")
fi

needs=(node)
for suite in "${suites[@]}"; do
  case $suite in
    unit) needs+=(native format) ;;
    sim) needs+=(native) ;;
    fuzz) needs+=(fuzz) ;;
    coverage) needs+=(native coverage) ;;
    wasm) needs+=(wasm servers) ;;
    types) ;;
    package) needs+=(wasm browsers) ;;
    nat) needs+=(wasm browsers servers networks) ;;
    e2e) needs+=(native wasm browsers servers) ;;
  esac
done
source scripts/setup.sh
millrace_setup "${needs[@]}"
exec node scripts/run-tests.mjs "${arguments[@]}"
