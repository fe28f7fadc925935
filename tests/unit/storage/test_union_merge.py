"""Tests of the attribute in `info/attributes` that makes git merge logs line by line."""

from __future__ import annotations

import os
from pathlib import Path
from unittest.mock import Mock

import pytest

from specify_cli.storage import union_merge
from specify_cli.storage.layout import Layout
from tests.durability import watched
from tests.integration.stage import SLUG, Stage

LOG = f"kitty-specs/{SLUG}/status.events.jsonl"
NOTE = {"mission": SLUG, "wp": "WP01", "actor": "ada", "note": "n"}


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    made = Stage(root=tmp_path / "project")
    made.make_repository()
    return made


@pytest.fixture
def attributes(stage: Stage) -> Path:
    path = stage.root / ".git" / "info" / "attributes"
    path.unlink(missing_ok=True)
    return path


def says(stage: Stage, name: str = LOG) -> str:
    return stage.git("check-attr", "merge", "--", name).rpartition(": ")[2]


def test_the_first_change_sets_the_union_merge_driver_for_logs(
    stage: Stage, attributes: Path
) -> None:
    stage.write_mission({"WP01": {}})
    stage.done("mission-state", mission=SLUG, policy=None)
    assert not attributes.exists()
    stage.done("append-history", **NOTE)
    assert (says(stage), says(stage, f"sub/{LOG}")) == ("union", "union")
    assert says(stage, f"kitty-specs/{SLUG}/lanes.json") == "unspecified"
    assert says(stage, "status.events.jsonl") == "unspecified"


