#!/bin/sh
# Starts a program in a sandbox from which it reaches the host by two folders and by nothing else.
#
#   in-sandbox.sh INBOX OUTBOX [BUBBLEWRAP OPTION ...] COMMAND [ARGUMENT ...]
#
# Inside, INBOX is /inbox, which it may write to, and OUTBOX is /outbox, which it can only read. There
# is no network, the home is empty, no process of the outside is to be seen, the environment is cleared,
# and of the host's files only /usr is there, to have programs to run. Further options of bubblewrap may
# come before COMMAND, most often to carry a program in:
#
#   in-sandbox.sh .kitty/inbox .kitty/outbox --ro-bind examples/orchestrator.sh /orchestrator.sh \
#       sh /orchestrator.sh /inbox /outbox 001-full-text-search
#
# Needs bubblewrap: apt install bubblewrap.
set -eu

if [ "$#" -lt 3 ]; then
    echo "usage: in-sandbox.sh INBOX OUTBOX [BUBBLEWRAP OPTION ...] COMMAND [ARGUMENT ...]" >&2
    exit 2
fi
inbox=$1 outbox=$2
shift 2

# --unshare-all: namespaces of its own for network, processes, users, IPC, host name and control groups.
# --cap-drop: where root starts it, it is root inside too. Without this it could mount the outbox anew,
#   writable; and without /proc/sys read-only it could still set the kernel's parameters.
# --new-session: a program in the sandbox types nothing into the terminal it was started from.
# --die-with-parent: it does not outlive whoever started it.
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
    --chdir /home/sandbox \
    --bind "$inbox" /inbox \
    --ro-bind "$outbox" /outbox \
    "$@"
