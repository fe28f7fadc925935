"""`spec-kitty sync`: fetch the commits of workspaces into the project."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Mapping
from typing import Any

import click

from specify_cli.cli.client import REFUSED, envelope_of, print_envelope, settled, standing_in
from specify_cli.cli.options import JSON
from specify_cli.cli.output import bold, say

SCAN_EVERY_S = 1.0
"""A scan opens one file per workspace; only workspaces that have changed are synced."""

SHORT = 12
"""Characters of an abbreviated commit id."""


@click.command()
@click.option("--watch", is_flag=True, help="Keep syncing until Ctrl-C; print changes only.")
@click.option("--mission", help="Folder, id, number or bare name. Default: all missions.")
@JSON
def sync(*, watch: bool, mission: str | None, as_json: bool) -> None:
    """Fetch the commits of workspaces into the branches of their execution lanes.

    A running worker does this by itself. A clean working tree of the project with such a branch
    checked out is updated too; with --watch, a checked-out branch is not changed. The mirrors that
    workspaces fetch from are updated.

    Exit 0: everything is up to date. 1: commits were refused, or the workspace of a package in
    progress is missing; the reason is printed.

    Example: spec-kitty sync --mission 001-search
    """
    if watch:
        _watch(mission, as_json=as_json)
        return
    envelope = envelope_of("sync-workspaces", mission=mission)
    data = settled(envelope, as_json=as_json)
    if as_json:
        print_envelope(envelope)
    else:
        for one in data["workspaces"]:
            _say(one)
        if not data["workspaces"]:
            words = "no mission that is checked out has a workspace: starting a package creates one"
            say(words, is_error=True)
    sys.exit(REFUSED if data["refused"] else 0)


def _watch(mission: str | None, *, as_json: bool) -> None:
    """Sync until Ctrl-C. A refusal of the first sync ends the process; a later one is printed."""
    from specify_cli import bootstrap, worker_setup

    args: dict[str, Any] = {"mission": mission, "keeps_checkouts": True}
    envelope = envelope_of("sync-workspaces", **args)
    settled(envelope, as_json=as_json)
    root = bootstrap.find_project(standing_in())
    pause = threading.Event()
    seen, printer = worker_setup.workspace_glances(root), _ChangesPrinter(as_json=as_json)
    mirrors = worker_setup.mirror_upkeep(root, log=lambda line: say(line, is_error=True))
    with contextlib.suppress(KeyboardInterrupt), mirrors.running() as start:
        start()
        printer.show(envelope)
        while True:
            pause.wait(SCAN_EVERY_S)
            found = worker_setup.workspace_glances(root)
            names = seen.keys() | found.keys()
            changed = sorted(name for name in names if seen.get(name) != found.get(name))
            # Taken before the request, so that a change during it is seen by the next scan.
            seen = found
            if changed:
                printer.show(envelope_of("sync-workspaces", **args, workspaces=changed))


class _ChangesPrinter:
    """Prints only what has changed since the last output."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._known: dict[str, Any] = {}

    def show(self, envelope: Mapping[str, Any]) -> None:
        if not envelope["success"] and self._as_json:
            print_envelope(dict(envelope))
            sys.stdout.flush()
            return
        if not envelope["success"]:
            say(f"{envelope['error_code']}: {envelope['data']['message']}", is_error=True)
            return
        listed = envelope["data"]["workspaces"]
        news = [one for one in listed if self._is_news(one)]
        self._known |= {one["workspace"]: one for one in listed}
        if news and self._as_json:
            print_envelope(dict(envelope))
        elif news:
            for one in news:
                _say(one)
        sys.stdout.flush()

    def _is_news(self, one: Mapping[str, Any]) -> bool:
        is_quiet = one["outcome"] == "in_step"
        return not is_quiet and one != self._known.get(one["workspace"])


def _say(one: Mapping[str, Any]) -> None:
    say(f": {_words(one)}", head=bold(one["workspace"]), is_error=one["problem"] is not None)


def _words(one: Mapping[str, Any]) -> str:
    if one["outcome"] == "missing":
        return str(one["problem"])
    if one["problem"] is not None:
        return f"not fetched: {one['problem']}"
    if one["outcome"] == "taken_in":
        commits = "1 commit" if one["commits"] == 1 else f"{one['commits']} commits"
        return f"{one['branch']} {one['old'][:SHORT]}..{one['new'][:SHORT]}, {commits}"
    if one["outcome"] == "behind":
        return f"behind {one['branch']} of the project"
    return "up to date"
