#!/usr/bin/env bash
# Makes a DuckDB extension of a shared library: package-extension.sh LIBRARY OUTPUT PLATFORM VERSION
#
# DuckDB reads the last 512 bytes of an extension: eight fields of 32 bytes, the last field first,
# padded with zeros, then 256 bytes for a signature, which an unsigned file leaves empty.
set -euo pipefail

library=$1 output=$2 platform=$3 version=$4
api=v1.5.6 # as in extensions/segue/src/lib.rs

field() { # one field of 32 bytes
  [ "${#1}" -le 32 ] || { echo "package-extension: '$1' is longer than 32 bytes" >&2; exit 1; }
  printf '%s' "$1"
  head -c $((32 - ${#1})) /dev/zero
}

mkdir -p "$(dirname "$output")"
# Written beside it and renamed, so that a process that has the old file loaded keeps it.
partial=$output.partial
cp "$library" "$partial"
chmod u+w "$partial"
case $platform in
  osx_*) strip -x "$partial" ;;
  *) strip --strip-unneeded "$partial" ;;
esac
{
  # The fields are a custom section of a WebAssembly file, as DuckDB's own tools write it.
  printf '\x00\x93\x04\x10duckdb_signature\x80\x04'
  field ''         # unused
  field ''         # unused
  field ''         # unused
  field 'C_STRUCT' # how the extension calls DuckDB: through the struct of its stable C API
  field "$version"
  field "$api"
  field "$platform"
  field '4' # marks an extension
  head -c 256 /dev/zero
} >> "$partial"
mv -f "$partial" "$output"
