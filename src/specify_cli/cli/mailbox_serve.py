"""`spec-kitty mailbox serve`: run the worker, and write its log to stderr."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from specify_cli.cli import progress_line
from specify_cli.cli.client import project_here
from specify_cli.cli.mailbox_status import METRICS
from specify_cli.cli.options import PROJECT
from specify_cli.cli.output import REFUSED
from specify_cli.cli.worker_log import JSON_FORMAT, LEVELS, TEXT_FORMAT, WorkerLog


@click.command(short_help="Serve the mailbox until SIGTERM or Ctrl-C.")
@PROJECT
@click.option("--once", is_flag=True, help="Answer the waiting requests, then exit.")
@click.option(
    "--poll-interval-s",
    type=click.FloatRange(min=0.01, max=3600),
    default=1.0,
    show_default=True,
    help="Seconds between two scans without file events.",
)
@click.option("--no-watch", is_flag=True, help="Scan only; do not use file events.")
@click.option(
    "--log-format",
    type=click.Choice((TEXT_FORMAT, JSON_FORMAT)),
    default=TEXT_FORMAT,
    show_default=True,
    help="A line, or a JSON object, for each event.",
)
@click.option(
    "--log-level",
    type=click.Choice(LEVELS),
    default="info",
    metavar="LEVEL",
    help="Lowest level: debug, info, warning, error. Default: info.",
)
@METRICS
def serve(
    *,
    once: bool,
    poll_interval_s: float,
    no_watch: bool,
    log_format: str,
    log_level: str,
    metrics: Path | None,
) -> None:
    """Serve the mailbox until SIGTERM or Ctrl-C; log each reply to stderr.

    A request that is not answered within 5 s of the signal is completed by the next worker.
    A project has one worker at a time. Refused requests are logged at the level warning.

    Example: spec-kitty mailbox serve --project . --log-format json
    """
    from specify_cli import errors, worker_setup
    from specify_cli.mailbox import log_lines, service_manager, watch

    with progress_line.shown() as clear:
        tell = WorkerLog(form=log_format, level=log_level, before=clear)
        try:
            root = project_here()
            with worker_setup.writing_metrics(root, metrics, log=tell) as tasks:
                worker = worker_setup.worker(
                    root, poll_interval_s=poll_interval_s, log=tell, tasks=tasks
                )
                worker.stop_on_signals()
                if once:
                    worker.drain()
                else:
                    manager = service_manager.ServiceManager(os.environ)
                    worker.serve(None if no_watch else watch.watching, manager=manager)
        except (errors.SpecKittyError, OSError) as error:
            tell(log_lines.error_line(error))
            sys.exit(REFUSED)
