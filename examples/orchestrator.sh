#!/bin/sh
# Drives a mission to merged with a shell, two folders, and printf, mv, sed and grep. Made to be read.
#
#   orchestrator.sh INBOX OUTBOX MISSION
#
# It decides what is to be done next; the host decides whether it may be. It remembers nothing: where
# things stand it asks at the start of each round, so it can be killed and started again at any time.
# It runs no agents and sees no code: those work outside, and the host says when they are done.
set -eu

usage="usage: orchestrator.sh INBOX OUTBOX MISSION"
inbox=${1:?$usage} outbox=${2:?$usage} mission=${3:?$usage}
patience_s=300

# Who acts. The host lets nobody else into a package, or a review, that one of them holds.
implementer=shell-implementer reviewer=shell-reviewer

# Under which rules our agents run. The host checks it and records it with every move. Claiming,
# handing in and reviewing are refused without it.
policy='{"orchestrator_id": "orchestrator.sh", "orchestrator_version": "1.0.0",
    "agent_family": "pretend", "approval_mode": "full_auto", "sandbox_mode": "workspace_write",
    "network_mode": "none", "dangerous_flags": []}'

# A new id is a new request, the same id is the same answer: so ids never repeat, in no run of this.
read -r run </proc/sys/kernel/random/uuid
count=0

# ask COMMAND [ARGUMENTS]: the answer is in $reply; true when the host said yes.
ask() {
    count=$((count + 1))
    id=$run-$count
    # Written under a name that the host leaves alone, then renamed: it never sees half a request.
    printf '{"contract_version": "1.3.0", "correlation_id": "%s", "command": "%s",
        "args": {%s}, "policy": %s}\n' "$id" "$1" "${2:-}" "$policy" >"$inbox/.$id.tmp"
    mv "$inbox/.$id.tmp" "$inbox/$id.json"
    looks=0
    until [ -f "$outbox/$id.json" ]; do
        looks=$((looks + 1))
        # Nothing is lost by giving up: what lies in the inbox is answered when a worker runs again.
        [ "$looks" -lt $((patience_s * 10)) ] || stop "no answer to $id: does a worker run?"
        sleep 0.1
    done
    # The answer appears whole, and is one line. Inside its texts every quote has a backslash before
    # it, so what looks like a key with a value is one.
    read -r reply <"$outbox/$id.json"
    has '"success": *true'
}

has() {
    printf '%s\n' "$reply" | grep -Eq "$1"
}

# value KEY: the text that the answer has under this key.
value() {
    printf '%s\n' "$reply" | sed -n 's/.*"'"$1"'": *"\([^"]*\)".*/\1/p'
}

say() {
    printf '  %-9s %s\n' "$1" "$2"
}

stop() {
    printf 'orchestrator.sh: %s\n' "$1" >&2
    exit 1
}

# refused WHO: the answer was no. A refusal is known by its code, never by its message. `retryable` says
# that the same may be allowed later. Of the others, one is no fault of ours: the guard that wants every
# subtask ticked and a commit on the branch says that an agent is still at work. The answer to an id is
# final, so that trying again is a new request: here, in the next round.
refused() {
    if has '"retryable": *true' || has '"guard": *"subtasks_and_evidence"'; then
        say "$1" "not yet: $(value error_code)"
    else
        stop "$1: $reply"
    fi
}

# packages: a line "WP01 planned" for each.
packages() {
    printf '%s\n' "$reply" | sed 's/"wp_id"/\
&/g' | sed -n 's/^"wp_id": *"\(WP[0-9]*\)".*"lane": *"\([a-z_]*\)".*/\1 \2/p'
}

# step WP LANE: the package has gone one step, where the host let it.
step() {
    of="$about, \"wp\": \"$1\""
    case $2 in
    ready)
        # Claims the package for the actor and makes its workspace.
        did="started"
        set -- "$1" start-implementation "$of, \"actor\": \"$implementer\""
        ;;
    in_progress)
        # What the host can see (ticked subtasks, commits) it decides by sight. Our word that subtasks
        # are complete counts only for packages that have none.
        did="handed in"
        set -- "$1" transition "$of, \"actor\": \"$implementer\", \"to\": \"for_review\",
            \"subtasks_complete\": true"
        ;;
    for_review)
        did="under review"
        set -- "$1" start-review "$of, \"actor\": \"$reviewer\""
        ;;
    in_review)
        # A review is decided with a result, never by force; the evidence is recorded with the move.
        # Put a real reviewer here: this one goes by what the host has seen. One that finds fault says
        # "changes_requested" and moves the package back to in_progress.
        did="approved"
        verdict="{\"reviewer\": \"$reviewer\", \"verdict\": \"approved\", \"reference\": \"commits of $1\"}"
        set -- "$1" transition "$of, \"actor\": \"$reviewer\", \"to\": \"approved\",
            \"review_result\": $verdict, \"evidence\": {\"review\": $verdict}"
        ;;
    *) stop "$1 is $2: somebody has to look at it" ;;
    esac
    if ask "$2" "$3"; then
        say "$1" "$did"
        idle=0
    else
        refused "$1"
    fi
}

about="\"mission\": \"$mission\""
ask contract-version || stop "$reply"
say contract "$(value api_version)"

idle=0
while :; do
    idle=$((idle + 1))
    # What can be begun is begun: packages in planned whose dependencies are settled.
    ask list-ready "$about" || stop "$reply"
    ready=$(packages | sed 's/ .*/ ready/')
    ask mission-state "$about" || stop "$reply"
    open=$(packages | grep -Ev ' (approved|done|canceled)$' || true)
    [ "$open" ] || break
    # What was begun goes on; what is planned and not ready waits.
    steps=$(printf '%s\n' "$ready" "$open" | grep -Ev '^$| (planned|claimed)$' || true)
    while read -r wp lane; do
        [ -z "$wp" ] || step "$wp" "$lane"
    done <<STEPS
$steps
STEPS
    [ "$idle" -lt "$patience_s" ] || stop "$mission does not move on: look at its board"
    [ "$idle" -eq 0 ] || sleep 1
done

ask accept-mission "$about, \"actor\": \"$reviewer\"" || stop "$reply"
say accepted "$mission"
ask merge-mission "$about, \"actor\": \"$reviewer\"" || stop "$reply"
say merged "into $(value target_branch)"
