#!/usr/bin/env bash
# Puts DuckDB's prebuilt library into a folder, once, from the npm package that carries it.
#
#     scripts/fetch-libduckdb.sh FOLDER
#
# Does nothing where the library of this version is already there. Whoever sets DUCKDB_LIB_DIR
# brings a library of their own: then it is only checked. npm knows which registry to ask.
set -euo pipefail

version=1.5.6
package_version=1.5.6-r.1

remedies="  - install Node.js with npm, give it network access, and run the command again; or
  - set DUCKDB_LIB_DIR to a folder that holds the library of DuckDB $version (libduckdb.so,
    libduckdb.dylib), as offered for download on DuckDB's installation page; or
  - run make with FEATURES=bundled, which compiles DuckDB from source (about an hour)"

fail() {
  printf 'segue: %s\n' "$1" >&2
  shift
  for line in "$@"; do printf '%s\n' "$line" >&2; done
  exit 1
}

[ $# -eq 1 ] || fail "usage: scripts/fetch-libduckdb.sh FOLDER"
folder=$1

case "$(uname -s)" in
  Linux) system=linux library=libduckdb.so ;;
  Darwin) system=darwin library=libduckdb.dylib ;;
  *) fail "no prebuilt DuckDB is fetched for $(uname -s). What helps:" "$remedies" ;;
esac

if [ -n "${DUCKDB_LIB_DIR-}" ]; then
  case $DUCKDB_LIB_DIR in
    /*) ;;
    *) fail "DUCKDB_LIB_DIR is '$DUCKDB_LIB_DIR'; give the folder's absolute path." ;;
  esac
  for name in "$library" libduckdb.a; do
    [ ! -e "$DUCKDB_LIB_DIR/$name" ] || exit 0
  done
  fail "DUCKDB_LIB_DIR is '$DUCKDB_LIB_DIR', and there is no $library in that folder." \
    "Correct the variable, or unset it to have the library of DuckDB $version fetched."
fi

if [ -s "$folder/$library" ] && [ "$(cat "$folder/VERSION" 2>/dev/null)" = "$package_version" ]; then
  exit 0
fi

case "$(uname -m)" in
  x86_64 | amd64) machine=x64 ;;
  aarch64 | arm64) machine=arm64 ;;
  *) fail "no prebuilt DuckDB is published for $system on $(uname -m). What helps:" "$remedies" ;;
esac
package=@duckdb/node-bindings-$system-$machine@$package_version

command -v npm >/dev/null ||
  fail "npm was not found; it is needed once, to fetch $library of DuckDB $version. What helps:" \
    "$remedies"

# A folder beside the goal, so that the last step is a rename within one file system: an
# interrupted run leaves no half library behind.
mkdir -p "$(dirname "$folder")"
parent=$(cd "$(dirname "$folder")" && pwd)
work=$(mktemp -d "$parent/.libduckdb.XXXXXX")
trap 'rm -rf "$work"' EXIT

echo "segue: fetching $library of DuckDB $version ($package)" >&2
if ! (cd "$work" && npm pack --loglevel=error "$package") >"$work/npm.log" 2>&1; then
  # The first lines name the error; a stack trace and advice about logs follow.
  fail "npm could not fetch $package. It says:" \
    "$(grep -v '^\(npm error\)\{0,1\}[[:space:]]*$' "$work/npm.log" | head -n 4 | sed 's/^/    /')" \
    "Without network access npm cannot fetch. What helps:" "$remedies"
fi

archives=("$work"/*.tgz)
[ -s "${archives[0]}" ] || fail "npm fetched $package, but left no archive. What helps:" "$remedies"
tar -xzf "${archives[0]}" -C "$work" ||
  fail "the archive of $package cannot be unpacked; is the disk full?"
[ -s "$work/package/$library" ] ||
  fail "the archive of $package holds no $library. What helps:" "$remedies"

mkdir -p "$folder"
# Replaced whole: a program that has the old library open keeps it.
mv -f "$work/package/$library" "$folder/$library"
printf '%s\n' "$package_version" >"$work/VERSION"
mv -f "$work/VERSION" "$folder/VERSION"
echo "segue: $folder/$library is there ($(du -h "$folder/$library" | cut -f1 | tr -d ' '))" >&2
