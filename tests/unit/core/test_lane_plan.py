from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from specify_cli.core.globs import overlap
from specify_cli.core.lane_plan import ExecutionLane, PackageScope, plan_lanes

FILES = st.sampled_from(
    ["src/**", "src/a", "src/a/b.py", "src/*.py", "docs", "docs/x", "**/x", "lib"]
)
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
def test_lanes_partition_the_packages_under_names_of_their_own(
    packages: list[PackageScope],
) -> None:
    lanes = plan_lanes(packages)
    assert sorted(x for lane in lanes for x in lane.wp_ids) == sorted(p.wp_id for p in packages)
    assert len({lane.lane_id for lane in lanes}) == len(lanes)
    assert all(lane.wp_ids for lane in lanes)


@given(SCOPES)
def test_packages_with_overlapping_files_share_a_lane(packages: list[PackageScope]) -> None:
    home = homes(plan_lanes(packages))
    for one, other in combinations(packages, 2):
        assert home[one.wp_id] == home[other.wp_id] or not share_a_file(one, other)


@given(SCOPES)
def test_packages_share_a_lane_only_through_files(packages: list[PackageScope]) -> None:
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
def test_a_plan_of_the_same_packages_is_the_same_plan(packages: list[PackageScope]) -> None:
    once = plan_lanes(packages)
    assert plan_lanes(packages, once) == once


@given(SCOPES)
def test_a_lane_waits_for_the_lanes_of_its_dependencies_and_runs_after_them(
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


def test_lanes_are_named_as_spreadsheet_columns_are() -> None:
    packages = [scope(f"WP{n:03}", [f"file-{n:03}"], []) for n in range(1, 60)]
    names = [lane.lane_id for lane in plan_lanes(packages)]
    assert names[0] == "lane-a"
    assert names[25:28] == ["lane-z", "lane-aa", "lane-ab"]
    assert names[51:53] == ["lane-az", "lane-ba"]


def test_a_newcomer_joins_the_lane_whose_files_it_touches() -> None:
    old = plan_lanes([scope("WP01", ["src/a"], []), scope("WP02", ["src/b"], [])])
    both = [scope("WP01", ["src/a"], []), scope("WP02", ["src/b"], [])]
    after = plan_lanes([*both, scope("WP03", ["src/b/c"], [])], old)
    assert homes(after)["WP03"] == homes(old)["WP02"]


def test_a_package_that_is_gone_leaves_its_lane_with_its_name() -> None:
    old = plan_lanes([scope("WP01", ["a"], []), scope("WP02", ["b"], [])])
    after = plan_lanes([scope("WP02", ["b"], []), scope("WP03", ["c"], [])], old)
    assert homes(after) == {"WP02": "lane-b", "WP03": "lane-c"}
