"""Which work packages share a worktree, because the files they own overlap."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from itertools import islice
from string import ascii_lowercase

from specify_cli.core import globs


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageScope:
    """What the plan needs to know of one package."""

    wp_id: str
    owned_files: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionLane:
    """One worktree and the packages that are worked on in it."""

    lane_id: str
    wp_ids: tuple[str, ...]
    write_scope: tuple[str, ...] = ()
    depends_on_lanes: tuple[str, ...] = ()
    parallel_group: int = 0


def plan_lanes(
    packages: Sequence[PackageScope], existing: Sequence[ExecutionLane] = ()
) -> tuple[ExecutionLane, ...]:
    """The lanes of all `packages`; those in `existing` stay in the lane that they have.

    A new package joins the first existing lane whose files overlap with its own, because a branch
    that work has begun on cannot be split or renamed.
    """
    scopes = {package.wp_id: package for package in packages}
    settled = [[x for x in lane.wp_ids if x in scopes] for lane in existing]
    placed = {wp_id for group in settled for wp_id in group}
    groups = list(settled)
    names = [lane.lane_id for lane in existing]
    for group in _overlapping([p for p in packages if p.wp_id not in placed]):
        home = next((g for g in settled if _touch(g, group, scopes)), None)
        if home is None:
            groups.append(group)
            names.append(_next_name(names))
        else:
            home.extend(group)
    lanes = [_lane(name, group, scopes) for name, group in zip(names, groups, strict=True)]
    return _related(lanes, scopes)


def _overlapping(packages: Sequence[PackageScope]) -> list[list[str]]:
    """Groups of packages connected by overlapping files, each sorted, first members in order."""
    leader = {package.wp_id: package.wp_id for package in packages}

    def find(wp_id: str) -> str:
        while leader[wp_id] != wp_id:
            wp_id = leader[wp_id]
        return wp_id

    for one, other in _overlapping_pairs(packages):
        first, second = sorted((find(one), find(other)))
        leader[second] = first
    groups: dict[str, list[str]] = {}
    for wp_id in sorted(leader):
        groups.setdefault(find(wp_id), []).append(wp_id)
    return list(groups.values())


def _overlapping_pairs(packages: Sequence[PackageScope]) -> Iterator[tuple[str, str]]:
    """Pairs of packages that own a file in common.

    Sorted by literal prefix, all that a pattern can overlap with stand right behind it, so that
    hundreds of packages need no comparison of each with each.
    """
    owned = sorted(
        (globs.literal_prefix(pattern), pattern, package.wp_id)
        for package in packages
        for pattern in package.owned_files
    )
    for position, (prefix, pattern, wp_id) in enumerate(owned):
        for other_prefix, other_pattern, other_id in islice(owned, position + 1, None):
            if not other_prefix.startswith(prefix):
                break
            if wp_id != other_id and globs.overlap(pattern, other_pattern):
                yield wp_id, other_id


def _touch(
    group: Sequence[str], newcomers: Sequence[str], scopes: Mapping[str, PackageScope]
) -> bool:
    return any(
        _scopes_overlap(scopes[one].owned_files, scopes[other].owned_files)
        for one in group
        for other in newcomers
    )


def _scopes_overlap(ones: Sequence[str], others: Sequence[str]) -> bool:
    return any(globs.overlap(one, other) for one in ones for other in others)


def _next_name(taken: Sequence[str]) -> str:
    number = len(taken)
    while (name := f"lane-{_letters(number)}") in taken:
        number += 1
    return name


def _letters(number: int) -> str:
    """a, b, .. z, aa, ab, .. as spreadsheet columns are named."""
    rest, last = divmod(number, 26)
    return (_letters(rest - 1) if rest else "") + ascii_lowercase[last]


def _lane(name: str, group: Sequence[str], scopes: Mapping[str, PackageScope]) -> ExecutionLane:
    files = {pattern for wp_id in group for pattern in scopes[wp_id].owned_files}
    return ExecutionLane(lane_id=name, wp_ids=tuple(group), write_scope=tuple(sorted(files)))


def _related(
    lanes: Sequence[ExecutionLane], scopes: Mapping[str, PackageScope]
) -> tuple[ExecutionLane, ...]:
    """The lanes with what each waits for, and the round in which it could run at the earliest."""
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
        replace(
            lane,
            depends_on_lanes=tuple(needs[lane.lane_id]),
            parallel_group=rounds[lane.lane_id],
        )
        for lane in lanes
    )


def _rounds(needs: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Lane to its distance from a lane that waits for none; 0 for all where lanes wait in a circle."""
    rounds = dict.fromkeys(needs, 0)
    try:
        for lane_id in TopologicalSorter(needs).static_order():
            rounds[lane_id] = max((rounds[x] + 1 for x in needs[lane_id]), default=0)
    except CycleError:
        return dict.fromkeys(needs, 0)
    return rounds
