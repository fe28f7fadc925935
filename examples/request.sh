#!/bin/sh
# Sends one request through the mailbox, with printf, mv and cat: contract-version.
# Prints the reply, one line of JSON. A worker must run: spec-kitty mailbox serve
set -eu

project=${1:?usage: request.sh PROJECT}
inbox=$project/.kitty/inbox
outbox=$project/.kitty/outbox
id=shell-$(date +%s)-$$

# Write under a name that the host ignores, then rename: the host never reads half a request.
printf '{"contract_version": "1.3.0", "correlation_id": "%s", "command": "contract-version", "args": {}}\n' \
    "$id" >"$inbox/.$id.tmp"
mv "$inbox/.$id.tmp" "$inbox/$id.json"

waited=0
until [ -f "$outbox/$id.json" ]; do
    if [ "$waited" -ge 30 ]; then
        echo "request.sh: no reply to $id in $waited s: does a worker run?" >&2
        exit 1
    fi
    sleep 1
    waited=$((waited + 1))
done
cat "$outbox/$id.json"
