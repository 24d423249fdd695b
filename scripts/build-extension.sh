#!/usr/bin/env bash
# Builds the loadable extension for this machine and packages it as DuckDB wants it.
#
#     scripts/build-extension.sh TARGET [CARGO-FLAG]…
#
# It becomes TARGET/extension/segue.duckdb_extension. TARGET is the shell's cargo target, too: the
# two builds differ in Segue and DuckDB's bindings, and share all other dependencies.
set -euo pipefail
cd "$(dirname "$0")/.."

target=$1
shift
case "$(rustc -vV | sed -n 's/^host: //p')" in
  x86_64-*-linux-gnu*) platform=linux_amd64 library=libsegue_extension.so ;;
  aarch64-*-linux-gnu*) platform=linux_arm64 library=libsegue_extension.so ;;
  x86_64-*-linux-musl*) platform=linux_amd64_musl library=libsegue_extension.so ;;
  aarch64-*-linux-musl*) platform=linux_arm64_musl library=libsegue_extension.so ;;
  x86_64-apple-darwin) platform=osx_amd64 library=libsegue_extension.dylib ;;
  aarch64-apple-darwin) platform=osx_arm64 library=libsegue_extension.dylib ;;
  *)
    echo "segue: the extension is built on Linux and macOS, for x86-64 and arm64, not for" \
      "$(rustc -vV | sed -n 's/^host: //p')" >&2
    exit 1
    ;;
esac
version=v$(sed -n 's/^version = "\(.*\)"/\1/p' extensions/segue/Cargo.toml)

CARGO_TARGET_DIR=$target ${CARGO:-cargo} build --manifest-path extensions/segue/Cargo.toml "$@"
output=$target/extension/segue.duckdb_extension
scripts/package-extension.sh "$target/debug/$library" "$output" "$platform" "$version"
echo "segue: $output ($platform, $version, $(du -h "$output" | cut -f1 | tr -d ' '))" >&2
