"""`spec-kitty mailbox`: run the worker; inspect and verify the mailbox."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from specify_cli import errors
from specify_cli.cli import json_reply, progress_line
from specify_cli.cli.client import layout_here
from specify_cli.cli.mailbox_access import access, stale_config
from specify_cli.cli.mailbox_dead_letters import dead_letters
from specify_cli.cli.mailbox_head import head
from specify_cli.cli.mailbox_install import install_service
from specify_cli.cli.mailbox_prune import prune
from specify_cli.cli.mailbox_reload import reload_config
from specify_cli.cli.mailbox_serve import serve
from specify_cli.cli.mailbox_show import show
from specify_cli.cli.mailbox_stats import stats
from specify_cli.cli.mailbox_tail import tail
from specify_cli.cli.options import JSON, take_project
from specify_cli.cli.output import COULD_NOT_CHECK, REFUSED, log, reporting_errors

if TYPE_CHECKING:
    from specify_cli import processes
    from specify_cli.mailbox.layout import MailboxLayout, MailboxPaths


@click.group()
def mailbox() -> None:
    """Run the mailbox worker; inspect and verify the mailbox.

    Every command takes --project DIR, a folder of the project.

    Example: spec-kitty mailbox serve
    """


@mailbox.command(short_help="Show whether a worker serves the mailbox.")
@JSON
def status(*, as_json: bool) -> None:
    """Show whether a worker serves the mailbox, and how many requests wait.

    Exit 0: a worker serves it. 1: none does.

    Example: spec-kitty mailbox status --json
    """
    with reporting_errors(exit_code=COULD_NOT_CHECK, as_json=as_json):
        layout = layout_here()
        report = _status(layout)
        silent = None if report["worker_is_alive"] else _silent_worker(layout)
    if as_json:
        json_reply.print_data(report)
    else:
        click.echo(_status_in_words(report, silent))
    for warning in () if as_json else report["warnings"]:
        log(f"warning: {warning}")
    if not report["worker_is_alive"]:
        log(f"next: {_next_step(silent)}")
    sys.exit(0 if report["worker_is_alive"] else REFUSED)


@mailbox.command(short_help="Verify that record, journal and replies agree.")
@JSON
def verify(*, as_json: bool) -> None:
    """Verify that record, journal, replies, logs and the host's commits agree.

    Inconsistencies are printed to stdout, one per line; notes, such as a commit by another clone's host, go to stderr.
    Exit 0: sound. 1: inconsistencies were found. 2: the check could not run. JSON data: is_sound, breaks, notes (lists of
    strings).

    Example: spec-kitty mailbox verify
    """
    from specify_cli.mailbox import printable

    with (
        reporting_errors(exit_code=COULD_NOT_CHECK, as_json=as_json),
        progress_line.shown(unless=as_json),
    ):
        layout = layout_here()
        breaks, notes = verified(layout)
    if as_json:
        json_reply.print_data({"is_sound": not breaks, "breaks": breaks, "notes": notes})
    else:
        for line in breaks:
            click.echo(printable.printable(line))
        for line in notes:
            log(f"note: {line}")
        click.echo(
            f"{len(breaks)} {'inconsistency' if len(breaks) == 1 else 'inconsistencies'}"
            if breaks
            else "sound",
            err=True,
        )
    sys.exit(REFUSED if breaks else 0)


def verified(layout: MailboxLayout) -> tuple[list[str], list[str]]:
    """Return the inconsistencies and the notes."""
    from specify_cli import bootstrap
    from specify_cli.mailbox import verification

    try:
        bootstrap.prove_current(layout)
    except errors.RecordBehind as behind:
        # All other differences follow from this one.
        return [*verification.open_journal(layout).faults(), behind.message], []
    except errors.StateUnreadable:
        """The damage is reported below."""
    breaks = [*verification.find_breaks(layout), *bootstrap.find_missing_events(layout)]
    found = bootstrap.find_discrepancies(layout)
    breaks += [it.what for it in found if it.is_break]
    notes = [it.what for it in found if not it.is_break]
    # Damaged data may be unreadable.
    return breaks, notes + (verification.find_notes(layout) if not breaks else [])


def _status(layout: MailboxLayout) -> dict[str, Any]:
    found = [_status_of(layout.paths(identity)) for identity in layout.identities()]
    of_default = {key: value for key, value in found[0].items() if key != "identity"}
    return {**of_default, "warnings": stale_config(layout), "mailboxes": found}


def _status_of(places: MailboxPaths) -> dict[str, Any]:
    from specify_cli.storage import heartbeat_file

    is_alive, beat = (
        heartbeat_file.is_alive(places.heartbeat),
        heartbeat_file.last_beat(places.heartbeat),
    )
    return {
        "identity": places.identity,
        "worker_is_alive": is_alive,
        "depth_now": max(0, _depth(places) - (_parked_reads(beat or {}) if is_alive else 0)),
        "worker": beat,
    }


def _parked_reads(beat: Mapping[str, Any]) -> int:
    """Return how many reads are parked; a worker of another version does not report them."""
    count = beat.get("parked_reads")
    return count if isinstance(count, int) else 0


def _depth(places: MailboxPaths) -> int:
    from specify_cli.mailbox import inbox

    requests = inbox.Inbox(places)
    depth = 0
    # A folder that does not exist yet, or that is not readable, counts as empty.
    with contextlib.suppress(errors.StorageFailed, OSError):
        depth += requests.backlog().depth
    with contextlib.suppress(errors.StorageFailed, OSError):
        # The claim of an answered request remains until its reply is synced.
        depth += sum(not (places.outbox / f"{it.stem}.json").exists() for it in requests.claims())
    return depth


def _silent_worker(layout: MailboxLayout) -> processes.Process | None:
    """Return the process that holds the mailbox but writes no heartbeat."""
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
        words = f"no reply: process {silent.pid} holds the mailbox, {how}, and has written no heartbeat{since}"
    else:
        words = f"no worker; {_last_seen(beat)}"
    in_progress = ", ".join(
        f"{it['correlation_id']} since {it['since']}" for it in _in_progress(beat)
    )
    words = f"{words}; {report['depth_now']} waiting requests"
    if report["worker_is_alive"] and (reads := _parked_reads(beat)):
        words += f"; {reads} parked reads"
    return printable.printable(f"{words}; in progress: {in_progress}" if in_progress else words)


def _in_progress(beat: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the requests in progress; a worker of another version may not report them."""
    found = beat.get("in_hand")
    listed = found if isinstance(found, list) else []
    return [
        it for it in listed if isinstance(it, dict) and {"correlation_id", "since"} <= it.keys()
    ]


def _last_seen(beat: Mapping[str, Any]) -> str:
    if not beat:
        return "no worker has served it yet"
    how = "stopped" if beat.get("state") == "stopped" else "was last heard of"
    return f"the last one {how} at {beat.get('beat_at')}"


for command in (
    access,
    dead_letters,
    head,
    install_service,
    prune,
    reload_config,
    serve,
    show,
    stats,
    tail,
):
    mailbox.add_command(command)
take_project(mailbox)
