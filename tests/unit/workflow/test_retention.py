"""Each retention rule prunes what exceeds its bound and keeps what was asked for recently."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path

import pytest

from specify_cli.mailbox.layout import MailboxLayout
from specify_cli.storage.journal import Journal
from specify_cli.storage.project import Project
from specify_cli.storage.settings import HostSettings
from specify_cli.workflow import upkeep
from specify_cli.workflow.retention import Retention
from tests.integration.stage import Stage
from tests.unit.storage.test_record_retention import change, read

LONG_AGO = 1_700_000_000
THEN = "2023-01-01T00:00:00.000000+00:00"
DAY = timedelta(days=1)


def project_with(root: Path, **settings: int) -> Project:
    MailboxLayout(root).ensure()
    return Project(root, load_settings=lambda: HostSettings(**settings))  # type: ignore[arg-type]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return project_with(tmp_path)


def answered(
    project: Project,
    name: str,
    *,
    is_old: bool = True,
    changes: bool = False,
    identity: str = "nightly",
) -> Path:
    """Record a reply long ago; its file is new unless it `is_old`."""
    line = (change if changes else read)(name, at=THEN) | {"identity": identity}
    Journal(project, max_bytes=2000).append(line)
    path = project.outbox / identity / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(line["envelope"]))
    if is_old:
        os.utime(path, (LONG_AGO, LONG_AGO))
    return path


def carried_out(project: Project, age: timedelta | None = None) -> dict[str, int]:
    retention = Retention(project)
    gone = retention.summaries(retention.carry_out(retention.plan(age)))
    return {it.what: it.count for it in gone}


def test_prune_removes_an_old_read_with_its_reply_and_its_id(project: Project) -> None:
    paths = [answered(project, f"r{number}") for number in range(3)]
    kept = answered(project, "c", changes=True)
    retention = Retention(project)
    plan = retention.plan()
    (going,) = retention.summaries(plan)
    assert (going.what, going.count, going.rule) == ("answers of reads", 3, "reads_days = 30")
    assert going.bytes > 1000
    assert paths[0].exists()
    assert retention.summaries(retention.carry_out(plan)) == [going]
    assert [it.exists() for it in paths] == [False] * 3
    assert kept.exists()
    assert Journal(project).find("r0", "nightly") is None
    assert Journal(project).find("c", "nightly") is not None
    assert retention.summaries(retention.plan()) == []
    assert Journal(project).verify() == []


def test_prune_keeps_a_read_whose_reply_is_younger_than_the_bound(project: Project) -> None:
    young = answered(project, "young", is_old=False)
    old = answered(project, "old")
    answered(project, "c", changes=True)
    retention = Retention(project)
    (going,) = retention.summaries(retention.plan())
    assert going.count == 1
    assert retention.summaries(retention.carry_out(retention.plan())) == [going]
    assert retention.summaries(retention.plan()) == []
    assert young.exists()
    assert not old.exists()
    assert Journal(project).find("young", "nightly") is not None
    os.utime(young, (LONG_AGO, LONG_AGO))
    assert carried_out(project) == {"answers of reads": 1}
    assert not young.exists()


def test_prune_does_not_follow_a_reply_folder_that_is_a_symlink(
    project: Project, tmp_path: Path
) -> None:
    path = answered(project, "r0")
    answered(project, "c", changes=True)
    elsewhere = tmp_path / "elsewhere"
    path.parent.rename(elsewhere)
    path.parent.symlink_to(elsewhere)
    retention = Retention(project)
    (going,) = retention.summaries(retention.plan())
    assert retention.summaries(retention.carry_out(retention.plan())) == [going]
    assert (elsewhere / path.name).exists()


def test_the_plan_names_the_setting_that_prunes_each_item(tmp_path: Path) -> None:
    project = project_with(tmp_path, reads_max_bytes=0, reads_days=36500, journal_max_bytes=0)
    for number in range(8):
        answered(project, f"r{number}")
    retention = Retention(project)
    rules = {it.rule for it in retention.summaries(retention.plan())}
    assert rules == {"reads_max_bytes = 0", "journal_max_bytes = 0"}
    gone = carried_out(project)
    assert gone["answers of reads"] == 7
    assert gone["parts of the journal"] >= 2
    assert len([*project.archive.iterdir()]) == gone["parts of the journal"]
    assert Journal(project).verify() == []


def test_prune_removes_replies_only_if_an_age_is_given(project: Project) -> None:
    path = answered(project, "c", changes=True)
    assert carried_out(project) == {}
    assert carried_out(project, DAY) == {"replies": 1}
    assert not path.exists()


@pytest.mark.parametrize(
    ("seconds", "told"), [(0, "0s"), (90, "90s"), (120, "2m"), (7200, "2h"), (86400 * 30, "30d")]
)
def test_the_age_of_replies_is_shown_in_its_largest_whole_unit(
    project: Project, seconds: int, told: str
) -> None:
    answered(project, "c", changes=True)
    retention = Retention(project)
    (going,) = retention.summaries(retention.plan(timedelta(seconds=seconds)))
    assert going.rule == f"older than {told}"


def test_prune_removes_old_records_of_settled_dead_letters(project: Project) -> None:
    folder = project.dead_letters
    for name, at in (("OLD", THEN), ("NEW", "2999")):
        fate = {"state": "discarded", "at": at}
        (folder / f"{name}.settled").write_text(json.dumps({"dead_letter": name, "fate": fate}))
    (folder / "WAITS.json").write_text(json.dumps({"dead_letter": "WAITS", "at": THEN}))
    assert carried_out(project) == {"settled dead letters": 1}
    assert sorted(it.name for it in folder.iterdir()) == ["NEW.settled", "WAITS.json"]


def test_the_worker_prunes_periodically(project: Project) -> None:
    path = answered(project, "r")
    answered(project, "c", changes=True)
    assert upkeep.prune(project) == upkeep.AN_HOUR_S
    assert not path.exists()


def test_an_empty_project_has_nothing_to_prune(project: Project) -> None:
    assert carried_out(project, DAY) == {}


@pytest.mark.parametrize("identity", ["../../elsewhere", ".hidden"])
def test_prune_removes_no_file_outside_the_outbox(project: Project, identity: str) -> None:
    outside = project.root / "elsewhere"
    outside.mkdir()
    (outside / "r.json").write_text("{}")
    os.utime(outside / "r.json", (LONG_AGO, LONG_AGO))
    Journal(project).append(read("r", at=THEN) | {"identity": identity})
    answered(project, "c", changes=True)
    assert carried_out(project) == {"answers of reads": 1}
    assert (outside / "r.json").exists()


def rules(project: Project) -> dict[str, int]:
    """What each rule prunes; checks that the preview and the result agree."""
    retention = Retention(project)
    plan = retention.plan(with_trash=True)
    shown = retention.summaries(plan)
    assert retention.summaries(retention.carry_out(plan)) == shown
    assert retention.summaries(retention.plan(with_trash=True)) == []
    assert Journal(project).verify() == []
    return {it.rule: it.count for it in shown}


def test_prune_removes_the_oldest_reads_beyond_the_count(tmp_path: Path) -> None:
    project = project_with(tmp_path, reads_max_count=2, reads_days=36500)
    for number in range(5):
        answered(project, f"r{number}")
    answered(project, "c", changes=True)
    assert rules(project) == {"reads_max_count = 2": 3}
    assert [it for it in range(5) if Journal(project).find(f"r{it}", "nightly")] == [3, 4]


@pytest.mark.parametrize(
    ("settings", "gone"),
    [
        ({"replies_days": 1}, 5),
        ({"replies_days": 36500}, 0),
        ({"replies_max_count": 4}, 2),
        ({"replies_max_bytes": 0}, 5),
        ({"replies_days": 36500, "replies_max_count": 3, "replies_max_bytes": 10**6}, 3),
    ],
)
def test_prune_removes_old_replies_by_age_count_and_size(
    tmp_path: Path, settings: dict[str, int], gone: int
) -> None:
    project = project_with(tmp_path, **settings)
    paths = [answered(project, f"c{number}", changes=True) for number in range(5)]
    young = answered(project, "young", changes=True, is_old=False)
    assert sum(rules(project).values()) == gone
    assert [it.exists() for it in paths] == [False] * gone + [True] * (5 - gone)
    assert young.exists()


@pytest.mark.parametrize("setting", ["replies_max_count", "replies_max_bytes"])
def test_many_replies_of_one_orchestrator_do_not_remove_those_of_others(
    tmp_path: Path, setting: str
) -> None:
    size = answered(project_with(tmp_path), "first", changes=True).stat().st_size
    project = project_with(tmp_path, **{setting: 6 if setting == "replies_max_count" else 6 * size})
    flood = [answered(project, f"c{it:03}", changes=True) for it in range(10)]
    flood += [answered(project, f"y{it:03}", changes=True, is_old=False) for it in range(10)]
    quiet = [answered(project, f"q{it:03}", changes=True, identity="quiet") for it in range(2)]
    for it in quiet:
        os.utime(it, (LONG_AGO - 1, LONG_AGO - 1))
    assert carried_out(project) == {"replies": 11}
    assert [it.exists() for it in (*quiet, *flood)] == [True] * 2 + [False] * 10 + [True] * 10


def test_prune_counts_a_changed_reply_but_keeps_it(tmp_path: Path) -> None:
    project = project_with(tmp_path, replies_max_count=1)
    changed, path = (answered(project, it, changes=True) for it in ("c1", "c2"))
    changed.write_text("{}")
    os.utime(changed, (LONG_AGO - 1, LONG_AGO - 1))
    assert carried_out(project) == {"replies": 1}
    assert changed.exists()
    assert not path.exists()


@pytest.mark.parametrize("setting", ["archive_days", "archive_max_bytes"])
def test_the_archive_is_pruned_only_if_a_bound_is_set(tmp_path: Path, setting: str) -> None:
    project = project_with(tmp_path, journal_max_bytes=0, reads_days=36500)
    for number in range(8):
        answered(project, f"r{number}")
    count = rules(project)["journal_max_bytes = 0"]
    for part in project.archive.iterdir():
        os.utime(part, (LONG_AGO, LONG_AGO))
    assert rules(project) == {}
    bounded = project_with(tmp_path, reads_days=36500, **{setting: 0})
    assert rules(bounded) == {f"{setting} = 0": count}
    assert [*project.archive.iterdir()] == []


def test_prune_removes_the_oldest_dead_letter_records_beyond_the_count(tmp_path: Path) -> None:
    project = project_with(tmp_path, letters_max_count=1)
    for name, day in (("B", 2), ("A", 3), ("C", 1)):
        fate = {"state": "discarded", "at": f"2999-01-0{day}T00:00:00+00:00"}
        path = project.dead_letters / f"{name}.settled"
        path.write_text(json.dumps({"dead_letter": name, "fate": fate}))
    (project.dead_letters / "D.json").write_text("{}")
    assert rules(project) == {"letters_max_count = 1": 2}
    assert {it.name for it in project.dead_letters.iterdir()} == {"A.settled", "D.json"}


@pytest.mark.parametrize(
    ("settings", "gone"),
    [
        ({"trash_days": 1}, 3),
        ({"trash_max_count": 2}, 1),
        ({"trash_max_bytes": 0}, 3),
        ({"trash_max_bytes": 10**9}, 0),
    ],
)
def test_prune_empties_the_trash_by_age_count_and_size(
    tmp_path: Path, settings: dict[str, int], gone: int
) -> None:
    Stage(root=tmp_path).make_repository()
    project = project_with(tmp_path, **{"trash_days": 3650, **settings})
    trash = project.worktrees / ".trash"
    trash.mkdir(parents=True, mode=0o700)
    names = [f"2024010{day}T000000Z-0000000{day}-lane" for day in (1, 2, 3)]
    for name in names:
        (trash / name / "in").mkdir(parents=True)
        (trash / name / "in" / "file").write_bytes(bytes(9000))
    (trash / "not of the host").mkdir()
    assert sum(rules(project).values()) == gone
    assert {it.name for it in trash.iterdir()} == {*names[gone:], "not of the host"}
