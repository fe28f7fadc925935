from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specify_cli.core.globs import PatternTooComplex, names_meet, overlap, require_simple
from specify_cli.core.lane_plan import ExecutionLane, PackageScope, overlaps, plan_lanes
from tests.benchmarks.lane_plan import SHAPES, packages_of

FILES = st.sampled_from(
    ["src/**", "src/a", "src/a/b.py", "src/*.py", "docs", "docs/x", "**/x", "lib"]
)
NAMES = st.text("ab*?", min_size=1, max_size=4)
PATTERNS = st.lists(st.one_of(NAMES, st.just("**")), max_size=3).map("/".join)
IDS = [f"WP{n:02}" for n in range(1, 9)]


def scope(wp_id: str, files: list[str], needs: list[str]) -> PackageScope:
    return PackageScope(wp_id=wp_id, owned_files=tuple(files), dependencies=tuple(needs))


SCOPES = st.lists(
    st.builds(
        scope,
        st.sampled_from(IDS),
        st.lists(FILES, max_size=2),
        st.lists(st.sampled_from(IDS), max_size=2),
    ),
    max_size=8,
    unique_by=lambda package: package.wp_id,
)


def homes(lanes: tuple[ExecutionLane, ...]) -> dict[str, str]:
    return {wp_id: lane.lane_id for lane in lanes for wp_id in lane.wp_ids}


def share_a_file(one: PackageScope, other: PackageScope) -> bool:
    return any(overlap(a, b) for a in one.owned_files for b in other.owned_files)


@given(SCOPES)
def test_execution_lanes_partition_the_packages_and_have_unique_ids(
    packages: list[PackageScope],
) -> None:
    lanes = plan_lanes(packages)
    assert sorted(x for lane in lanes for x in lane.wp_ids) == sorted(p.wp_id for p in packages)
    assert len({lane.lane_id for lane in lanes}) == len(lanes)
    assert all(lane.wp_ids for lane in lanes)


@given(SCOPES)
def test_packages_with_overlapping_files_share_an_execution_lane(
    packages: list[PackageScope],
) -> None:
    home = homes(plan_lanes(packages))
    for one, other in combinations(packages, 2):
        assert home[one.wp_id] == home[other.wp_id] or not share_a_file(one, other)


@given(SCOPES)
def test_packages_share_an_execution_lane_only_if_overlapping_files_connect_them(
    packages: list[PackageScope],
) -> None:
    scopes = {package.wp_id: package for package in packages}
    for lane in plan_lanes(packages):
        reached = {lane.wp_ids[0]}
        while (
            more := {x for x in lane.wp_ids for y in reached if share_a_file(scopes[x], scopes[y])}
            - reached
        ):
            reached |= more
        assert reached == set(lane.wp_ids)


@given(SCOPES, st.randoms(use_true_random=False))
def test_the_plan_does_not_depend_on_the_order_of_the_packages(
    packages: list[PackageScope], random: object
) -> None:
    shuffled = list(packages)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert plan_lanes(shuffled) == plan_lanes(packages)


@given(SCOPES, st.integers(0, 8))
def test_extending_a_plan_keeps_every_old_assignment(
    packages: list[PackageScope], known: int
) -> None:
    before = plan_lanes(packages[:known])
    after = plan_lanes(packages, before)
    assert homes(before).items() <= homes(after).items()
    assert [lane.lane_id for lane in after][: len(before)] == [lane.lane_id for lane in before]
    assert sorted(homes(after)) == sorted(p.wp_id for p in packages)


@given(SCOPES)
def test_planning_the_same_packages_again_changes_nothing(packages: list[PackageScope]) -> None:
    once = plan_lanes(packages)
    assert plan_lanes(packages, once) == once


@given(SCOPES)
def test_an_execution_lane_depends_on_those_of_its_dependencies_and_runs_after_them(
    packages: list[PackageScope],
) -> None:
    lanes = plan_lanes(packages)
    home = homes(lanes)
    rounds = {lane.lane_id: lane.parallel_group for lane in lanes}
    needs = {package.wp_id: package.dependencies for package in packages}
    for lane in lanes:
        wanted = {home[x] for wp_id in lane.wp_ids for x in needs[wp_id] if x in home}
        assert set(lane.depends_on_lanes) == wanted - {lane.lane_id}
        if any(rounds.values()):
            assert all(rounds[x] < lane.parallel_group for x in lane.depends_on_lanes)


def test_execution_lanes_are_named_like_spreadsheet_columns() -> None:
    packages = [scope(f"WP{n:03}", [f"file-{n:03}"], []) for n in range(1, 60)]
    names = [lane.lane_id for lane in plan_lanes(packages)]
    assert names[0] == "lane-a"
    assert names[25:28] == ["lane-z", "lane-aa", "lane-ab"]
    assert names[51:53] == ["lane-az", "lane-ba"]


