#!/bin/sh
# Starts a program in a sandbox with very little access to the host.
#
# An orchestrator gets two folders: INBOX as /inbox, writable, and OUTBOX as /outbox, read-only:
#
#   in-sandbox.sh INBOX OUTBOX [BUBBLEWRAP OPTION ...] COMMAND [ARGUMENT ...]
#
# An agent gets the workspace of its package, writable and as its working directory, and read-only its
# prompt and the mirror that `git fetch` in the workspace uses. Each has the same path as outside:
#
#   in-sandbox.sh --workspace PATH [--prompt PATH] [--network] [BUBBLEWRAP OPTION ...] COMMAND [ARGUMENT ...]
#
# The paths are `workspace_path` and `prompt_path` of the answer to `start-implementation`. With
# --network the agent has the network of this machine, including servers on its loopback interface.
#
# In both cases the home is empty, outside processes are invisible, the environment is cleared, and
# of the host's files only /usr exists, read-only, for programs. Without --network there is no network.
# Options of bubblewrap may precede COMMAND, most often to add a program:
#
#   in-sandbox.sh .kitty/inbox .kitty/outbox --ro-bind examples/orchestrator.sh /orchestrator.sh \
#       sh /orchestrator.sh /inbox /outbox 001-full-text-search
#
# Needs bubblewrap: apt install bubblewrap.
set -eu

refuse() {
    echo "in-sandbox.sh: $1" >&2
    exit 2
}

usage() {
    echo "usage: in-sandbox.sh INBOX OUTBOX [BUBBLEWRAP OPTION ...] COMMAND [ARGUMENT ...]" >&2
    echo "       in-sandbox.sh --workspace PATH [--prompt PATH] [--network] [BUBBLEWRAP OPTION ...] COMMAND [ARGUMENT ...]" >&2
    exit 2
}

# Sets `real`: the path of a file or folder without links. Refuses a path that is itself a link.
find_real() {
    given=$1
    while case $given in ?*/) ;; *) false ;; esac do given=${given%/}; done
    [ ! -h "$given" ] || refuse "$given is a link; give the path that it leads to"
    if [ -d "$given" ]; then
        real=$(cd -P -- "$given" && pwd)
    else
        real=$(cd -P -- "$(dirname -- "$given")" && pwd)/${given##*/}
    fi
}

quoted() {
    printf "'%s'" "$(printf %s "$1" | sed "s/'/'\\\\''/g")"
}

# Sets `workspace` and `mirror`. Their paths depend on nothing that an agent can write.
find_workspace() {
    [ -d "$1" ] || refuse "$1 is not a folder; --workspace takes the workspace_path of an answer"
    find_real "$1"
    workspace=$real worktrees=${real%/*} base=${real##*/}
    project=${worktrees%/*}
    case ${worktrees##*/}/$base in
    .worktrees/[!.]*-lane-?*) ;;
    *) refuse "$workspace is not a workspace; those are folders PROJECT/.worktrees/MISSION-lane-..." ;;
    esac
    git=$workspace/.git
    if [ -f "$git" ] && [ ! -h "$git" ]; then
        refuse "$workspace is a linked worktree, a part of the project's own repository, made by an earlier version. Finish its package without a sandbox; the next start in its execution lane makes a workspace"
    fi
    if [ -h "$git" ] || [ ! -d "$git" ]; then
        refuse "$git is not a folder, so $workspace is not a workspace; move it away, then start its package again"
    fi
    mirror=$worktrees/.mirror/${base%-lane-*}.git
    if [ -h "${mirror%/*}" ] || [ -h "$mirror" ] || [ ! -d "$mirror" ]; then
        refuse "$mirror is not a folder, but should be the mirror that the workspace fetches from; spec-kitty makes it when the package is started"
    fi
    for folder in "$git" "$mirror"; do
        if [ -e "$folder/objects/info/alternates" ] || [ -h "$folder/objects/info/alternates" ]; then
            # Do not run git here: it would use the settings that an agent wrote into the workspace.
            refuse "$folder shares its objects with the project, which is not in the sandbox.
Write at the top of $project/.kitty/config.toml, and run 'spec-kitty mailbox reload', so that new workspaces have their own:
    workspace_objects = \"copy\"
To have this one made again, move it away, then start its package again. What was not submitted stays where you move it:
    mv $(quoted "$workspace") $(quoted "$workspace.shared")"
        fi
    done
}

unset CDPATH
is_agent= prompt= network=
while :; do
    case ${1-} in
    --workspace | --prompt)
        [ "$#" -ge 2 ] || usage
        if [ "$1" = --prompt ]; then prompt=$2; else find_workspace "$2"; is_agent=yes; fi
        shift 2
        ;;
    --network) network=yes && shift ;;
    *) break ;;
    esac
done

if [ "$is_agent" ]; then
    [ "$#" -ge 1 ] || usage
    if [ "$network" ]; then
        for file in /etc/resolv.conf /etc/hosts /etc/nsswitch.conf /etc/ssl /etc/pki /etc/ca-certificates; do
            set -- --ro-bind-try "$file" "$file" "$@"
        done
        set -- --share-net "$@"
    fi
    if [ "$prompt" ]; then
        [ -f "$prompt" ] || refuse "$prompt is not a file: --prompt takes the prompt_path of an answer"
        find_real "$prompt"
        # In the workspace, the agent could replace a parent folder of the prompt by a link.
        case $(cd -- "$(dirname -- "$prompt")" && pwd)/:$real in
        "$workspace"/* | *:"$workspace"/*) refuse "$prompt is in the workspace, where the agent can change it; leave --prompt out, or keep it elsewhere" ;;
        esac
        set -- --ro-bind "$real" "$real" "$@"
    fi
    set -- --bind "$workspace" "$workspace" --ro-bind "$mirror" "$mirror" --chdir "$workspace" "$@"
else
    [ "$#" -ge 3 ] && [ ! "$prompt$network" ] || usage
    case $1 in -*) usage ;; esac
    inbox=$1 outbox=$2
    shift 2
    set -- --chdir /home/sandbox --bind "$inbox" /inbox --ro-bind "$outbox" /outbox "$@"
fi

# The mirror belongs to the host's user. Git reads the repository of another user only with this setting.
exec 3<<END
[safe]
	directory = *
END

# --unshare-all: namespaces of its own for network, processes, users, IPC, host name and control groups.
# --cap-drop: a program that root starts is root inside too. Without this option it could remount
#   read-only paths as writable. With /proc/sys read-only it cannot set kernel parameters either.
# --new-session: the program cannot inject input into the terminal from which it was started.
# --die-with-parent: the program ends with its parent.
exec bwrap \
    --unshare-all \
    --cap-drop ALL \
    --new-session \
    --die-with-parent \
    --hostname sandbox \
    --clearenv \
    --setenv PATH /usr/bin:/bin \
    --setenv HOME /home/sandbox \
    --setenv LANG C.UTF-8 \
    --ro-bind /usr /usr \
    --symlink usr/bin /bin \
    --symlink usr/lib /lib \
    --symlink usr/lib64 /lib64 \
    --proc /proc \
    --ro-bind /proc/sys /proc/sys \
    --dev /dev \
    --tmpfs /tmp \
    --dir /home/sandbox \
    --file 3 /etc/gitconfig \
    "$@"
