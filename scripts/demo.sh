#!/usr/bin/env bash
# Builds and serves the demo site with its own signalling, and prints its address.
#
#   scripts/demo.sh                                   PORT (8080, or a free one), HOST (127.0.0.1) and PAGES (a folder that is
#                                                     served below /pages/) may be set
#   scripts/demo.sh --check FILE [--browsers chromium,firefox] [--json]
#                                                     sends FILE between two real browsers and compares the received bytes
set -euo pipefail
cd "$(dirname "$0")/.."

check=""
arguments=()
called_from="$OLDPWD"
while (($#)); do
  case $1 in
    --check)
      [[ -n ${2:-} ]] || { echo "demo.sh: --check needs a file" >&2; exit 2; }
      check=$2
      [[ $check == /* ]] || check=$called_from/$check
      shift 2
      ;;
    --browsers)
      [[ $# -ge 2 ]] || { echo "demo.sh: --browsers needs a list, as in chromium,firefox" >&2; exit 2; }
      arguments+=(--browsers "$2")
      shift 2
      ;;
    --json) arguments+=(--json); shift ;;
    -h | --help) sed -n '2,7s/^# \{0,1\}//p' scripts/demo.sh; exit 0 ;;
    *) echo "demo.sh: unknown argument $1 (see --help)" >&2; exit 2 ;;
  esac
done
if [[ -z $check && ${#arguments[@]} -gt 0 ]]; then
  echo "demo.sh: ${arguments[0]} goes with --check FILE" >&2
  exit 2
fi
# Before anything is built for it.
refuse() { # refuse WHY: as demo-check.mjs would
  echo "demo.sh: $1: $check" >&2
  [[ " ${arguments[*]} " != *" --json "* ]] || echo "{\"verified\":false,\"error\":\"$1\"}"
  exit 2
}
if [[ -n $check ]]; then
  [[ -e $check ]] || refuse "no such file"
  [[ -f $check ]] || refuse "not a file"
  [[ -r $check ]] || refuse "no permission to read"
fi

source scripts/setup.sh
if [[ -n $check ]]; then millrace_setup wasm node browsers; else millrace_setup wasm node; fi
[[ -e dist/millrace_core.wasm ]] || millrace_say "Building; the first time takes some minutes …"
scripts/build-core.sh wasm-release millrace_package
node scripts/build-web.mjs --no-types

if [[ -n $check ]]; then exec node scripts/demo-check.mjs "$check" "${arguments[@]}"; fi
exec node dist/server.js
