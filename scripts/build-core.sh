#!/usr/bin/env bash
# Configures and builds one CMake preset, quietly: the output is shown only when it fails.
#
#   scripts/build-core.sh PRESET [TARGET…]
set -euo pipefail
cd "$(dirname "$0")/.."
preset=$1
shift

log=$(mktemp)
trap 'rm -f "$log"' EXIT
run() {
  if ! "$@" > "$log" 2>&1; then
    cat "$log" >&2
    exit 1
  fi
}
# Configuring again finds nothing to do, but notices an upgraded compiler or a changed preset.
run cmake --preset "$preset"
targets=()
if (($#)); then targets=(--target "$@"); fi
run cmake --build --preset "$preset" "${targets[@]}"
