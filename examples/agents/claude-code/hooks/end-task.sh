#!/bin/sh
# SessionEnd: ends the task that start-task.sh started for this session.
set -eu
session=$(sed -n 's/.*"session_id" *: *"\([0-9A-Za-z-]*\)".*/\1/p' | head -n 1)
file="$HOME/.local/state/credctl/claude-code/${session:?the hook was given no session_id}"
[ -f "$file" ] || exit 0
# A task that is over already is what was wanted.
credctl task end "$(cat "$file")" || true
rm -f "$file"
