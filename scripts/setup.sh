#!/usr/bin/env bash
# Installs missing tools. Quick if none is missing.
#
#   scripts/setup.sh [native] [fuzz] [coverage] [format] [wasm] [node] [servers] [browsers] [networks]     (default: all)
#
# or, from another script, `source scripts/setup.sh; millrace_setup NEED…`, which also puts the right Node.js on the PATH.
# Installs through apt as root or with a passwordless sudo; otherwise lists exactly what to provide and exits with 2.
# Messages go to stderr: stdout belongs to the command that needs the tools.
set -euo pipefail

millrace_root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
millrace_cache="${MILLRACE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/millrace}"

# Node.js from npm, for systems whose own is older than 20 (Debian 12 has 18). Pinned by content.
millrace_node_version=22.23.3
millrace_node_integrity_x64=sha512-qHnz5tFsHoj/WM+uRENVjWONi5hVvmwrgq8A4V76KpuVNAc4+jwK8x4gwbobE9BtHNg/AKR2583eYorLF/c7ng==
millrace_node_integrity_arm64=sha512-l3DAHZreylo+p9QXDtsOrjG2JXJqVzYXnAGmIQNOUNARcMppTO2cmewVQP+36tjJnSE+dzpMNtgW+c3oiDvXtA==

millrace_say() { printf '%s\n' "$*" >&2; }
millrace_has() { command -v "$1" > /dev/null 2>&1; }

# --- What is needed -----------------------------------------------------------------------------------------------------

millrace_packages=() # Debian packages that would provide what is missing
millrace_missing=()  # and the same in words

millrace_need() { # millrace_need PACKAGE WORDS, once each
  [[ " ${millrace_packages[*]} " != *" $1 "* ]] || return 0
  millrace_packages+=("$1")
  millrace_missing+=("$2")
}

millrace_has_runtime() { # millrace_has_runtime asan|fuzzer: is this runtime of clang's installed?
  compgen -G "$(clang++ -print-resource-dir)/lib/*/libclang_rt.$1*" > /dev/null
}

millrace_check_compiler() {
  millrace_has cmake || millrace_need cmake "cmake 3.25 or newer"
  millrace_has ninja || millrace_need ninja-build "ninja"
}

