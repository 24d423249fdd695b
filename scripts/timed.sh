#!/usr/bin/env bash
# Runs a command under a heading and says how long it took.
#
#     scripts/timed.sh HEADING COMMAND [ARGUMENT]…
set -euo pipefail
heading=$1
shift
printf '\n== %s\n' "$heading"
start=$SECONDS
status=0
"$@" || status=$?
if [ "$status" -eq 0 ]; then outcome=done; else outcome="FAILED (exit code $status)"; fi
printf '== %s: %s after %d s\n' "$heading" "$outcome" "$((SECONDS - start))"
exit "$status"
