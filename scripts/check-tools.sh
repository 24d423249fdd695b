#!/usr/bin/env bash
# Says in plain words which of the tools that a build needs is missing.
set -euo pipefail

fail() {
  printf 'segue: %s\n' "$@" >&2
  exit 1
}

command -v cargo >/dev/null ||
  fail "cargo was not found." \
    "Install Rust ${RUST_VERSION:-1.89} or newer with rustup (https://rustup.rs), then open a new terminal."

for compiler in "${CC:-cc}" gcc clang; do
  if command -v "${compiler%% *}" >/dev/null; then exit 0; fi
done
fail "no C compiler was found; the linker and two dependencies need one." \
  "Install one: 'apt install build-essential' (Debian, Ubuntu), 'dnf install gcc' (Fedora)," \
  "'xcode-select --install' (macOS); or set CC to its path."
