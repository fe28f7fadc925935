#!/bin/sh
# Asks the host one thing through its mailbox, with printf, mv and cat: which contract it speaks.
# The answer, one line of JSON, goes to stdout. A worker must run: spec-kitty mailbox serve
set -eu

project=${1:?usage: request.sh PROJECT}
inbox=$project/.kitty/inbox
outbox=$project/.kitty/outbox
id=shell-$(date +%s)-$$

# Written under a name that the host leaves alone, then renamed: it never sees half a request.
printf '{"contract_version": "1.3.0", "correlation_id": "%s", "command": "contract-version", "args": {}}\n' \
    "$id" >"$inbox/.$id.tmp"
mv "$inbox/.$id.tmp" "$inbox/$id.json"

waited=0
until [ -f "$outbox/$id.json" ]; do
    if [ "$waited" -ge 30 ]; then
        echo "request.sh: no answer to $id in $waited s: does a worker run?" >&2
        exit 1
    fi
    sleep 1
    waited=$((waited + 1))
done
cat "$outbox/$id.json"