millrace_check_clang() {
  if ! millrace_has clang++; then
    millrace_need clang "clang++ 14 or newer"
    # Debian's `clang` is the version of the suite; its runtimes are a package of that version.
    local version
    version=$(apt-cache depends clang 2> /dev/null | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p' | head -n1) || true
    millrace_need "libclang-rt-${version:-14}-dev" "clang's runtimes of AddressSanitizer, UndefinedBehaviorSanitizer and libFuzzer"
  elif ! millrace_has_runtime asan || ! millrace_has_runtime fuzzer; then
    millrace_need "libclang-rt-$(clang++ -dumpversion | cut -d. -f1)-dev" \
      "clang's runtimes of AddressSanitizer, UndefinedBehaviorSanitizer and libFuzzer"
  fi
}

# They read only what a clang of their own version wrote; Debian's `llvm` is of the same version as its `clang`.
millrace_check_coverage() {
  { millrace_has llvm-profdata && millrace_has llvm-cov; } || millrace_need llvm "llvm-profdata and llvm-cov of clang's version"
}

millrace_node_is_recent() { # millrace_node_is_recent NODE
  local version
  version=$("$1" --version 2> /dev/null) || return 1
  version=${version#v}
  ((${version%%.*} >= 20))
}

millrace_use_cached_node() { # The Node.js that an earlier run put into the cache.
  local bin
  bin=$(compgen -G "$millrace_cache/node-$millrace_node_version/node_modules/node-linux-*/bin") || return 1
  millrace_node_is_recent "$bin/node" || return 1
  # The folder goes in front of everything, for npx, npm scripts and the shebangs of what they run.
  PATH="$bin:$PATH"
  export PATH
}

millrace_use_node() { # Is there a Node.js ≥ 20, on the PATH or in the cache?
  { millrace_has node && millrace_node_is_recent node; } || millrace_use_cached_node
}

millrace_check_node() {
  [[ $1 != with-npm ]] || millrace_has unzip || millrace_need unzip "unzip, which reads the ZIP files of the tests"
  [[ $1 != with-npm ]] || millrace_has bsdtar || millrace_need libarchive-tools "bsdtar, which reads them, too"
  if ! millrace_use_node; then
    millrace_has node || millrace_need nodejs "Node.js 20 or newer"
    millrace_has npm || millrace_need npm "npm"
  elif [[ $1 == with-npm ]] && ! millrace_npm_is_done; then
    millrace_has npm || millrace_need npm "npm"
  fi
}

millrace_check_emscripten() {
  # An emsdk on the PATH comes first simply by being found.
  millrace_has emcc || millrace_need emscripten "emscripten 3.1.6 or newer (emcc on the PATH, of an emsdk or of your system)"
}

millrace_check_browsers() {
  [[ -x /usr/bin/chromium ]] || millrace_need chromium "Chromium at /usr/bin/chromium"
  [[ -x /usr/bin/firefox-esr ]] || millrace_need firefox-esr "Firefox ESR at /usr/bin/firefox-esr"
}

# A broker, a TURN server and two proxies, for the tests that need real ones; the tests start and end them.
millrace_check_servers() {
  local PATH="$PATH:/usr/sbin"
  millrace_has mosquitto || millrace_need mosquitto "mosquitto 2 (an MQTT broker)"
  millrace_has turnserver || millrace_need coturn "coturn 4 (a TURN server, with turnutils_uclient)"
  millrace_has nginx || millrace_need nginx "nginx (a web server)"
  millrace_has caddy || millrace_need caddy "Caddy 2 (a web server)"
  millrace_has openssl || millrace_need openssl "openssl"
}

# For network namespaces with NAT; they also need root.
millrace_check_networks() {
  local PATH="$PATH:/usr/sbin:/sbin"
  millrace_has ip || millrace_need iproute2 "ip of iproute2"
  millrace_has nft || millrace_need nftables "nft of nftables"
  millrace_has conntrack || millrace_need conntrack "conntrack"
  millrace_has openssl || millrace_need openssl "openssl"
}

# --- Getting it ---------------------------------------------------------------------------------------------------------

millrace_install() {
  ((${#millrace_packages[@]})) || return 0
  local sudo=()
  if [[ $(id -u) != 0 ]]; then
    if millrace_has sudo && sudo -n true 2> /dev/null; then sudo=(sudo -n); else millrace_explain; fi
  fi
  millrace_has apt-get || millrace_explain
  millrace_say "Installing ${millrace_packages[*]} …"
  local log
  log=$(mktemp)
  if ! "${sudo[@]}" apt-get -q update > "$log" 2>&1 ||
    ! "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qy --no-install-recommends install \
      "${millrace_packages[@]}" >> "$log" 2>&1 < /dev/null; then
    tail -n 20 "$log" >&2
    rm -f "$log"
    millrace_explain
  fi
  rm -f "$log"
  millrace_stop_services
}

# Debian starts what it installs, on its usual ports, where there is an init to start it. Nobody asked for that.
millrace_stop_services() {
  local package
  [[ -d /run/systemd/system ]] || return 0
  for package in mosquitto coturn nginx caddy; do
    [[ " ${millrace_packages[*]} " != *" $package "* ]] || "${sudo[@]}" systemctl disable --now "$package" > /dev/null 2>&1 || true
  done
}

millrace_explain() {
  millrace_say "These tools are missing and could not be installed here. Please provide:"
  local words
  for words in "${millrace_missing[@]}"; do millrace_say "  $words"; done
  exit 2
}

# Node.js 20 or newer out of npm's own package of it, where the system's is older.
millrace_fetch_node() {
  millrace_use_node && return
  local arch integrity
  case $(uname -m) in
    x86_64) arch=x64 integrity=$millrace_node_integrity_x64 ;;
    aarch64) arch=arm64 integrity=$millrace_node_integrity_arm64 ;;
    *) arch="" ;;
  esac
  local target="$millrace_cache/node-$millrace_node_version" staging
  if [[ -n $arch ]] && millrace_has npm; then
    millrace_say "Fetching Node.js $millrace_node_version (the system has $(node --version 2> /dev/null || echo none)) …"
    mkdir -p "$millrace_cache"
    staging=$(mktemp -d "$millrace_cache/.node.XXXXXX")
    cat > "$staging/package.json" << JSON
{ "name": "node-for-millrace", "private": true, "dependencies": { "node-linux-$arch": "$millrace_node_version" } }
JSON
    cat > "$staging/package-lock.json" << JSON
{ "name": "node-for-millrace", "lockfileVersion": 3, "requires": true, "packages": {
  "": { "name": "node-for-millrace", "dependencies": { "node-linux-$arch": "$millrace_node_version" } },
  "node_modules/node-linux-$arch": { "version": "$millrace_node_version", "integrity": "$integrity" } } }
JSON
    if (cd "$staging" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2 < /dev/null); then
      chmod 755 "$staging"
      mv -T "$staging" "$target" 2> /dev/null || true # Another run was first.
    fi
    rm -rf "$staging"
  fi
  millrace_use_cached_node || {
    millrace_missing=("Node.js 20 or newer (here: $(node --version 2> /dev/null || echo none)), with npm")
    millrace_explain
  }
}

# --- What npm installs --------------------------------------------------------------------------------------------------

millrace_npm_is_done() {
  cmp -s "$millrace_root/package-lock.json" "$millrace_root/node_modules/.millrace-lock"
}

millrace_install_npm() {
  millrace_npm_is_done && return
  millrace_say "Installing the Node.js packages of package-lock.json …"
  # Debian's npm is split over packages that only Debian's own node finds, so it must not run under another one.
  local path="$PATH"
  if [[ $(command -v npm) == /usr/bin/npm && -d /usr/share/nodejs/npm ]]; then path="/usr/bin:/bin:$PATH"; fi
  (cd "$millrace_root" && PATH="$path" npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2 < /dev/null) || {
    millrace_say "npm ci failed. Please provide the packages of package-lock.json in node_modules/."
    exit 2
  }
  cp "$millrace_root/package-lock.json" "$millrace_root/node_modules/.millrace-lock"
}

# --- The way in ---------------------------------------------------------------------------------------------------------

millrace_setup() { # millrace_setup NEED…
  local need node="" sources=""
  for need in "$@"; do
    case $need in
      native | fuzz) millrace_check_compiler; millrace_check_clang; sources=1 ;;
      coverage) millrace_check_coverage ;;
      format) millrace_has clang-format || millrace_need clang-format "clang-format 14 or newer" ;;
      wasm) millrace_check_compiler; millrace_check_emscripten; sources=1; node=${node:-plain} ;;
      node) node=with-npm ;;
      servers) millrace_check_servers ;;
      browsers) millrace_check_browsers; node=with-npm ;;
      networks) millrace_check_networks ;;
      *) millrace_say "setup.sh knows native, fuzz, coverage, format, wasm, node, servers, browsers and networks, not '$need'"; exit 2 ;;
    esac
  done
  if [[ -n $node ]]; then millrace_check_node "$node"; fi
  millrace_install
  if [[ -n $node ]]; then millrace_fetch_node; fi
  if [[ $node == with-npm ]]; then millrace_install_npm; fi
  if [[ -n $sources ]]; then "$millrace_root/scripts/fetch-sources.sh"; fi
  # A cache that this user cannot write to (an emsdk of somebody else's) would stop emcc from building its libraries.
  # Debian's is complete and frozen, and must stay where it is.
  if [[ " $* " == *" wasm "* && -z "${EM_CACHE:-}" && $(command -v emcc) != /usr/bin/emcc ]]; then
    local em_cache
    em_cache=$(em-config CACHE 2> /dev/null) || em_cache=""
    if [[ -n $em_cache && ! -w $em_cache ]]; then
      mkdir -p "$millrace_cache/emscripten"
      export EM_CACHE="$millrace_cache/emscripten"
    fi
  fi
}

if [[ "${BASH_SOURCE[0]}" == "$0" ]]; then
  if (($# == 0)); then set -- native fuzz coverage format wasm node servers browsers networks; fi
  millrace_setup "$@"
fi
