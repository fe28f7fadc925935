"""The names of a project that a shell can complete. Reading them runs no git and takes no lock of the host."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from types import MappingProxyType
from typing import Any, TypeAlias

import click

from specify_cli.cli import shipped
from specify_cli.cli.client import envelope_of, layout_here, project_here, standing_in

Named: TypeAlias = Iterable[tuple[str, str]]
Source: TypeAlias = Callable[[click.Context, str], Named]
"""Returns names with descriptions, for a command line and the word that is being typed."""

STRATEGIES = ("merge", "squash", "rebase")
NEWEST = 100
"""Journal lines whose requests and events are offered."""


def source_of(param: click.Parameter) -> Source | None:
    """Return the source of the values of an argument or option, or None if there is none."""
    table = ARGUMENTS if isinstance(param, click.Argument) else OPTIONS
    names = (*(param.opts if isinstance(param, click.Option) else ()), param.name or "")
    return next((table[name] for name in names if name in table), None)


def _missions(ctx: click.Context, typed: str) -> Named:
    missions = _asked("list-missions").get("missions", ())
    return [(it["mission_slug"], it["title"]) for it in missions]


def _packages(ctx: click.Context, typed: str) -> Named:
    packages = _state(ctx).get("work_packages", ())
    return [(it["wp_id"], f"{it['lane']}: {it['title']}") for it in packages]


def _missions_and_packages(ctx: click.Context, typed: str) -> Named:
    yield from _missions(ctx, typed)
    if typed[:1] in {"w", "W"}:
        yield from _packages(ctx, typed)


def _lanes(ctx: click.Context, typed: str) -> Named:
    return [(lane, "") for lane in shipped.lanes()]


def _strategies(ctx: click.Context, typed: str) -> Named:
    return [(name, "") for name in STRATEGIES]


def _subtasks(ctx: click.Context, typed: str) -> Named:
    """Yield the subtasks that are open in the files of the mission, and the packages that have some."""
    from specify_cli.storage import package_files
    from specify_cli.storage.layout import Layout

    slug = _state(ctx).get("mission_slug")
    if slug is None:
        return
    root, given = project_here(), ctx.params.get("subtasks") or ()
    for package in package_files.read_packages(Layout(root).missions / slug, below=root).values():
        names = [it.subtask_id for it in package.subtasks if not it.is_ticked]
        yield from ((it, package.title) for it in names if it not in given)
        if names and package.wp_id not in given:
            yield package.wp_id, package.title


def _requests(ctx: click.Context, typed: str) -> Named:
    return [(it["correlation_id"], _about(it)) for it in _journal()]


def _events(ctx: click.Context, typed: str) -> Named:
    mission = ctx.params.get("mission")
    for line in _journal():
        data = line["envelope"]["data"]
        if mission is None or mission in (data.get("mission_slug"), line["args"].get("mission")):
            yield from ((event, _about(line)) for event in line["event_ids"])


def _dead_letters(ctx: click.Context, typed: str) -> Named:
    from specify_cli.storage import dead_letters

    letters = dead_letters.LetterFolder(layout_here().dead_letters).letters()
    return [(it.letter_id, f"{it.state}: {it.name}") for it in letters]


def _redactable(ctx: click.Context, typed: str) -> Named:
    yield from _requests(ctx, typed)
    yield from _events(ctx, typed)
    yield from _dead_letters(ctx, typed)


def _documents(ctx: click.Context, typed: str) -> Named:
    folder = shipped.contract()
    return [(path.stem, "") for path in sorted(folder.glob("v1/*.md"))]


def _capabilities(ctx: click.Context, typed: str) -> Named:
    from specify_cli.conformance import capabilities

    meanings = {name: it.meaning for name, it in capabilities.DECLARED.items()}
    return [*meanings.items(), *((f"no-{name}", "") for name in meanings)]


ARGUMENTS = MappingProxyType[str, Source](
    {
        "mission": _missions,
        "named": _missions_and_packages,
        "wp": _packages,
        "lane": _lanes,
        "subtasks": _subtasks,
        "correlation_id": _requests,
        "dead_letter": _dead_letters,
        "about": _redactable,
        "name": _documents,
    }
)
OPTIONS = MappingProxyType[str, Source](
    {
        "--mission": _missions,
        "--wp": _packages,
        "--depends-on": _packages,
        "--strategy": _strategies,
        "--capability": _capabilities,
        "event": _events,
        "to": _lanes,
    }
)


def _state(ctx: click.Context) -> dict[str, Any]:
    """Return the state of the mission named earlier on the line. Default: the mission of this folder."""
    named = ctx.params.get("mission") or ctx.params.get("name")
    mission = named or _asked("choose-mission", folder=str(standing_in())).get("mission_slug")
    return _asked("mission-state", mission=mission) if mission else {}


def _asked(command: str, **args: Any) -> dict[str, Any]:
    """Return the data of the reply; empty on a refusal."""
    envelope = envelope_of(command, **args)
    return envelope["data"] if envelope["success"] else {}


def _journal() -> Iterator[dict[str, Any]]:
    """Yield the newest published lines, the newest first."""
    from specify_cli.storage import published_line, records

    record = records.found(layout_here())
    if record is None:
        return
    newest = record.last_published()[0]
    lines = [line for _, line in record.published(after=max(newest - NEWEST, 0))]
    yield from map(published_line.parse, reversed(lines))


def _about(line: dict[str, Any]) -> str:
    args = line["args"] or {}
    words = (line["command"].partition(".")[2], args.get("mission"), args.get("wp"))
    return " ".join(str(word) for word in words if word)
