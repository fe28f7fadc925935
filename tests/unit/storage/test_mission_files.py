from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from freezegun import freeze_time
from hypothesis import given
from hypothesis import strategies as st

from specify_cli.core.lane_plan import ExecutionLane
from specify_cli.errors import StateUnreadable
from specify_cli.storage.mission_files import LanesFile, MissionFiles, all_missions, named_mission
from specify_cli.storage.mission_identity import is_plain_name
from specify_cli.storage.project import Project


@pytest.fixture
def files(tmp_path: Path) -> MissionFiles:
    made = MissionFiles(Project(tmp_path), "034-full-text-search")
    made.folder.mkdir(parents=True)
    return made


def meta(files: MissionFiles, content: Any) -> None:
    text = content if isinstance(content, str) else json.dumps(content)
    (files.folder / "meta.json").write_text(text)


# The identity of a mission.


def test_a_mission_without_meta_json_is_identified_by_its_folder(files: MissionFiles) -> None:
    identity = files.identity()
    assert (identity.slug, identity.number, identity.bare_name) == (
        "034-full-text-search",
        34,
        "full-text-search",
    )
    assert (identity.mission_type, identity.mission_id, identity.target_branch) == (
        "software-dev",
        None,
        None,
    )


def test_the_slug_is_the_folder_name_and_not_that_of_meta_json(files: MissionFiles) -> None:
    meta(files, {"mission_slug": "../elsewhere", "mission_number": "7", "mission_type": "research"})
    identity = files.identity()
    assert (identity.slug, identity.number, identity.mission_type) == (
        "034-full-text-search",
        7,
        "research",
    )


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"mission_id": 3}',
        '{"mission_number": "seven"}',
        '{"mission_number": true}',
        '{"mission_number": 1.5}',
        f'{{"mission_number": {"9" * 5000}}}',
        f'{{"mission_number": "{"9" * 5000}"}}',
        '{"title": ["x"]}',
        "[" * 5000,
    ],
)
def test_a_damaged_meta_json_is_refused_with_file_and_line(
    files: MissionFiles, content: str
) -> None:
    meta(files, content)
    with pytest.raises(StateUnreadable) as caught:
        files.identity()
    assert caught.value.details == {"file": str(files.folder / "meta.json"), "line": 1}


# Lanes.


@freeze_time("2026-02-03T04:05:06.000007Z")
def test_written_lanes_are_read_unchanged(files: MissionFiles) -> None:
    lane = ExecutionLane(
        lane_id="lane-a", wp_ids=("WP01",), write_scope=("src/**",), depends_on_lanes=("lane-b",)
    )
    content = LanesFile(
        mission_slug=files.slug, mission_branch="b", target_branch="main", lanes=(lane,)
    )
    files.write_lanes(content)
    assert files.lanes() == content
    record = json.loads(files.lanes_path.read_text())
    assert record["version"] == 1
    assert record["computed_at"] == "2026-02-03T04:05:06.000007+00:00"


def test_lanes_are_none_before_they_are_computed(files: MissionFiles) -> None:
    assert files.lanes() is None


@pytest.mark.parametrize(
    "lanes",
    [
        None,
        "lane-a",
        ["lane-a"],
        [{}],
        [{"lane_id": "lane-a", "wp_ids": 3}],
        [{"lane_id": "lane-a", "parallel_group": "first"}],
        [{"lane_id": "../../lane-a"}],
        [{"lane_id": "lane-a\u0000"}],
        [{"lane_id": ""}],
    ],
)
def test_a_damaged_lanes_json_is_refused_with_the_file(files: MissionFiles, lanes: Any) -> None:
    record = {"mission_slug": "x", "mission_branch": "b", "target_branch": "main", "lanes": lanes}
    files.lanes_path.write_text(json.dumps(record))
    with pytest.raises(StateUnreadable) as caught:
        files.lanes()
    assert caught.value.details["file"] == str(files.lanes_path)


# Names.


@given(st.text())
def test_a_plain_name_never_leaves_its_folder(name: str) -> None:
    if is_plain_name(name):
        assert Path("/a", name).resolve(strict=False).parent == Path("/a")
        assert "\0" not in name


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../../etc", "/etc", "a/b", ".hidden", "a\0b", "a\nb", "x" * 300, "ä" * 101],
)
def test_a_name_that_is_not_plain_is_not_a_mission(tmp_path: Path, name: str) -> None:
    (tmp_path / "kitty-specs").mkdir()
    assert named_mission(Project(tmp_path), name) is None


def test_all_missions_returns_visible_folders_in_order(tmp_path: Path) -> None:
    missions = tmp_path / "kitty-specs"
    for name in ("002-b", "001-a", ".hidden"):
        (missions / name).mkdir(parents=True)
    (missions / "file").touch()
    (missions / "link").symlink_to(tmp_path)
    project = Project(tmp_path)
    assert all_missions(project) == ["001-a", "002-b"]
    assert named_mission(project, "link") is None
    assert named_mission(project, "001-a") == MissionFiles(project, "001-a")


def test_a_link_at_kitty_specs_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere" / "001-x").mkdir(parents=True)
    (tmp_path / "kitty-specs").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StateUnreadable):
        named_mission(Project(tmp_path), "001-x")


def test_a_project_without_missions_has_none(tmp_path: Path) -> None:
    assert all_missions(Project(tmp_path)) == []


@pytest.mark.parametrize("key", ["feature_slug", "mission_slug"])
def test_lanes_written_by_another_version_get_the_slug_of_the_folder(
    files: MissionFiles, key: str
) -> None:
    record = {key: "001-demo", "mission_branch": "b", "target_branch": "main"}
    lane = {"lane_id": "lane-a", "wp_ids": ["WP01"], "write_scope": ["one/**"]}
    files.lanes_path.write_text(json.dumps(record | {"lanes": [lane]}))
    known = files.lanes()
    assert known is not None
    assert known.mission_slug == files.slug
    assert known.lanes[0].wp_ids == ("WP01",)