def test_a_new_package_joins_the_execution_lane_whose_files_it_owns() -> None:
    old = plan_lanes([scope("WP01", ["src/a"], []), scope("WP02", ["src/b"], [])])
    both = [scope("WP01", ["src/a"], []), scope("WP02", ["src/b"], [])]
    after = plan_lanes([*both, scope("WP03", ["src/b/c"], [])], old)
    assert homes(after)["WP03"] == homes(old)["WP02"]


def test_the_execution_lane_id_of_a_removed_package_is_not_reused() -> None:
    old = plan_lanes([scope("WP01", ["a"], []), scope("WP02", ["b"], [])])
    after = plan_lanes([scope("WP02", ["b"], []), scope("WP03", ["c"], [])], old)
    assert homes(after) == {"WP02": "lane-b", "WP03": "lane-c"}


def naive_plan(packages: list[PackageScope], settled: list[list[str]]) -> list[set[str]]:
    """A reference implementation: compare all pairs of packages and join those that overlap."""
    scopes = {package.wp_id: package for package in packages}
    placed = {x for lane in settled for x in lane}
    groups: list[set[str]] = []
    for wp_id in sorted(scopes.keys() - placed):
        near = [g for g in groups if any(share_a_file(scopes[wp_id], scopes[x]) for x in g)]
        groups = [g for g in groups if g not in near] + [{wp_id}.union(*near)]
    lanes = [set(lane) for lane in settled]
    for group in sorted(groups, key=min):
        met = [
            lane
            for lane in lanes[: len(settled)]
            if any(share_a_file(scopes[x], scopes[y]) for x in lane for y in group)
        ]
        if met:
            met[0] |= group
        else:
            lanes.append(group)
    return lanes


@settings(max_examples=75)
@given(st.lists(st.lists(PATTERNS, max_size=3), max_size=8), st.integers(0, 4))
def test_the_plan_equals_that_of_a_pairwise_comparison(owned: list[list[str]], known: int) -> None:
    packages = [scope(f"WP{n:02}", files, []) for n, files in enumerate(owned, start=1)]
    before = plan_lanes(packages[:known])
    plan = [set(lane.wp_ids) for lane in plan_lanes(packages, before)]
    assert plan == naive_plan(packages, [list(lane.wp_ids) for lane in before])


@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_planning_does_not_compare_every_pair_of_packages(shape: str) -> None:
    packages = packages_of(shape, 200)
    before = names_met()
    plan_lanes(packages)
    plan_lanes(packages, plan_lanes(packages[:100]))
    assert names_met() - before < 20 * len(packages)


def names_met() -> int:
    """The number of comparisons of two names so far."""
    counted = names_meet.cache_info()
    return counted.hits + counted.misses


def test_a_pattern_beyond_the_bounds_owns_everything_below_its_literal_prefix() -> None:
    wild = "src/api/" + "*a" * 40
    assert overlap(wild, "src/api/users.py")
    assert not overlap(wild, "src/web/users.py")
    assert overlap("lib/" + "x" * 2000, "lib/y")
    with pytest.raises(PatternTooComplex):
        require_simple(wild)


def test_a_pattern_full_of_wildcards_is_compared_in_bounded_time() -> None:
    pattern = "*a" * 31 + "b"
    assert not overlap(pattern, "a" * 400)
    assert overlap(pattern, "a" * 400 + "b")


@given(SCOPES)
def test_overlaps_connect_all_packages_of_an_execution_lane(
    packages: list[PackageScope],
) -> None:
    scopes = {package.wp_id: package for package in packages}
    for lane in plan_lanes(packages):
        found = overlaps([scopes[x] for x in lane.wp_ids])
        assert len(found) == len(lane.wp_ids) - 1
        reached = {lane.wp_ids[0]}
        for _ in found:
            ends = [{it.wp_id, it.other} for it in found]
            reached = reached.union(*(it for it in ends if it & reached))
        assert reached == set(lane.wp_ids)
        for it in found:
            ours, theirs = it.patterns
            assert ours in scopes[it.wp_id].owned_files
            assert theirs in scopes[it.other].owned_files
            assert overlap(ours, theirs)


def test_overlaps_are_found_among_hundreds_of_packages() -> None:
    apart = [scope(f"WP{n:03}", [f"src/{n}/{m}/**" for m in range(10)], []) for n in range(300)]
    assert overlaps(apart) == []
    assert len(overlaps([*apart, scope("WP999", ["**"], [])])) == 300
