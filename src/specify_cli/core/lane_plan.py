"""The plan of execution lanes: packages with overlapping files share a workspace."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence, Set
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

from specify_cli.core import globs
from specify_cli.core.pattern_index import PatternIndex, connected, first_meeting


class PackageScope(NamedTuple):
    """The input of the plan for one package."""

    wp_id: str
    owned_files: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()


class ExecutionLane(NamedTuple):
    """An execution lane: one workspace and its packages."""

    lane_id: str
    wp_ids: tuple[str, ...]
    write_scope: tuple[str, ...] = ()
    depends_on_lanes: tuple[str, ...] = ()
    parallel_group: int = 0


def plan_lanes(
    packages: Sequence[PackageScope], existing: Sequence[ExecutionLane] = ()
) -> tuple[ExecutionLane, ...]:
    """Assign all `packages` to execution lanes; packages in `existing` keep theirs.

    A new package joins the first existing execution lane with overlapping files, because a branch with
    work cannot be split or renamed.
    """
    scopes = {package.wp_id: package for package in packages}
    planned = [[x for x in lane.wp_ids if x in scopes] for lane in existing]
    known = {wp_id for group in planned for wp_id in group}
    groups = [list(group) for group in planned]
    names = [lane.lane_id for lane in existing]
    taken = {*names}
    newcomers = _overlapping([p for p in packages if p.wp_id not in known])
    for group, home in zip(newcomers, _homes(newcomers, planned, scopes), strict=True):
        if home is None:
            groups.append(group)
            names.append(_next_name(len(names), taken))
            taken.add(names[-1])
        else:
            groups[home].extend(group)
    lanes = [_lane(name, group, scopes) for name, group in zip(names, groups, strict=True)]
    return _related(lanes, scopes)


class Overlap(NamedTuple):
    """Two packages with overlapping files, and one overlapping pattern of each."""

    wp_id: str
    other: str
    patterns: tuple[str, str]


def overlaps(packages: Sequence[PackageScope]) -> list[Overlap]:
    """Return overlaps that connect the packages of an execution lane.

    Each package is paired with the nearest member of each group of earlier packages that it overlaps with.
    A package without a pair was assigned to the execution lane when it owned other files.
    """
    owners, heads = _heads_of(packages)
    patterns = [pattern for package in packages for pattern in package.owned_files]
    index = PatternIndex(heads)
    found: list[Overlap] = []
    groups: list[int] = []
    for number, package in enumerate(packages):
        own = range(bisect_left(owners, number), bisect_right(owners, number))
        met = {at: index.meeting(heads[at]) for at in own}
        joined, apart = sum(1 << at for at in own), []
        for group in groups:
            ours = next((at for at in own if met[at] & group), None)
            if ours is None:
                apart.append(group)
                continue
            theirs = (met[ours] & group).bit_length() - 1
            other, pair = packages[owners[theirs]].wp_id, (patterns[ours], patterns[theirs])
            found.append(Overlap(wp_id=package.wp_id, other=other, patterns=pair))
            joined |= group
        groups = [*apart, joined]
    return found


def _overlapping(packages: Sequence[PackageScope]) -> list[list[str]]:
    """Group packages that are connected by overlapping files; groups and members are sorted."""
    ordered = sorted(packages, key=lambda package: package.wp_id)
    owners, heads = _heads_of(ordered)
    leader = list(range(len(ordered)))

    def find(number: int) -> int:
        while leader[number] != number:
            leader[number] = leader[leader[number]]
            number = leader[number]
        return number

    for position, first in enumerate(connected(heads)):
        one, other = sorted((find(owners[position]), find(owners[first])))
        leader[other] = one
    groups: dict[int, list[str]] = {}
    for number, package in enumerate(ordered):
        groups.setdefault(find(number), []).append(package.wp_id)
    return list(groups.values())


def _homes(
    newcomers: Sequence[Sequence[str]],
    existing: Sequence[Sequence[str]],
    scopes: Mapping[str, PackageScope],
) -> list[int | None]:
    """Return for each new group the first existing group with overlapping files, else None.

    New groups do not overlap with each other, so their assignments are independent.
    """
    lanes, theirs = _heads_of([_together(group, scopes) for group in existing])
    groups, ours = _heads_of([_together(group, scopes) for group in newcomers])
    homes: list[int | None] = [None] * len(newcomers)
    for group, met in zip(groups, first_meeting(ours, theirs), strict=True):
        if met is not None:
            home = homes[group]
            homes[group] = lanes[met] if home is None else min(home, lanes[met])
    return homes


def _heads_of(packages: Sequence[PackageScope]) -> tuple[list[int], list[globs.Head]]:
    """Return the position of the owner of each pattern, and the head of each pattern."""
    pairs = [
        (number, globs.head(pattern))
        for number, package in enumerate(packages)
        for pattern in package.owned_files
    ]
    return [number for number, _ in pairs], [head for _, head in pairs]


def _together(group: Sequence[str], scopes: Mapping[str, PackageScope]) -> PackageScope:
    files = [pattern for wp_id in group for pattern in scopes[wp_id].owned_files]
    return PackageScope(wp_id="", owned_files=tuple(files))


def _next_name(number: int, taken: Set[str]) -> str:
    while (name := f"lane-{_letters(number)}") in taken:
        number += 1
    return name


def _letters(number: int) -> str:
    """Return a, b, .. z, aa, ab, .., like the names of spreadsheet columns."""
    rest, last = divmod(number, 26)
    return (_letters(rest - 1) if rest else "") + chr(ord("a") + last)


def _lane(name: str, group: Sequence[str], scopes: Mapping[str, PackageScope]) -> ExecutionLane:
    files = {pattern for wp_id in group for pattern in scopes[wp_id].owned_files}
    return ExecutionLane(lane_id=name, wp_ids=tuple(group), write_scope=tuple(sorted(files)))


def _related(
    lanes: Sequence[ExecutionLane], scopes: Mapping[str, PackageScope]
) -> tuple[ExecutionLane, ...]:
    """Add to each execution lane its dependencies and the earliest round in which it can run."""
    home = {wp_id: lane.lane_id for lane in lanes for wp_id in lane.wp_ids}
    needs = {
        lane.lane_id: sorted(
            {home[x] for wp_id in lane.wp_ids for x in scopes[wp_id].dependencies if x in home}
            - {lane.lane_id}
        )
        for lane in lanes
    }
    rounds = _rounds(needs)
    return tuple(
        lane._replace(
            depends_on_lanes=tuple(needs[lane.lane_id]),
            parallel_group=rounds[lane.lane_id],
        )
        for lane in lanes
    )


def _rounds(needs: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Return the round of each execution lane; 0 for all if their dependencies have a cycle."""
    rounds = dict.fromkeys(needs, 0)
    try:
        for lane_id in TopologicalSorter(needs).static_order():
            rounds[lane_id] = max((rounds[x] + 1 for x in needs[lane_id]), default=0)
    except CycleError:
        return dict.fromkeys(needs, 0)
    return rounds
