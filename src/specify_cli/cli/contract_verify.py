"""`spec-kitty contract verify`: check that a host or an orchestrator conforms to the contract."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from specify_cli import errors
from specify_cli.cli import json_reply
from specify_cli.cli.output import reporting_errors

if TYPE_CHECKING:
    from specify_cli.conformance.checks import Check, Result

DOES_NOT_CONFORM, COULD_NOT_RUN = 1, 2
COLOURS = {"failed": "red", "passed unexpectedly": "red", "passed": "green"}
STDOUT = "-"
# Threads that are not joined may still write while the folder is removed.
REMOVALS = 3


@click.command()
@click.option("--host", metavar="CMD", help="Command line of the host under test.")
@click.option("--mailbox", metavar="DIR", type=Path, help="Mailbox that a running worker serves.")
@click.option("--serve", metavar="CMD", help="Worker to start for the test.")
@click.option("--agent", metavar="CMD", help="Command for subtasks, such as 'spec-kitty agent'.")
@click.option("--client", metavar="CMD", help="Orchestrator: {inbox} {outbox} {mission}.")
@click.option("--project", metavar="DIR", type=Path, help="Project that the client works on.")
@click.option(
    "--capability", metavar="NAME", multiple=True, help="Test NAME too; no-NAME skips it."
)
@click.option("--list", "lists", is_flag=True, help="List the capabilities and checks.")
@click.option("--only", metavar="GLOB", multiple=True, help="Run only the checks that match.")
@click.option(
    "--expected-failures", metavar="FILE", type=Path, help="File with checks that may fail."
)
@click.option(
    "--json",
    "json_to",
    metavar="[FILE]",
    is_flag=False,
    flag_value="-",
    help="Print JSON, or write it to FILE.",
)
@click.option("--junit", metavar="FILE", type=Path, help="Write a JUnit XML report.")
@click.option("--timeout-s", type=click.FloatRange(0.1), default=30, help="Per reply. Default: 30.")
@click.option(
    "--jobs", type=click.IntRange(1), default=os.cpu_count(), help="Parallel checks. Default: CPUs."
)
def verify(**options: Any) -> None:
    """Verify that a host or an orchestrator conforms to the contract.

    Exit 0: it conforms. 1: it does not. 2: the checks could not run.

    Example: spec-kitty contract verify --host "spec-kitty orchestrator-api"
    """
    with reporting_errors(exit_code=COULD_NOT_RUN, as_json=options["json_to"] == STDOUT):
        sys.exit(_verified(options))


def _verified(options: dict[str, Any]) -> int:
    from specify_cli.conformance import client_runs, report, verifier

    is_of_client = options["client"] is not None
    checks = client_runs.checks() if is_of_client else verifier.checks()
    if options["lists"]:
        _list(checks, as_json=options["json_to"] == STDOUT)
        return 0
    listed = _listed(options["expected_failures"])
    expected = report.expected_names(listed, (check.name for check in checks))
    with _run_folder() as folder:
        found = (_of_client if is_of_client else _of_host)(options, folder)
    results = report.apply_expected_failures(found, expected)
    _tell(results, options)
    if not report.is_judged(results):
        return COULD_NOT_RUN
    return 0 if report.conforms(results) else DOES_NOT_CONFORM


def _listed(path: Path | None) -> str:
    """Read the file of expected failures."""
    try:
        return path.read_text(encoding="utf-8") if path else ""
    except (OSError, UnicodeDecodeError) as error:
        raise errors.UsageError(
            f"--expected-failures: {path} cannot be read ({error}): give a text file with one check name per line"
        ) from error


@contextlib.contextmanager
def _run_folder() -> Iterator[Path]:
    """Yield a folder for the run. It is removed, and all programs are killed, even on a signal."""
    from specify_cli.conformance import programs

    with tempfile.TemporaryDirectory(prefix="conformance-") as name:
        folder = Path(name).resolve()

        def stop(number: int, _: Any) -> None:
            # Killing the programs ends the threads that wait for them.
            programs.kill_all()
            for _ in range(REMOVALS):
                shutil.rmtree(folder, ignore_errors=True)
            os._exit(128 + number)

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, stop)
        yield folder


def _of_host(options: dict[str, Any], folder: Path) -> list[Result]:
    from specify_cli.conformance import host_options, verifier

    if not (options["host"] or options["mailbox"] or options["serve"]):
        raise errors.UsageError("nothing to test: give --host, --mailbox, --serve or --client")
    if options["mailbox"] and options["serve"]:
        raise errors.UsageError(
            "--mailbox and --serve exclude each other: a mailbox has a worker already"
        )
    names = ("host", "mailbox", "serve", "agent", "timeout_s")
    named = host_options.HostOptions(
        **{name: options[name] for name in names}, capabilities=options["capability"]
    )
    with host_options.prepared(named, folder, _say) as host:
        return verifier.verify(host, options["only"], jobs=options["jobs"], progress=_progress)


def _of_client(options: dict[str, Any], folder: Path) -> list[Result]:
    from specify_cli.conformance import client_runs

    named = client_runs.ClientOptions(
        client=options["client"],
        serve=options["serve"],
        project=options["project"],
        timeout_s=options["timeout_s"],
    )
    return client_runs.verify(named, folder, only=options["only"], progress=_progress)


def _list(checks: Iterable[Check], *, as_json: bool) -> None:
    from specify_cli.conformance import capabilities

    if as_json:
        named = [{"name": x.name, "meaning": x.meaning, "section": x.section} for x in checks]
        described = dict(line.split(maxsplit=1) for line in capabilities.describe())
        json_reply.print_data({"capabilities": described, "checks": named})
        return
    for line in capabilities.describe():
        click.echo(f"capability  {line}")
    for check in checks:
        click.echo(f"{check.name}: {check.meaning} ({check.section})")


def _tell(results: Sequence[Result], options: dict[str, Any]) -> None:
    from specify_cli.conformance import report

    if options["junit"]:
        options["junit"].write_text(report.as_junit(results), encoding="utf-8")
    if options["json_to"] not in {None, STDOUT}:
        Path(options["json_to"]).write_text(report.as_json(results), encoding="utf-8")
    if options["json_to"] == STDOUT:
        json_reply.print_data(json.loads(report.as_json(results)))
        return
    for status, line in report.as_lines(results):
        # Click drops colours unless stdout is a terminal.
        click.secho(line, fg=COLOURS.get(status))


def _progress(result: Result) -> None:
    if sys.stderr.isatty():
        _say(f"{result.status}: {result.name} {result.seconds:.1f} s")


def _say(line: str) -> None:
    from specify_cli.conformance import report

    click.echo(report.printable(line), err=True)
