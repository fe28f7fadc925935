"""`spec-kitty mailbox reload`: make the worker read `config.toml` again."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import TYPE_CHECKING

import click

from specify_cli import errors
from specify_cli.cli import json_reply
from specify_cli.cli.client import layout_here
from specify_cli.cli.options import JSON, PROJECT
from specify_cli.cli.output import COULD_NOT_CHECK, REFUSED, report, reporting_errors, say

if TYPE_CHECKING:
    from specify_cli.mailbox.layout import MailboxLayout
    from specify_cli.mailbox.reloading import Reading
    from specify_cli.processes import Process

WITHIN_S = 10.0
LOOK_S = 0.02
STOPPED_LOOKS = 25


@click.command(name="reload", short_help="Make the worker read config.toml again.")
@PROJECT
@JSON
def reload_config(*, as_json: bool) -> None:
    """Make the worker read config.toml again, and show what changed.

    Grants, mailboxes and settings take effect at once; requests in progress are completed under
    the old ones. SIGHUP to the worker does the same.

    Exit 0: the worker uses the file. 1: it refused the file and keeps the old settings.
    2: no worker was reached. JSON data: pid, config, changes (a list of texts).

    Example: spec-kitty mailbox reload
    """
    with reporting_errors(exit_code=COULD_NOT_CHECK, as_json=as_json):
        layout = layout_here()
        worker = _worker(layout)
        reading = _reloaded(worker, layout)
    if reading.problem:
        what = f"process {worker.pid} keeps its former settings"
        report(errors.StateUnreadable(f"{reading.problem}; {what}"), as_json=as_json)
        sys.exit(REFUSED)
    changes = list(reading.changes)
    if as_json:
        json_reply.print_data({"pid": worker.pid, "config": str(layout.config), "changes": changes})
        return
    say(f"process {worker.pid} uses {layout.config}")
    for change in changes or ["nothing changed"]:
        say(f"  {change}")


def _worker(layout: MailboxLayout) -> Process:
    """Return the worker that can be asked."""
    from specify_cli.files import locks
    from specify_cli.mailbox import reloading

    worker = locks.living_holder(layout.worker_lock)
    if worker is None:
        raise errors.StorageFailed(_nobody(layout))
    known = reloading.last_reading(layout)
    if known is None or known.process != str(worker):
        # It would end.
        raise errors.StorageFailed(
            f"process {worker.pid} is a worker that cannot read its settings again: stop it with"
            f" 'kill {worker.pid}', then run 'spec-kitty mailbox serve'"
        )
    return worker


def _nobody(layout: MailboxLayout) -> str:
    from specify_cli.files import locks
    from specify_cli.storage import heartbeat_file

    if heartbeat_file.is_alive(layout.heartbeat):
        who = locks.holder(layout.worker_lock)
        return f"the worker cannot be reached from here ({who}): run this where it runs, or send it SIGHUP"
    return (
        f"no worker serves {layout.root}: one that is started reads config.toml:"
        " spec-kitty mailbox serve"
    )


def _reloaded(worker: Process, layout: MailboxLayout) -> Reading:
    """Ask the worker, and return its answer."""
    from specify_cli.mailbox import reloading

    asked_ns = time.monotonic_ns()
    try:
        os.kill(worker.pid, signal.SIGHUP)
    except PermissionError:
        raise errors.StorageFailed(
            f"process {worker.pid} belongs to another user: run this as the user of the worker"
        ) from None
    until_ns = time.monotonic_ns() + WITHIN_S * 1e9
    stopped_looks = 0
    while time.monotonic_ns() < until_ns and not worker.is_dead and stopped_looks < STOPPED_LOOKS:
        found = reloading.last_reading(layout)
        # An earlier one may have begun before config.toml was changed.
        if found and found.process == str(worker) and found.began_ns >= asked_ns:
            return found
        # A process that is traced is stopped for a moment at each of its system calls.
        stopped_looks = stopped_looks + 1 if worker.is_stopped else 0
        time.sleep(LOOK_S)
    raise errors.StorageFailed(_silent(worker))


def _silent(worker: Process) -> str:
    if worker.is_dead:
        return f"process {worker.pid} has ended: start a worker with 'spec-kitty mailbox serve'"
    if worker.is_stopped:
        return (
            f"process {worker.pid} is stopped; it reads config.toml after 'kill -CONT {worker.pid}'"
        )
    return (
        f"process {worker.pid} has not read config.toml within {WITHIN_S:g} s; it does so when it"
        " can: look at its log and at 'spec-kitty mailbox status'"
    )
