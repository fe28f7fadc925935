"""`spec-kitty mailbox access`: the permissions of each orchestrator, and its folders."""

from __future__ import annotations

import pwd
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from specify_cli.cli import json_reply
from specify_cli.cli.client import layout_here
from specify_cli.cli.options import JSON
from specify_cli.cli.output import COULD_NOT_CHECK, reporting_errors

if TYPE_CHECKING:
    from specify_cli.mailbox.layout import MailboxLayout
    from specify_cli.orchestrator_api.config import Config
    from specify_cli.orchestrator_api.grants import Grant

ANY = "any"
NOTHING = "none"
COLUMN = 11
WIDE_COLUMN = 19
NO_CONFIG = "there is no config.toml, so the root inbox may use every command, and other inboxes may use none:"


@click.command(short_help="Show the permissions that config.toml grants.")
@JSON
def access(*, as_json: bool) -> None:
    """Show the permissions of each orchestrator, as a worker started now would apply them.

    Exit 0: even with warnings. 2: config.toml is damaged or cannot be trusted.

    Example: spec-kitty mailbox access --json
    """
    from specify_cli import bootstrap

    with reporting_errors(exit_code=COULD_NOT_CHECK, as_json=as_json):
        layout = layout_here()
        report = _report(bootstrap.read_config(layout.root), layout)
    if as_json:
        json_reply.print_data(report)
        return
    for line in _text(report):
        click.echo(line)


def _report(granted: Config, layout: MailboxLayout) -> dict[str, Any]:
    from specify_cli.storage import heartbeat_file

    config = layout.config
    return {
        "config": str(config) if config.exists() else None,
        "worker_is_alive": heartbeat_file.is_alive(layout.heartbeat),
        "settings": granted.settings.written,
        "shares_objects": granted.settings.shares_objects,
        "orchestrators": [_orchestrator(grant, layout) for grant in granted.grants],
        "warnings": [
            *_stale_config(layout, granted.digest),
            *_shared_root(granted.grants),
            *(warning for grant in granted.grants for warning in _lost_paths(grant)),
        ],
    }


def _orchestrator(grant: Grant, layout: MailboxLayout) -> dict[str, Any]:
    from specify_cli import ids

    part = "" if grant.identity == ids.DEFAULT_ORCHESTRATOR else grant.identity
    return {
        "identity": grant.identity,
        "commands": list(grant.commands),
        "missions": _texts(grant.missions),
        "actors": _texts(grant.actors),
        "targets": _texts(grant.targets),
        "push": grant.push,
        "uid": grant.uid,
        "user": None if grant.uid is None else _user(grant.uid),
        "policy": {name: list(values) for name, values in grant.policy.items()},
        "quota": grant.quota._asdict(),
        "paths": dict(grant.paths),
        "inbox": _folder(layout.inbox / part),
        "outbox": _folder(layout.outbox / part),
    }


def _texts(values: Sequence[str] | None) -> list[str] | None:
    return None if values is None else list(values)


def _folder(path: Path) -> dict[str, Any]:
    place: dict[str, Any] = {"path": str(path), "exists": False, "owner": None, "mode": None}
    try:
        status = path.lstat()
    except OSError:
        return place
    is_folder = stat.S_ISDIR(status.st_mode)
    owner = _user(status.st_uid) or str(status.st_uid)
    return place | {"exists": is_folder, "owner": owner, "mode": stat.filemode(status.st_mode)}


def _user(uid: int) -> str | None:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return None


# Warnings.


def _stale_config(layout: MailboxLayout, digest: str | None) -> Iterator[str]:
    """Warn if a worker uses another content of config.toml than the one with this digest."""
    from specify_cli.mailbox import health_disks, worker_status

    worker = worker_status.read(layout)
    if worker_status.is_alive(layout) and health_disks.stale_config(worker, digest):
        yield (
            f"{layout.config} was changed, and the worker still uses the former settings: run"
            " 'spec-kitty mailbox reload'"
        )


