"""Tests of computing merges with each strategy."""

from __future__ import annotations

import pytest

from specify_cli.vcs import commit_replay, merge_strategies
from specify_cli.vcs.git import GitFailed
from specify_cli.vcs.merge import MergeConflict, MergePlan, NotReplayed, ProtectedFiles, compute
from tests.unit.vcs.conftest import LOG, LaneCheckout, Project

pytestmark = pytest.mark.long


def planned(
    project: Project,
    strategy: str,
    *names: str,
    target: str = "main",
    host_files: dict[str, bytes] | None = None,
) -> MergePlan:
    return compute(
        project.repo,
        target=target,
        tips=[project.tip(name) for name in names],
        strategy=strategy,
        message="Merge demo",
        reserved=ProtectedFiles(host_files=host_files or {}),
    )


def subjects(project: Project, plan: MergePlan) -> list[str]:
    span = f"{plan.from_commit}..{plan.to_commit}"
    return project.git("log", "--first-parent", "--format=%s", "--reverse", span).splitlines()


def parents(project: Project, commit: str) -> list[str]:
    return project.git("rev-parse", f"{commit}^@").split()


STRATEGIES = ["merge", "squash", "rebase"]


@pytest.fixture
def two_lanes(project: Project) -> Project:
    project.lane_with("lane-a", {"one.txt": "1\n"}, {"one.txt": "1\n2\n"})
    project.lane_with("lane-b", {"two.txt": "1\n"})
    return project


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_compute_changes_neither_refs_nor_files(two_lanes: Project, strategy: str) -> None:
    before = (two_lanes.refs(), two_lanes.status())
    planned(two_lanes, strategy, "lane-a", "lane-b", host_files={LOG: b"two\n"})
    assert (two_lanes.refs(), two_lanes.status()) == before


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_result_contains_every_execution_lane(two_lanes: Project, strategy: str) -> None:
    plan = planned(two_lanes, strategy, "lane-a", "lane-b")
    assert two_lanes.show(plan.to_commit, "one.txt") == "1\n2\n"
    assert two_lanes.show(plan.to_commit, "two.txt") == "1\n"


def test_merge_makes_one_merge_commit_for_each_execution_lane(two_lanes: Project) -> None:
    plan = planned(two_lanes, "merge", "lane-a", "lane-b")
    second, first = plan.to_commit, f"{plan.to_commit}^"
    assert len(subjects(two_lanes, plan)) == 2
    assert parents(two_lanes, second)[1] == two_lanes.tip("lane-b").commit
    assert parents(two_lanes, first) == [plan.from_commit, two_lanes.tip("lane-a").commit]


def test_squash_makes_one_commit_on_the_target(two_lanes: Project) -> None:
    plan = planned(two_lanes, "squash", "lane-a", "lane-b")
    assert parents(two_lanes, plan.to_commit) == [plan.from_commit]


def test_rebase_replays_every_commit_linearly_with_its_author(project: Project) -> None:
    project.lane_with("lane-a", {"one.txt": "1\n"})
    project.git("config", "i18n.commitEncoding", "ISO-8859-1")
    path = project.root / ".worktrees/demo-lane-a"
    author = {"author": "Grace <grace@example.org>", "date": "2020-01-02T03:04:05+0200"}
    project.commit({"one.txt": "2\n"}, at=path, **author)
    project.lane_with("lane-b", {"two.txt": "1\n"})
    project.commit({"a.txt": "moved on\n"})
    plan = planned(project, "rebase", "lane-a", "lane-b")
    span = f"{plan.from_commit}..{plan.to_commit}"
    assert project.git("rev-list", "--count", "--merges", span) == "0"
    printed = project.git("log", "--reverse", "--format=%an %aI %s", span).splitlines()
    assert [line.split()[0] for line in printed] == ["Ada", "Grace", "Ada"]
    assert printed[1] == "Grace 2020-01-02T03:04:05+02:00 change 'one.txt'"
    raw = project.git("cat-file", "commit", f"{plan.to_commit}^")
    assert "encoding ISO-8859-1" in raw


def test_rebase_skips_merges_and_replays_shared_commits_once(project: Project) -> None:
    project.lane_with("lane-a", {"one.txt": "1\n"})
    project.lane_with("lane-b", {"two.txt": "1\n"})
    space = project.lane("lane-b", "lane-a")
    project.commit({"two.txt": "2\n"}, at=space.path)
    project.commit({"a.txt": "moved on\n"})
    plan = planned(project, "rebase", "lane-a", "lane-b")
    assert subjects(project, plan) == ["change 'one.txt'", "change 'two.txt'", "change 'two.txt'"]


