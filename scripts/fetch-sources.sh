#!/usr/bin/env bash
# Puts the sources of libsodium (1.0.22 or newer) and Catch2 (3.7.1) into the cache folder. Does nothing if they are there.
#
# Ways, tried in this order:
#   1. MILLRACE_LIBSODIUM_SOURCE, MILLRACE_CATCH2_SOURCE: an unpacked folder.
#   2. An official tarball that you put into the cache folder by hand, if its SHA-256 is one of those below.
#   3. Debian's source packages, through apt with lists, state and cache of its own. Of the user's apt set-up, only the address of
#      the mirror is used, and nothing is changed. No root is needed, and apt checks the signatures.
set -euo pipefail

cache="${MILLRACE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/millrace}"
sources="$cache/src"

# <sha256> <folder in the cache>: releases whose content is known.
known_tarballs="
5838bb0c3da6148c24ebe531d1ed1297de9a87aea77d426bcd99f289e681631c libsodium-1.0.22
c991b247a1a0d7bb9c39aa35faf0fe9e19764213f28ffba3109388e62ee0269c Catch2-3.7.1
"

say() { printf '%s\n' "$*" >&2; }

have() { # have PATTERN PROBE: is there a folder of that name, with that file, in the cache?
  compgen -G "$sources/$1/$2" > /dev/null
}

need_libsodium() { [[ -z "${MILLRACE_LIBSODIUM_SOURCE:-}" ]] && ! have 'libsodium-*' src/libsodium/sodium/core.c; }
need_catch2() { [[ -z "${MILLRACE_CATCH2_SOURCE:-}" ]] && ! have 'Catch2-3*' extras/catch_amalgamated.cpp; }

unpack() { # unpack TARBALL FOLDER: by a rename at the end, so that an interrupted run leaves nothing half done.
  local staging
  mkdir -p "$sources"
  staging=$(mktemp -d "$sources/.unpack.XXXXXX")
  tar -xf "$1" -C "$staging" --strip-components=1
  chmod 755 "$staging"
  mv -T "$staging" "$sources/$2" 2>/dev/null || rm -rf "$staging" # Another run was first.
}

unpack_known_tarballs() {
  local tarball sum folder
  for tarball in "$cache"/*.tar.gz; do
    [[ -f "$tarball" ]] || continue
    sum=$(sha256sum "$tarball" | cut -d' ' -f1)
    folder=$(awk -v sum="$sum" '$1 == sum { print $2 }' <<< "$known_tarballs")
    if [[ -z "$folder" ]]; then
      say "Ignored $tarball: its SHA-256 $sum is not that of a known release."
    elif [[ ! -d "$sources/$folder" ]]; then
      unpack "$tarball" "$folder"
    fi
  done
}

explain() {
  say "The sources of libsodium and Catch2 are needed. Please provide:"
  if need_libsodium; then
    say "  libsodium 1.0.22 or newer: an unpacked source folder in MILLRACE_LIBSODIUM_SOURCE, or libsodium-1.0.22's tarball in $cache/"
  fi
  if need_catch2; then
    say "  Catch2 3.7.1: an unpacked source folder in MILLRACE_CATCH2_SOURCE, or its tarball in $cache/"
  fi
  exit 2
}

# Newest version of source package $1 that is at least $2 and, if given, below $3.
newest() {
  local version best=""
  while read -r version; do
    dpkg --compare-versions "$version" ge "$2" || continue
    [[ -z "${3:-}" ]] || dpkg --compare-versions "$version" lt "$3" || continue
    if [[ -z "$best" ]] || dpkg --compare-versions "$version" gt "$best"; then best="$version"; fi
  done < <(apt-cache "${apt_options[@]}" showsrc --only-source "$1" 2>/dev/null | awk '$1 == "Version:" { print $2 }')
  printf '%s' "$best"
}

fetch_package() { # fetch_package NAME VERSION FOLDER
  local tarball
  if [[ -z "$2" ]]; then
    say "The mirror has no suitable source package of $1."
    explain
  fi
  say "Fetching the source of $1 $2 …"
  (cd "$work/download" && apt-get "${apt_options[@]}" -qq source --download-only "$1=$2" > /dev/null)
  tarball=$(compgen -G "$work/download/$1_*.orig.tar.*" | grep -v '\.asc$')
  unpack "$tarball" "$3"
}

fetch_from_debian() {
  local mirror keyring=/usr/share/keyrings/debian-archive-keyring.gpg version
  if ! command -v apt-get > /dev/null || [[ ! -f $keyring ]]; then explain; fi
  # The mirror is the one that this machine already uses for Debian's own main suite.
  # shellcheck disable=SC2016 # The $(…) are apt's.
  mirror=$(apt-get indextargets --format '$(SITE) $(ORIGIN) $(LABEL) $(COMPONENT)' 'Created-By: Packages' 2>/dev/null |
    awk '$2 == "Debian" && $3 == "Debian" && $4 == "main" { print $1; exit }') || true
  [[ -n "$mirror" ]] || explain

  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  mkdir -p "$work"/{parts,download,lists/partial,cache/archives/partial}
  chmod -R a+rX "$work"
  # apt drops its rights to this user when run by root; elsewhere the user owns the folder anyway.
  if [[ $(id -u) == 0 ]] && id _apt > /dev/null 2>&1; then
    chown -R _apt "$work/lists/partial" "$work/cache/archives/partial" "$work/download"
  fi
  printf "deb-src [signed-by=$keyring] $mirror %s main\n" sid trixie > "$work/sources.list"
  apt_options=(-o "Dir::Etc::SourceList=$work/sources.list" -o "Dir::Etc::SourceParts=$work/parts"
    -o "Dir::State::Lists=$work/lists" -o "Dir::Cache=$work/cache" -o APT::Get::Assume-Yes=true
    -o Acquire::Languages=none -o Acquire::Retries=3)

  say "Reading the list of Debian's source packages …"
  apt-get "${apt_options[@]}" -qq update >&2
  if need_libsodium; then
    version=$(newest libsodium 1.0.22)
    fetch_package libsodium "$version" "libsodium-${version%%-*}"
  fi
  if need_catch2; then
    version=$(newest catch2 3.7.1 3.7.2)
    fetch_package catch2 "$version" "Catch2-${version%%-*}"
  fi
}

if need_libsodium || need_catch2; then
  mkdir -p "$cache"
  unpack_known_tarballs
  if need_libsodium || need_catch2; then fetch_from_debian; fi
fi
