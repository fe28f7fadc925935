"""The commands that resolve a conflict, for a person."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from specify_cli.cli.advice import current_actor, same_command
from specify_cli.cli.prompting import Chosen


def advice_on(
    data: Mapping[str, Any], packages: Sequence[Mapping[str, Any]], mission: Chosen, *, word: str
) -> list[str]:
    """Return the lines that say how to resolve the conflicts of a refusal; none if it has none.

    Obstacles of other kinds come first: what they are decides which commands work.
    """
    found: list[Mapping[str, Any]] = data.get("conflicting", [])
    if not found or len(data.get("errors", found)) > len(found):
        return []
    by_package: dict[str, list[Mapping[str, Any]]] = {}
    for it in found:
        by_package.setdefault(it["wp_id"], []).append(it)
    known = {it["wp_id"]: it for it in packages}
    lines = ["to resolve it, run:"]
    for wp, conflicts in by_package.items():
        lines += _of_package(known[wp], conflicts, mission)
    return [*lines, *_again(mission, word)]


def _of_package(
    package: Mapping[str, Any], conflicts: Sequence[Mapping[str, Any]], mission: Chosen
) -> Iterator[str]:
    wp = package["wp_id"]
    others = " and ".join(it.get("with_wp_id") or it["with_branch"] for it in conflicts)
    about = shlex.quote(f"conflict with {others}")
    lane = package["lane"]
    if lane == "approved":
        yield f"  {mission.next(f'move {wp} in_progress --review-ref {about}')}"
    elif lane == "done":
        yield f"  {mission.next(f'move {wp} in_progress --force --note {about}')}"
    for it in conflicts:
        yield from (f"  {command}" for command in it["merge_commands"])
        yield f"resolve the conflict there, in {', '.join(it['paths'])}; then run:"
        yield f"  {it['commit_command']}"
    if lane in ("approved", "done"):
        holder = package.get("claimed_by")
        who = None if holder == current_actor() else holder
        yield f"  {mission.next(f'implement {wp} --done', actor=who)}"
        yield f"  {mission.next(f'review {wp}')}"


def _again(mission: Chosen, word: str) -> Iterator[str]:
    if word == "merge":
        yield f"  {mission.next('accept')}"
    yield f"  {same_command()}"