def test_rebase_drops_commits_that_become_empty(project: Project) -> None:
    project.lane_with("lane-a", {"a.txt": "same\n"}, {"one.txt": "1\n"})
    project.commit({"a.txt": "same\n", "b.txt": "other\n"})
    plan = planned(project, "rebase", "lane-a")
    assert subjects(project, plan) == ["change 'one.txt'"]


def test_rebase_replays_an_execution_lane_with_an_unrelated_root(project: Project) -> None:
    space = project.lane("lane-a")
    project.git("checkout", "-q", "--orphan", "island", at=space.path)
    project.git("rm", "-rfq", ".", at=space.path)
    project.commit({"island.txt": "i\n"}, at=space.path)
    project.git("checkout", "-q", "-B", space.branch, at=space.path)
    plan = planned(project, "rebase", "lane-a")
    assert project.show(plan.to_commit, "island.txt") == "i\n"
    assert project.show(plan.to_commit, "a.txt") == "a\n"


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_execution_lane_that_was_merged_before_adds_nothing(
    two_lanes: Project, strategy: str
) -> None:
    first = planned(two_lanes, strategy, "lane-a", "lane-b")
    two_lanes.git("update-ref", "refs/heads/other", first.to_commit)
    again = planned(two_lanes, strategy, "lane-a", "lane-b", target="other")
    assert again.to_commit == again.from_commit


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_execution_lane_without_commits_adds_nothing(project: Project, strategy: str) -> None:
    project.lane("lane-a")
    plan = planned(project, strategy, "lane-a")
    assert plan.to_commit == plan.from_commit


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_conflict_names_its_paths_and_moves_nothing(project: Project, strategy: str) -> None:
    odd = "dir/sp ace \u00fc\nline.txt"
    project.commit({odd: "base\n"})
    project.lane_with("lane-a", {"a.txt": "left\n", odd: "left\n", "fine.txt": "f\n"})
    project.commit({"a.txt": "right\n", odd: "right\n"})
    before = (project.refs(), project.status())
    with pytest.raises(MergeConflict) as caught:
        planned(project, strategy, "lane-a")
    assert sorted(caught.value.paths) == ["a.txt", odd]
    assert (project.refs(), project.status()) == before


def test_execution_lanes_that_conflict_with_each_other_are_a_conflict(project: Project) -> None:
    project.lane_with("lane-a", {"new.txt": "left\n"})
    project.lane_with("lane-b", {"new.txt": "right\n"})
    with pytest.raises(MergeConflict):
        planned(project, "squash", "lane-a", "lane-b")


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_host_files_are_added_in_one_commit_on_top(two_lanes: Project, strategy: str) -> None:
    bare = planned(two_lanes, strategy, "lane-a", "lane-b")
    files = {LOG: b"one\r\ntwo \xff\n", "kitty-specs/demo/n\u00e9w.json": b"{}"}
    plan = planned(two_lanes, strategy, "lane-a", "lane-b", host_files=files)
    assert len(subjects(two_lanes, plan)) == len(subjects(two_lanes, bare)) + 1
    changed = two_lanes.git(
        "diff", "--name-only", "-z", f"{plan.to_commit}^", plan.to_commit
    ).split("\0")
    assert set(filter(None, changed)) == set(files)


def test_identical_host_files_make_no_commit(project: Project) -> None:
    project.lane("lane-a")
    plan = planned(project, "merge", "lane-a", host_files={LOG: b"one\n"})
    assert plan.to_commit == plan.from_commit


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_host_files_never_conflict(project: Project, strategy: str) -> None:
    project.lane_with("lane-a", {LOG: "lane\n", "one.txt": "1\n"})
    project.commit({LOG: "target\n"})
    plan = planned(project, strategy, "lane-a", host_files={LOG: b"truth\n"})
    assert project.show(plan.to_commit, LOG) == "truth\n"
    assert project.show(plan.to_commit, "one.txt") == "1\n"
    assert "<<<" not in project.git("log", "-p", "--all", plan.to_commit)


def test_missing_target_raises_git_failed(two_lanes: Project) -> None:
    with pytest.raises(GitFailed):
        planned(two_lanes, "merge", "lane-a", target="nowhere")


