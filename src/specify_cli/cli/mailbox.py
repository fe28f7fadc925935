"""`spec-kitty mailbox`: serve it, look at it, prove it."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from specify_cli import errors
from specify_cli.cli import progress_line
from specify_cli.cli.complaining import (
    COULD_NOT_CHECK,
    REFUSED,
    complaining,
    layout_here,
    log,
    project_here,
)
from specify_cli.cli.mailbox_access import access, stale_config
from specify_cli.cli.mailbox_dead_letters import dead_letters
from specify_cli.cli.mailbox_head import head
from specify_cli.cli.mailbox_prune import prune
from specify_cli.cli.mailbox_tail import tail

if TYPE_CHECKING:
    from specify_cli import processes
    from specify_cli.mailbox.layout import MailboxLayout, MailboxPaths


@click.group()
def mailbox() -> None:
    """The door for orchestrators that can only read and write files.

    Requests go into .kitty/inbox, one JSON file each; replies come out of .kitty/outbox.

    Example: spec-kitty mailbox serve
    """


@mailbox.command(short_help="Answer requests until SIGTERM or Ctrl-C.")
@click.option("--once", is_flag=True, help="Answer what waits, then exit.")
@click.option(
    "--poll-interval-s",
    type=click.FloatRange(min=0.01, max=3600),
    default=1.0,
    show_default=True,
    help="Seconds between two looks into the inbox where file events are silent.",
)
@click.option("--no-watch", is_flag=True, help="Use no file events, only look.")
def serve(*, once: bool, poll_interval_s: float, no_watch: bool) -> None:
    """Answer requests until SIGTERM or Ctrl-C; what takes longer than 5 s then, the next worker completes.

    One line per answer goes to stderr. Only one worker serves a project.

    Example: spec-kitty mailbox serve --once
    """
    from specify_cli import bootstrap
    from specify_cli.mailbox import watch

    with complaining(exit_code=REFUSED), progress_line.shown() as clear:

        def tell(line: str) -> None:
            clear()
            log(line)

        worker = bootstrap.worker(project_here(), poll_interval_s=poll_interval_s, log=tell)
        worker.stop_on_signals()
        if once:
            worker.drain()
        else:
            worker.serve(None if no_watch else watch.watching)


@mailbox.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of words.")
def status(*, as_json: bool) -> None:
    """Say whether a worker serves the mailbox, and how much waits.

    Exit 0 when one does, 1 when not.

    Example: spec-kitty mailbox status --json
    """
    with complaining(exit_code=COULD_NOT_CHECK):
        layout = layout_here()
        report = _status(layout)
        silent = None if report["worker_is_alive"] else _silent_worker(layout)
    words = _status_in_words(report, silent)
    click.echo(json.dumps(report, indent=1) if as_json else words)
    for warning in () if as_json else report["warnings"]:
        log(f"warning: {warning}")
    if not report["worker_is_alive"]:
        log(f"next: {_next_step(silent)}")
    sys.exit(0 if report["worker_is_alive"] else REFUSED)


@mailbox.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of words.")
def verify(*, as_json: bool) -> None:
    """Prove that record, journal, replies, logs and the host's commits fit together.

    Every break goes to stdout, one a line; what proves nothing, a commit of another clone's host, say, goes to stderr as
    a note. Exit 0: sound. 1: breaks were found. 2: could not be checked. As JSON: is_sound, breaks, notes (lists of
    texts).

    Example: spec-kitty mailbox verify
    """
    from specify_cli.mailbox import printable

    with complaining(exit_code=COULD_NOT_CHECK), progress_line.shown(unless=as_json):
        layout = layout_here()
        breaks, notes = _proved(layout)
    if as_json:
        click.echo(json.dumps({"is_sound": not breaks, "breaks": breaks, "notes": notes}, indent=1))
    else:
        for line in breaks:
            click.echo(printable.printable(line))
        for line in notes:
            log(f"note: {line}")
        click.echo(
            f"{len(breaks)} {'break' if len(breaks) == 1 else 'breaks'}" if breaks else "sound",
            err=True,
        )
    sys.exit(REFUSED if breaks else 0)


def _proved(layout: MailboxLayout) -> tuple[list[str], list[str]]:
    """What is broken, and what else should be known."""
    from specify_cli import bootstrap
    from specify_cli.mailbox import verification

    try:
        bootstrap.prove_current(layout)
    except errors.RecordBehind as behind:
        # All else that differs comes of that.
        return [*verification.open_journal(layout).faults(), behind.message], []
    except errors.StateUnreadable:
        """What is damaged is named below."""
    breaks = [*verification.find_breaks(layout), *bootstrap.find_missing_events(layout)]
    found = bootstrap.find_differences(layout)
    breaks += [it.what for it in found if it.is_break]
    notes = [it.what for it in found if not it.is_break]
    # What is broken may not be readable.
    return breaks, notes + (verification.find_notes(layout) if not breaks else [])


@mailbox.command(short_help="Print what the journal has of CORRELATION_ID.")
@click.argument("correlation_id")
def show(correlation_id: str) -> None:
    """Print the journal's line for CORRELATION_ID: the request, its answer and its effects.

    Example: spec-kitty mailbox show 01JD8Z6W3M4Y6T1F8B2Q5R7X9N
    """
    from specify_cli.mailbox import verification

    with complaining(exit_code=COULD_NOT_CHECK):
        line = verification.open_journal(layout_here()).find(correlation_id)
    if line is None:
        log(f"the journal knows no request {correlation_id}")
        sys.exit(REFUSED)
    click.echo(json.dumps(line, indent=2))


def _status(layout: MailboxLayout) -> dict[str, Any]:
    found = [_status_of(layout.paths(identity)) for identity in layout.identities()]
    of_default = {key: value for key, value in found[0].items() if key != "identity"}
    return {**of_default, "warnings": stale_config(layout), "mailboxes": found}


def _status_of(places: MailboxPaths) -> dict[str, Any]:
    from specify_cli.storage import heartbeat_file

    return {
        "identity": places.identity,
        "worker_is_alive": heartbeat_file.is_alive(places.heartbeat),
        "depth_now": _depth(places),
        "worker": heartbeat_file.last_beat(places.heartbeat),
    }


def _depth(places: MailboxPaths) -> int:
    from specify_cli.mailbox import inbox

    door = inbox.Inbox(places)
    depth = 0
    # Nobody has made one of its folders yet, or may open it: what is not there does not wait.
    with contextlib.suppress(errors.StorageFailed, OSError):
        depth += door.backlog().depth
    with contextlib.suppress(errors.StorageFailed, OSError):
        # What was answered a moment ago is there until its reply is synced.
        depth += sum(not (places.outbox / f"{it.stem}.json").exists() for it in door.claims())
    return depth


def _silent_worker(layout: MailboxLayout) -> processes.Process | None:
    """The process that holds the mailbox, of whom there is no heartbeat."""
    from specify_cli.files import locks

    return locks.living_holder(layout.worker_lock)


def _next_step(silent: processes.Process | None) -> str:
    if silent is None:
        return "spec-kitty mailbox serve"
    return f"kill -CONT {silent.pid}" if silent.is_stopped else f"kill {silent.pid}"


def _status_in_words(report: Mapping[str, Any], silent: processes.Process | None) -> str:
    found = report["mailboxes"]
    if len(found) == 1:
        return _mailbox_in_words(report, silent)
    return "\n".join(f"{one['identity']}: {_mailbox_in_words(one, silent)}" for one in found)


def _mailbox_in_words(report: Mapping[str, Any], silent: processes.Process | None) -> str:
    from specify_cli.mailbox import printable

    beat = report["worker"] or {}
    if report["worker_is_alive"]:
        who = f"{beat.get('state')}: process {beat.get('pid')} on {beat.get('host_name')}"
        words = f"{who}, since {beat.get('started_at')}, {beat.get('dead_letters')} dead letters"
    elif silent is not None:
        how = "is stopped" if silent.is_stopped else "hangs"
        since = f" since {beat['beat_at']}" if beat.get("beat_at") else ""
        words = f"no answer: process {silent.pid} holds the mailbox, {how}, and gives no sign of life{since}"
    else:
        words = f"no worker; {_last_seen(beat)}"
    in_hand = ", ".join(f"{it['correlation_id']} since {it['since']}" for it in _in_hand(beat))
    words = f"{words}; {report['depth_now']} waiting"
    return printable.printable(f"{words}; in hand: {in_hand}" if in_hand else words)


def _in_hand(beat: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What was begun and is not answered; a worker of another version may not say."""
    found = beat.get("in_hand")
    listed = found if isinstance(found, list) else []
    return [
        it for it in listed if isinstance(it, dict) and {"correlation_id", "since"} <= it.keys()
    ]


def _last_seen(beat: Mapping[str, Any]) -> str:
    if not beat:
        return "none has ever served it"
    how = "stopped" if beat.get("state") == "stopped" else "fell silent"
    return f"the last one {how} at {beat.get('beat_at')}"


for word in (access, dead_letters, head, prune, tail):
    mailbox.add_command(word)
