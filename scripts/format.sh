#!/usr/bin/env bash
# Formats the C++ in place, as `scripts/test.sh unit` requires.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/setup.sh
millrace_setup format
find src wasm tests -name '*.h' -print0 -o -name '*.cpp' -print0 | xargs -0 clang-format -i