def test_renames_are_detected_despite_merge_renames_false(project: Project) -> None:
    project.git("config", "merge.renames", "false")
    space = project.lane("lane-a")
    project.git("mv", "c.txt", "moved.txt", at=space.path)
    project.git("commit", "-qm", "move", at=space.path)
    project.commit({"c.txt": "1\n2\n3\n4\nfive\n"})
    plan = planned(project, "merge", "lane-a")
    assert project.show(plan.to_commit, "moved.txt") == "1\n2\n3\n4\nfive\n"


def remove_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.delenv(f"GIT_{role}_NAME")
        monkeypatch.delenv(f"GIT_{role}_EMAIL")


def test_commits_have_the_identity_of_the_host_if_none_is_configured(
    two_lanes: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove_identity(monkeypatch)
    monkeypatch.delenv("EMAIL", raising=False)
    plan = planned(two_lanes, "squash", "lane-a")
    printed = two_lanes.git("log", "-1", "--format=%an <%ae> %cn <%ce>", plan.to_commit)
    assert printed == "spec-kitty <spec-kitty@localhost> spec-kitty <spec-kitty@localhost>"


def test_commits_have_the_configured_identity(
    two_lanes: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove_identity(monkeypatch)
    two_lanes.git("config", "user.name", "Linus")
    two_lanes.git("config", "user.email", "linus@example.org")
    plan = planned(two_lanes, "squash", "lane-a")
    printed = two_lanes.git("log", "-1", "--format=%an <%ae>", plan.to_commit)
    assert printed == "Linus <linus@example.org>"


def test_rebase_skips_a_commit_that_the_target_picked_and_then_changed(project: Project) -> None:
    lane = project.lane_with("lane-a", {"a.txt": "lane\n"}, {"one.txt": "1\n"})
    project.commit({"b.txt": "moved on\n"})
    project.git("cherry-pick", f"{lane.commit}^")
    project.commit({"a.txt": "changed since\n"})
    plan = planned(project, "rebase", "lane-a")
    assert subjects(project, plan) == ["change 'one.txt'"]
    assert project.show(plan.to_commit, "a.txt") == "changed since\n"


def test_rebase_refuses_a_commit_above_the_size_limit(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    tip = project.lane_with("lane-a", {"a.txt": "1\n"})
    size = int(project.git("cat-file", "-s", tip.commit))
    monkeypatch.setattr(commit_replay, "MOST_COMMIT_BYTES", size - 1)
    with pytest.raises(NotReplayed, match=f"{tip.commit} has {size} bytes"):
        planned(project, "rebase", "lane-a")


@pytest.mark.parametrize("strategy", ["rebase", "merge", "squash"])
def test_only_rebase_refuses_a_commit_without_an_author(project: Project, strategy: str) -> None:
    tip = project.lane_with("lane-a", {"lane.txt": "1\n"})
    content = b"tree %b\nparent %b\ncommitter A <a@a.invalid> 1700000000 +0000\n\nm\n" % (
        project.git("rev-parse", f"{tip.commit}^{{tree}}").encode(),
        project.git("rev-parse", f"{tip.commit}^").encode(),
    )
    (project.root / ".git/commit").write_bytes(content)
    forged = project.git("hash-object", "-t", "commit", "-w", "--literally", ".git/commit")
    project.git("update-ref", f"refs/heads/{tip.branch}", forged)
    project.commit({"other.txt": "1\n"})
    if strategy == "rebase":
        with pytest.raises(NotReplayed, match=forged):
            planned(project, strategy, "lane-a")
    else:
        assert planned(project, strategy, "lane-a").to_commit


def merged_by_hand(project: Project, space: LaneCheckout, files: dict[str, str | None]) -> str:
    """Merge main into the lane, with changes that neither side has."""
    project.git("merge", "-q", "--no-ff", "--no-commit", "main", at=space.path)
    return project.commit(files, at=space.path)


def test_rebase_refuses_merge_commits_with_changes_of_their_own(project: Project) -> None:
    project.lane_with("lane-a", {"one.txt": "1\n"})
    space = project.lane("lane-a")
    project.commit({"b.txt": "moved on\n"})
    clean = merged_by_hand(project, space, {})
    project.commit({"c.txt": "moved on\n"})
    evil = merged_by_hand(project, space, {"evil.txt": "own\n"})
    with pytest.raises(NotReplayed) as refused:
        planned(project, "rebase", "lane-a")
    assert evil in str(refused.value)
    assert "evil.txt" in str(refused.value)
    assert clean not in str(refused.value)
    for strategy in ("merge", "squash"):
        assert project.show(planned(project, strategy, "lane-a").to_commit, "evil.txt") == "own\n"


def merge_three_lanes(project: Project, *flags: str) -> None:
    """Merge the lanes b and c into lane a with one octopus merge."""
    project.lane_with("lane-b", {"two.txt": "2\n"})
    project.lane_with("lane-c", {"three.txt": "3\n"})
    project.lane_with("lane-a", {"one.txt": "1\n"})
    space = project.lane("lane-a")
    others = [project.tip(name).commit for name in ("lane-b", "lane-c")]
    project.git("merge", "-q", *flags, "-m", "three", *others, at=space.path)


def test_rebase_refuses_an_octopus_merge_that_dropped_changes(project: Project) -> None:
    merge_three_lanes(project, "-s", "ours")
    with pytest.raises(NotReplayed, match=project.tip("lane-a").commit):
        planned(project, "rebase", "lane-a")


def test_rebase_skips_an_octopus_merge_without_changes_of_its_own(project: Project) -> None:
    merge_three_lanes(project)
    project.commit({"a.txt": "moved on\n"})
    plan = planned(project, "rebase", "lane-a")
    assert sorted(subjects(project, plan)) == [
        f"change '{it}.txt'" for it in ("one", "three", "two")
    ]


def test_rebase_skips_a_merge_whose_own_changes_were_reverted_later(
    project: Project,
) -> None:
    project.lane_with("lane-a", {"one.txt": "1\n"})
    space = project.lane("lane-a")
    project.commit({"b.txt": "moved on\n"})
    merged_by_hand(project, space, {"evil.txt": "own\n"})
    project.commit({"evil.txt": None}, at=space.path)
    plan = planned(project, "rebase", "lane-a")
    assert subjects(project, plan) == ["change 'one.txt'"]


def test_rebase_refuses_a_commit_that_the_target_picked_and_reverted(project: Project) -> None:
    lane = project.lane_with("lane-a", {"one.txt": "1\n"}, {"two.txt": "2\n"})
    project.commit({"b.txt": "moved on\n"})
    project.git("cherry-pick", f"{lane.commit}^")
    project.git("revert", "--no-edit", "HEAD")
    assert project.show(planned(project, "merge", "lane-a").to_commit, "one.txt") == "1\n"
    with pytest.raises(NotReplayed, match=r"one\.txt"):
        planned(project, "rebase", "lane-a")


def test_rebase_refuses_a_reverted_pick_even_if_a_merge_would_conflict(
    project: Project,
) -> None:
    lane = project.lane_with("lane-a", {"a.txt": "b\n"}, {"one.txt": "1\n"}, {"a.txt": "c\n"})
    project.commit({"b.txt": "moved on\n"})
    project.git("cherry-pick", f"{lane.commit}~2", f"{lane.commit}~1")
    plan = planned(project, "rebase", "lane-a")
    assert subjects(project, plan) == ["change 'a.txt'"]
    project.git("revert", "--no-edit", "HEAD")
    with pytest.raises(MergeConflict):
        planned(project, "merge", "lane-a")
    with pytest.raises(NotReplayed, match=r"one\.txt"):
        planned(project, "rebase", "lane-a")


def test_rebase_is_refused_with_more_merge_commits_than_can_be_checked(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merge_strategies, "_MOST_JUDGED", 1)
    lane = project.lane_with("lane-a", {"a.txt": "b\n"})
    space = project.lane("lane-a")
    project.commit({"b.txt": "moved on\n"})
    merged_by_hand(project, space, {"evil.txt": "own\n"})
    project.commit({"c.txt": "moved on\n"})
    merged_by_hand(project, space, {})
    project.commit({"a.txt": "c\n"}, at=space.path)
    project.git("cherry-pick", lane.commit)
    with pytest.raises(MergeConflict):
        planned(project, "merge", "lane-a")
    with pytest.raises(NotReplayed):
        planned(project, "rebase", "lane-a")


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_file_removed_by_an_execution_lane_is_not_restored_by_a_dependent_one(
    project: Project, strategy: str
) -> None:
    project.lane_with("lane-a", {"one.txt": "1\n"})
    dependent = project.lane("lane-b", "lane-a")
    project.commit({"two.txt": "2\n"}, at=dependent.path)
    project.commit({"one.txt": None}, at=project.lane("lane-a").path)
    plan = planned(project, strategy, "lane-a", "lane-b")
    names = project.git("ls-tree", "--name-only", plan.to_commit).split()
    assert "two.txt" in names
    assert "one.txt" not in names
