#!/bin/sh
# SessionStart: starts the task that the arguments name, for all commands of the session. The file
# that Claude Code reads variables from gets places of files, and no secret.
set -eu
session=$(sed -n 's/.*"session_id" *: *"\([0-9A-Za-z-]*\)".*/\1/p' | head -n 1)
: "${session:?the hook was given no session_id}" "${CLAUDE_ENV_FILE:?}"

umask 077
directory="$HOME/.local/state/credctl/claude-code"
mkdir -p "$directory"
credctl task start "$@" --caller-class agent --intent "Claude Code session $session" \
  --shell-file "$CLAUDE_ENV_FILE" > "$directory/$session"
echo "The commands of this session run under credctl grant $(cat "$directory/$session")."
