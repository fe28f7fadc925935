from __future__ import annotations

import os
from pathlib import Path

import pytest

from specify_cli.errors import MissionAmbiguous, MissionNotFound, StateUnreadable
from specify_cli.storage import mission_files
from specify_cli.storage.mission_files import MAX_META_BYTES
from specify_cli.storage.project import Project
from specify_cli.workflow import mission_lookup
from specify_cli.workflow.mission_lookup import MissionLookup
from tests.integration.stage import Stage

ID = "01JD8Z6W3M4Y6T1F8B2Q5R7X9N"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    stage = Stage(root=tmp_path)
    stage.write_mission({}, slug="034-search", mission_id=ID, mission_number=34)
    stage.write_mission({}, slug="035-index", mission_id="01JD8Z6WZZZZZZZZZZZZZZZZZZ")
    stage.write_mission({}, slug="unnumbered", mission_number=None)
    stage.write_mission({}, slug="007-query", mission_number="7")
    stage.write_mission({}, slug="008-query")
    stage.write_mission({}, slug="34")
    return Project(tmp_path)


@pytest.mark.parametrize(
    ("selector", "slug"),
    [
        ("034-search", "034-search"),
        (ID, "034-search"),
        ("search", "034-search"),
        ("34", "34"),
        ("034", "034-search"),
        ("35", "035-index"),
        ("0000035", "035-index"),
        ("unnumbered", "unnumbered"),
        ("7", "007-query"),
        ("8", "008-query"),
        ("007-query", "007-query"),
    ],
)
def test_a_mission_is_found_by_every_unique_selector(
    project: Project, selector: str, slug: str
) -> None:
    assert MissionLookup(project).find(selector) == slug


@pytest.mark.parametrize(
    ("selector", "candidates"),
    [
        ("01JD8Z6W", ["034-search", "035-index"]),
        ("query", ["007-query", "008-query"]),
    ],
)
def test_a_selector_that_matches_several_missions_is_ambiguous(
    project: Project, selector: str, candidates: list[str]
) -> None:
    with pytest.raises(MissionAmbiguous) as caught:
        MissionLookup(project).find(selector)
    assert caught.value.details == {"candidates": candidates}


@pytest.mark.parametrize(
    "selector",
    [
        "",
        "sear",
        "03",
        ID[:7],
        ID[:9],
        ID.lower(),
        "036",
        "-34",
        "+34",
        "3_4",
        "\u0663\u0664",
        "7.0",
        "SEARCH",
        "034-search ",
        "34" * 5000,
    ],
)
def test_a_selector_that_matches_no_mission_is_not_found(project: Project, selector: str) -> None:
    with pytest.raises(MissionNotFound):
        MissionLookup(project).find(selector)


def test_a_mission_is_found_by_the_first_eight_characters_of_its_id(tmp_path: Path) -> None:
    Stage(root=tmp_path).write_mission({}, slug="034-search", mission_id=ID)
    assert MissionLookup(Project(tmp_path)).find(ID[:8]) == "034-search"


# Changes between requests, damaged missions and limits.


def leads_to(lookup: MissionLookup, selector: str) -> str | None:
    try:
        return lookup.find(selector)
    except MissionNotFound:
        return None


def test_a_renamed_mission_is_found_under_its_new_name(project: Project) -> None:
    lookup = MissionLookup(project)
    assert lookup.find("index") == "035-index"
    (project.missions / "035-index").rename(project.missions / "036-register")
    assert (leads_to(lookup, "index"), lookup.find("register")) == (None, "036-register")
    meta = project.missions / "036-register" / "meta.json"
    meta.write_text('{"mission_id": "01OTHER"}')
    assert lookup.find("01OTHER") == "036-register"


@pytest.mark.parametrize("damage", ["link", "fifo", "folder", "large", "not JSON", "wrong kind"])
def test_a_damaged_mission_is_found_by_its_folder_name_only(
    project: Project, tmp_path: Path, damage: str
) -> None:
    folder = project.missions / "001-damaged"
    folder.mkdir()
    damage_meta(folder / "meta.json", damage, elsewhere=tmp_path / "elsewhere.json")
    lookup = MissionLookup(project)
    assert [leads_to(lookup, x) for x in ("1", "damaged", "01DAMAGED")] == [None] * 3
    assert lookup.find("001-damaged") == "001-damaged"
    assert lookup.find("35") == "035-index"


def damage_meta(path: Path, damage: str, *, elsewhere: Path) -> None:
    meta = '{"mission_id": "01DAMAGED", "mission_number": 1}'
    if damage == "link":
        elsewhere.write_text(meta)
        path.symlink_to(elsewhere)
    elif damage == "fifo":
        os.mkfifo(path)
    elif damage == "folder":
        path.mkdir()
    else:
        large = meta + " " * MAX_META_BYTES
        path.write_text({"large": large, "wrong kind": '{"mission_id": 1}'}.get(damage, "{"))


def test_with_too_many_missions_only_folder_names_are_found(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mission_lookup, "MOST_MISSIONS", 5)
    lookup = MissionLookup(project)
    assert (leads_to(lookup, "35"), lookup.find("035-index")) == (None, "035-index")


def test_unchanged_mission_files_are_not_read_again(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    lookup = MissionLookup(project)
    lookup.find("35")
    monkeypatch.setattr(mission_files, "read_json", None)
    assert lookup.find("35") == "035-index"


def test_a_project_without_missions_finds_none(tmp_path: Path) -> None:
    with pytest.raises(MissionNotFound):
        MissionLookup(Project(tmp_path)).find("1")


@pytest.mark.parametrize("kind", ["file", "link"])
def test_a_missions_folder_that_is_a_file_or_symlink_is_refused(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "project" / "kitty-specs"
    place.parent.mkdir()
    if kind == "file":
        place.write_text("")
    else:
        (tmp_path / "elsewhere" / "001-x").mkdir(parents=True)
        place.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StateUnreadable):
        MissionLookup(Project(place.parent)).find("1")