def test_the_next_change_of_a_process_adds_the_line_if_the_disk_failed(
    stage: Stage, attributes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.write_mission({"WP01": {}})
    with monkeypatch.context() as failing:
        failing.setattr(union_merge, "write_all", Mock(side_effect=OSError("disk full")))
        stage.done("append-history", **NOTE)
    assert says(stage) == "unspecified"
    stage.done("append-history", **NOTE)
    assert says(stage) == "union"


@pytest.mark.parametrize("failing", ["write_all", "os.fsync"])
def test_a_repeated_arrange_syncs_what_a_failed_one_wrote(
    stage: Stage, attributes: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    with watched() as disk:
        with monkeypatch.context() as patch:
            patch.setattr(f"{union_merge.__name__}.{failing}", Mock(side_effect=OSError("failed")))
            assert not union_merge.arrange(Layout(stage.root))
        assert union_merge.arrange(Layout(stage.root), was_tried=True)
    assert attributes.read_text().count(union_merge.LINE) == 1
    assert disk.is_kept(attributes)
    assert disk.is_name_kept(attributes)


def test_a_process_that_started_before_git_init_sets_the_driver_later(tmp_path: Path) -> None:
    stage = Stage(root=tmp_path / "later")
    stage.write_mission({"WP01": {}})
    stage.done("append-history", **NOTE)
    stage.make_repository()
    stage.done("append-history", **NOTE)
    assert says(stage) == "union"


def test_arrange_syncs_the_attributes_file_and_its_name(stage: Stage, attributes: Path) -> None:
    with watched() as disk:
        union_merge.arrange(Layout(stage.root))
    assert disk.is_kept(attributes)
    assert disk.is_name_kept(attributes)


@pytest.mark.parametrize("before", [b"", b"*.png binary\n", b"*.png binary", b"\xff\xfe [x\r\n\n"])
def test_arrange_keeps_existing_attributes(stage: Stage, attributes: Path, before: bytes) -> None:
    attributes.write_bytes(before)
    for _ in range(2):
        union_merge.arrange(Layout(stage.root))
    line = f"{union_merge.LINE}\n".encode()
    assert attributes.read_bytes() in (before + line, before + b"\n" + line)
    assert says(stage) == "union"


def test_a_later_attribute_of_a_user_takes_precedence(stage: Stage, attributes: Path) -> None:
    union_merge.arrange(Layout(stage.root))
    attributes.write_text(f"{attributes.read_text()}*.jsonl merge=ours\n")
    union_merge.arrange(Layout(stage.root))
    assert says(stage) == "ours"


def test_arrange_completes_a_truncated_line(stage: Stage, attributes: Path) -> None:
    attributes.write_text(union_merge.LINE[:20])
    union_merge.arrange(Layout(stage.root))
    assert says(stage) == "union"


def test_arrange_does_not_follow_a_link_at_the_attributes_file(
    stage: Stage, attributes: Path, tmp_path: Path
) -> None:
    target = tmp_path / "target"
    target.write_text("")
    attributes.symlink_to(target)
    union_merge.arrange(Layout(stage.root))
    assert target.read_text() == ""
    assert "link" in union_merge.lack(Layout(stage.root))


def test_arrange_does_not_follow_a_link_at_the_info_folder(
    stage: Stage, attributes: Path, tmp_path: Path
) -> None:
    elsewhere = attributes.parent.rename(tmp_path / "info")
    attributes.parent.symlink_to(elsewhere)
    union_merge.arrange(Layout(stage.root))
    assert not (elsewhere / "attributes").exists()
    assert union_merge.lack(Layout(stage.root))


def make_folder(path: Path) -> None:
    path.mkdir()


def make_huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(2 * 1024 * 1024)


@pytest.mark.parametrize("make", [make_folder, os.mkfifo, make_huge])
def test_an_unusable_attributes_file_is_reported_and_does_not_block_requests(
    stage: Stage, attributes: Path, make: object
) -> None:
    assert callable(make)
    make(attributes)
    stage.write_mission({"WP01": {}})
    stage.done("append-history", **NOTE)
    findings = stage.ask("diagnose", policy=None)["data"]["findings"]
    assert "union-merge" in [it["check"] for it in findings]


def test_arrange_creates_a_missing_info_folder(stage: Stage, attributes: Path) -> None:
    for it in attributes.parent.iterdir():
        it.unlink()
    attributes.parent.rmdir()
    union_merge.arrange(Layout(stage.root))
    assert says(stage) == "union"
    assert union_merge.lack(Layout(stage.root)) == ""


def test_arrange_does_nothing_without_a_repository(tmp_path: Path) -> None:
    union_merge.arrange(Layout(tmp_path))
    assert (union_merge.lack(Layout(tmp_path)), [*tmp_path.iterdir()]) == ("", [])


def test_logs_that_were_appended_to_in_two_clones_merge_without_a_conflict(
    stage: Stage, tmp_path: Path
) -> None:
    folder = stage.write_mission({"WP01": {}, "WP02": {}})
    stage.done("append-history", **NOTE | {"note": "before"})
    stage.git("add", str(folder))
    stage.git("commit", "-q", "-m", "mission")
    other = Stage(root=tmp_path / "clone")
    stage.git("clone", "-q", str(stage.root), str(other.root))
    other.done("start-implementation", mission=SLUG, wp="WP02", actor="bo")
    stage.done("append-history", **NOTE | {"note": "here"})
    for one in (stage, other):
        one.git("add", "kitty-specs")
        one.git("commit", "-q", "-m", "goes on")
    stage.git("pull", "-q", "--no-rebase", "--no-edit", str(other.root), "main")
    # Lines of the record count once, new lines are recorded.
    assert [it.get("to_lane") or it["delta"]["note"] for it in stage.events()] == [
        *("before", "here"),
        *("claimed", "in_progress"),
    ]
    stage.done("append-history", **NOTE | {"note": "behind"})
    assert stage.events()[-1]["delta"] == {"note": "behind"}
    assert len({it["event_id"] for it in stage.events()}) == len(stage.events()) == 5
    held = stage.ask("start-implementation", mission=SLUG, wp="WP02", actor="eve")
    assert (held["error_code"], held["data"]["claimed_by"]) == ("WP_ALREADY_CLAIMED", "bo")
    assert "warnings" not in stage.done("mission-state", mission=SLUG, policy=None)
