"""`spec-kitty backup` and `spec-kitty restore`: save the host's data of a project, and restore it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from specify_cli.cli import json_reply, progress_line
from specify_cli.cli.client import ask, standing_in
from specify_cli.cli.mailbox_prune import size_text
from specify_cli.cli.options import JSON
from specify_cli.cli.output import say

if TYPE_CHECKING:
    from specify_cli.storage.backup_manifest import Restored

KINDS = {
    "journal": "part of the published journal",
    "archive": "archived part of the journal",
    "dead-letters": "file of dead letters",
    "config.toml": "config.toml",
}
MOST_SHOWN = 5


@click.command(short_help="Save the host's data to one file.")
@click.argument("file", type=click.Path(dir_okay=False))
@JSON
def backup(*, file: str, as_json: bool) -> None:
    """Save the host's data of this project to a new FILE outside the project. A worker may be running.

    FILE contains the record (every change, its answer and its events, with the key of the record), the journal and its
    archive, dead letters and config.toml, all as of one moment. Its mode is 0600: it contains every text in clear.

    It does not contain what git stores: branches, commits and the folders of missions. Save them after this command, with
    'git push' or 'git bundle'. Workspaces are not included, nor are requests without an answer, which their clients send
    again. Restore with 'spec-kitty restore'.

    Example: spec-kitty backup ../search.backup
    """
    path = str(standing_in() / file)
    data = ask("write-backup", as_json=as_json, file=path)
    if not as_json:
        _tell_written(data)


def _tell_written(data: Mapping[str, Any]) -> None:
    position = int(data["head"].split(":")[1])
    say(f"{data['file']}: {size_text(data['bytes'])}, the record up to entry {position:,}")
    kinds = [it.partition("/")[0] for it in data["files"]]
    for kind, what in KINDS.items():
        if count := kinds.count(kind):
            say(f"  {what}" if kind == "config.toml" else f"  {count:,} {_several(what, count)}")
    for path in data["left_out"][:MOST_SHOWN]:
        say(f"left out, because it is too large or not a regular file: {path}", is_error=True)
    if len(data["left_out"]) > MOST_SHOWN:
        say(f"and {len(data['left_out']) - MOST_SHOWN} more", is_error=True)
    bundle = shlex.quote(str(Path(data["file"]).with_suffix(".bundle")))
    say(f"branches and missions are not in it; save them too: git bundle create {bundle} --all")


def _several(what: str, count: int) -> str:
    first, _, rest = what.partition(" ")
    if count == 1:
        return what
    return f"{what.replace('part', 'parts', 1)}" if "part" in what else f"{first}s {rest}"


@click.command(short_help="Restore a backup.")
@click.argument("file", type=click.Path(dir_okay=False))
@click.option(
    "--into", metavar="DIR", help="The project to restore. Default: the one of this folder."
)
@click.option("--replace", is_flag=True, help="Also replace a newer or a different record.")
@JSON
def restore(*, file: str, into: str | None, replace: bool, as_json: bool) -> None:
    """Restore the host's data from the backup FILE. Stop the worker first.

    The whole file is checked before anything is changed. A record that is newer than the backup, or a different one, is only
    replaced with --replace. Replaced files are kept next to the record; the last line of the output names the folder. An
    existing config.toml is not changed. The same command completes a restore that was interrupted.

    Restore branches and missions first, with 'git clone', if they are gone. Newer changes are not lost: if the published journal
    or the logs of missions are newer than the backup, 'spec-kitty doctor --fix' then imports their newer lines ('spec-kitty
    mission rewind' withdraws events). A backup is trusted like the host itself: restore only files that you kept safe.

    Example: spec-kitty restore ../search.backup --into ../search
    """
    from specify_cli import bootstrap
    from specify_cli.errors import UsageError

    here = standing_in()
    folder = here / into if into else here
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder: clone the repository there first")
    with progress_line.shown(unless=as_json):
        done = bootstrap.restoring(folder).restore((here / file).resolve(), replaces=replace)
    if as_json:
        json_reply.print_data(_data(done))
        return
    _tell_restored(done, elsewhere=done.root != here)


def _data(done: Restored) -> dict[str, Any]:
    return {
        "project": str(done.root),
        "at": done.manifest.at,
        "head": str(done.manifest.head),
        "has_newer_lines": done.has_newer_lines,
        "config": str(done.config) if done.config else None,
        "replaced": str(done.replaced) if done.replaced else None,
    }


def _tell_restored(done: Restored, *, elsewhere: bool) -> None:
    say(f"{done.root}: restored as of {done.manifest.at}, entry {done.manifest.head.position:,}")
    if done.config:
        say(f"config.toml was not changed; the one from the backup is {done.config}")
    if done.has_newer_lines:
        say("the published journal is newer, and was not changed: 'doctor --fix' imports its lines")
    fix = " --fix" if done.has_newer_lines else ""
    change = f"cd {shlex.quote(str(done.root))} && " if elsewhere else ""
    say(f"next: {change}spec-kitty doctor{fix}")
    if done.replaced:
        say(f"the replaced files are in {done.replaced}")
