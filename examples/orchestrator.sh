#!/bin/sh
# Drives a mission from planned to merged with a shell, two folders, printf, mv, sed and grep. Read it from top to bottom.
#
#   orchestrator.sh INBOX OUTBOX MISSION
#
# It decides what to do next; the host decides whether it is permitted. It keeps no state: at the start
# of each round it requests the state of the mission, so it can be killed and started again at any time.
# It runs no agents and reads no code. Agents work outside, and the host tells when a package can be submitted.
set -eu

usage="usage: orchestrator.sh INBOX OUTBOX MISSION"
inbox=${1:?$usage} outbox=${2:?$usage} mission=${3:?$usage}
timeout_s=300

# The actors. While one of them holds a package or a review, the host refuses other actors.
implementer=shell-implementer reviewer=shell-reviewer

# The rules under which the agents run. The host validates the policy and records it with every
# transition. Claiming, submitting and reviewing require it.
policy='{"orchestrator_id": "orchestrator.sh", "orchestrator_version": "1.0.0",
    "agent_family": "pretend", "approval_mode": "full_auto", "sandbox_mode": "workspace_write",
    "network_mode": "none", "dangerous_flags": []}'

# A new id is a new request; the same id gets the same answer. So ids never repeat, not even across runs.
read -r run </proc/sys/kernel/random/uuid
count=0
# The version of the contract that the requests are written for.
written_for=1.3.0

# ask COMMAND [ARGUMENTS]: sends a request. Sets $reply, and succeeds if the host answers success.
ask() {
    count=$((count + 1))
    id=$run-$count
    # Write under a name that the host ignores, then rename: the host never reads half a request.
    printf '{"contract_version": "%s", "correlation_id": "%s", "command": "%s",
        "args": {%s}, "policy": %s}\n' "$written_for" "$id" "$1" "${2:-}" "$policy" >"$inbox/.$id.tmp"
    mv "$inbox/.$id.tmp" "$inbox/$id.json"
    polls=0
    until [ -f "$outbox/$id.json" ]; do
        polls=$((polls + 1))
        # The request stays valid: it is answered when a worker runs again.
        [ "$polls" -lt $((timeout_s * 10)) ] || stop "no reply to $id: does a worker run?"
        sleep 0.1
    done
    # The reply appears complete and is one line. Quotes inside its strings are escaped, so the patterns
    # below match only real keys.
    read -r reply <"$outbox/$id.json"
    has '"success": *true'
}

has() {
    printf '%s\n' "$reply" | grep -Eq "$1"
}

# value KEY: prints the string that the reply has under this key.
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

# refused WHO: handles a refusal. Decide by its code, never by its message. `retryable` means that the
# same request may succeed later. One other refusal is expected: the guard that requires ticked
# subtasks and a commit refuses while an agent is still at work. The answer to an id is final, so the
# next round tries again with a new id.
refused() {
    if has '"retryable": *true' || has '"guard": *"subtasks_and_evidence"'; then
        say "$1" "not yet: $(value error_code)"
    else
        stop "$1: $reply"
    fi
}

# packages: prints a line such as "WP01 planned" for each package in $reply.
packages() {
    printf '%s\n' "$reply" | sed 's/"wp_id"/\
&/g' | sed -n 's/^"wp_id": *"\(WP[0-9]*\)".*"lane": *"\([a-z_]*\)".*/\1 \2/p'
}

# step WP LANE: requests the next step of the package.
step() {
    of="$about, \"wp\": \"$1\""
    case $2 in
    ready)
        # Claims the package for the actor; the host creates its workspace.
        did="started"
        set -- "$1" start-implementation "$of, \"actor\": \"$implementer\""
        ;;
    in_progress)
        # The host uses its own evidence (ticked subtasks, commits). `subtasks_complete` is accepted and
        # has no effect.
        did="submitted"
        set -- "$1" transition "$of, \"actor\": \"$implementer\", \"to\": \"for_review\",
            \"subtasks_complete\": true"
        ;;
    for_review)
        did="under review"
        set -- "$1" start-review "$of, \"actor\": \"$reviewer\""
        ;;
    in_review)
        # A review ends with a result, never by force; the evidence is recorded with the transition.
        # Put a real reviewer here: this one approves everything that the host accepted. A reviewer
        # that finds a fault sends the verdict "changes_requested" with `to` in_progress.
        did="approved"
        verdict="{\"reviewer\": \"$reviewer\", \"verdict\": \"approved\", \"reference\": \"commits of $1\"}"
        set -- "$1" transition "$of, \"actor\": \"$reviewer\", \"to\": \"approved\",
            \"review_result\": $verdict, \"evidence\": {\"review\": $verdict}"
        ;;
    *) stop "$1 is $2: it needs a person" ;;
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
version=$(value api_version)
say contract "$version"
case $version in 1.[0-4].*) ;; *) written_for=1.5.0 ;; esac

# wait_for_change: waits until the state differs from the last one, at most five seconds. An agent's
# commits are not in the state. A host before contract 1.5.0 cannot wait.
wait_for_change() {
    if [ $written_for = 1.3.0 ]; then
        sleep 1
    else
        ask mission-state "$about, \"after\": \"$position\", \"wait_s\": 5" || stop "$reply"
    fi
}

idle_since=$(date +%s)
while :; do
    idle=1
    # Start what is ready: packages in planned whose dependencies are satisfied.
    ask list-ready "$about" || stop "$reply"
    ready=$(packages | sed 's/ .*/ ready/')
    ask mission-state "$about" || stop "$reply"
    position=$(value position)
    open=$(packages | grep -Ev ' (approved|done|canceled)$' || true)
    [ "$open" ] || break
    # Continue started packages; planned packages that are not ready wait.
    steps=$(printf '%s\n' "$ready" "$open" | grep -Ev '^$| (planned|claimed)$' || true)
    while read -r wp lane; do
        [ -z "$wp" ] || step "$wp" "$lane"
    done <<STEPS
$steps
STEPS
    if [ "$idle" -eq 0 ]; then
        idle_since=$(date +%s)
    elif [ $(($(date +%s) - idle_since)) -ge "$timeout_s" ]; then
        stop "$mission makes no progress: see spec-kitty status"
    else
        wait_for_change
    fi
done

ask accept-mission "$about, \"actor\": \"$reviewer\"" || stop "$reply"
say accepted "$mission"
ask merge-mission "$about, \"actor\": \"$reviewer\"" || stop "$reply"
say merged "into $(value target_branch)"