def _shared_root(grants: Sequence[Grant]) -> Iterator[str]:
    from specify_cli import ids

    names = [grant.identity for grant in grants]
    unowned = [grant.identity for grant in grants if grant.uid is None]
    others = [name for name in unowned if name != ids.DEFAULT_ORCHESTRATOR]
    if ids.DEFAULT_ORCHESTRATOR in names and others:
        yield (
            f"a user who can write to the root inbox of {ids.DEFAULT_ORCHESTRATOR} can write to every"
            f" inbox below it, and these orchestrators have no uid to tell their files apart:"
            f" {', '.join(others)}; set a uid for each, or do not grant the root inbox"
        )


def _lost_paths(grant: Grant) -> Iterator[str]:
    for here, there in grant.paths:
        if not Path(there).is_absolute():
            yield f"{grant.identity}: {here} is mapped to {there!r}, which is a relative path: give an absolute path"
        if not Path(here).exists():
            yield f"{grant.identity}: {here} is mapped to {there!r} and does not exist here"


# Text.


def _text(report: Mapping[str, Any]) -> Iterator[str]:
    yield _plain(f"as {report['config']} says:" if report["config"] else NO_CONFIG)
    yield ""
    yield click.style("host settings", bold=True)
    for name, value in report["settings"].items():
        yield f"  {name:<{WIDE_COLUMN}}{_plain(_setting(name, value, report))}"
    for orchestrator in report["orchestrators"]:
        yield ""
        yield click.style(_plain(orchestrator["identity"]), bold=True)
        for name, words in _facts(orchestrator):
            yield f"  {name:<{COLUMN}}{_plain(words)}"
    if report["warnings"]:
        yield ""
    for warning in report["warnings"]:
        yield click.style(_plain(f"warning: {warning}"), fg="yellow")


def _setting(name: str, value: Any, report: Mapping[str, Any]) -> str:
    if name == "filters":
        return _listed(value) or NOTHING
    if value == "auto":
        return f"auto: {'share' if report['shares_objects'] else 'copy'}"
    return NOTHING if value is None else str(value)


def _facts(orchestrator: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    quota = orchestrator["quota"]
    yield "commands", ", ".join(orchestrator["commands"])
    yield "missions", _listed(orchestrator["missions"])
    yield "actors", _listed(orchestrator["actors"])
    targets = orchestrator["targets"]
    yield (
        "targets",
        "the mission's own" if targets is None else _listed(None if targets == ["*"] else targets),
    )
    yield "push", "yes" if orchestrator["push"] else "no"
    yield "owner", _owner(orchestrator)
    for field, values in orchestrator["policy"].items():
        yield "policy", f"{field}: {', '.join(values) or 'none'}"
    bounds = "{max_waiting:,} waiting requests of {max_waiting_bytes:,} bytes"
    yield "quota", (bounds + ", {max_request_bytes:,} bytes a request").format(**quota)
    daily = "{max_daily_requests:,} requests and {max_daily_bytes:,} bytes a day (UTC)"
    yield "quota", daily.format(**quota)
    for here, there in orchestrator["paths"].items():
        yield "path", f"{here} is seen as {there}"
    for name in ("inbox", "outbox"):
        yield name, _place(orchestrator[name])


def _listed(values: Sequence[str] | None) -> str:
    return ANY if values is None else ", ".join(values)


def _owner(orchestrator: Mapping[str, Any]) -> str:
    uid = orchestrator["uid"]
    return "anybody" if uid is None else f"{orchestrator['user'] or 'unknown user'} ({uid})"


def _place(place: Mapping[str, Any]) -> str:
    if place["exists"]:
        return f"{place['path']}  {place['owner']} {place['mode']}"
    return f"{place['path']}  {'not a folder' if place['mode'] else 'does not exist yet'}"


def _plain(words: str) -> str:
    from specify_cli.mailbox import printable

    return printable.printable(words)
