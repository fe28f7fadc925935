"""`spec-kitty sync`: the project has what the workspaces have, for people to see."""

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

LOOK_EVERY_S = 1.0
"""A look opens one file a workspace; only those that have changed are asked about."""

SHORT = 12
"""Characters of a commit's name that tell it from others."""


@click.command()
@click.option("--watch", is_flag=True, help="Go on until Ctrl-C; print only what changes.")
@click.option("--mission", help="Only its workspaces: folder name, id, number or bare name.")
@JSON
def sync(*, watch: bool, mission: str | None, as_json: bool) -> None:
    """Take the commits of workspaces into the branches of their execution lanes.

    A running worker does so by itself while packages are worked on. A clean working tree of the
    project that has such a branch checked out goes with it; with --watch, the branch stays. What
    workspaces fetch from follows the project.

    Exit 0: everything is in step. 1: something was refused, or the workspace of a package in progress
    is not there; it is said why.

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
            words = "no workspaces of missions that are checked out: one is made when a package is started"
            say(words, is_error=True)
    sys.exit(REFUSED if data["refused"] else 0)


def _watch(mission: str | None, *, as_json: bool) -> None:
    """Until Ctrl-C; a refusal of the first look ends the process, a later one is told and waited out."""
    from specify_cli import bootstrap

    args: dict[str, Any] = {"mission": mission, "keeps_checkouts": True}
    envelope = envelope_of("sync-workspaces", **args)
    settled(envelope, as_json=as_json)
    root = bootstrap.find_project(standing_in())
    pause = threading.Event()
    seen, told = bootstrap.workspace_glances(root), _Told(as_json=as_json)
    mirrors = bootstrap.mirror_upkeep(root, log=lambda line: say(line, is_error=True))
    with contextlib.suppress(KeyboardInterrupt), mirrors.running() as start:
        start()
        told.show(envelope)
        while True:
            pause.wait(LOOK_EVERY_S)
            found = bootstrap.workspace_glances(root)
            names = seen.keys() | found.keys()
            changed = sorted(name for name in names if seen.get(name) != found.get(name))
            # Taken before asking: what changes while the answer is made is seen at the next look.
            seen = found
            if changed:
                told.show(envelope_of("sync-workspaces", **args, workspaces=changed))


class _Told:
    """What has been printed, so that only changes are."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._known: dict[str, Any] = {}

    def show(self, envelope: Mapping[str, Any]) -> None:
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
        return f"not taken in: {one['problem']}"
    if one["outcome"] == "taken_in":
        commits = "1 commit" if one["commits"] == 1 else f"{one['commits']} commits"
        return f"{one['branch']} {one['old'][:SHORT]}..{one['new'][:SHORT]}, {commits}"
    if one["outcome"] == "behind":
        return f"it has not got all that {one['branch']} has in the project"
    return "in step"
