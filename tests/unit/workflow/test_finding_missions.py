from __future__ import annotations

import os
from pathlib import Path

import pytest

from specify_cli.errors import MissionAmbiguous, MissionNotFound
from specify_cli.storage.project import Project
from specify_cli.workflow.mission_names import MissionNames
from specify_cli.workflow.opened import find_mission
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
def test_a_mission_is_found_by_whatever_names_it_alone(
    project: Project, selector: str, slug: str
) -> None:
    assert find_mission(project, selector).slug == slug
    assert MissionNames(project).find(selector) == slug


@pytest.mark.parametrize(
    ("selector", "candidates"),
    [
        ("01JD8Z6W", ["034-search", "035-index"]),
        ("query", ["007-query", "008-query"]),
    ],
)
def test_what_fits_several_missions_is_ambiguous_and_lists_them(
    project: Project, selector: str, candidates: list[str]
) -> None:
    with pytest.raises(MissionAmbiguous) as caught:
        find_mission(project, selector)
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
def test_what_fits_none_is_not_found(project: Project, selector: str) -> None:
    with pytest.raises(MissionNotFound):
        find_mission(project, selector)


def test_the_first_eight_characters_of_an_id_are_enough(tmp_path: Path) -> None:
    Stage(root=tmp_path).write_mission({}, slug="034-search", mission_id=ID)
    assert find_mission(Project(tmp_path), ID[:8]).slug == "034-search"


# With every request, and bounded.


@pytest.mark.parametrize(
    "selector",
    ["", "query", "01JD8Z6W", "..", "/", "no such", "\0", "\ud800", "9" * 5000, "x" * 300],
)
def test_what_names_no_mission_alone_leads_to_none(project: Project, selector: str) -> None:
    assert MissionNames(project).find(selector) is None


def test_a_mission_that_is_renamed_or_removed_meanwhile_is_noticed(project: Project) -> None:
    names = MissionNames(project)
    assert names.find("index") == "035-index"
    (project.missions / "035-index").rename(project.missions / "036-register")
    assert (names.find("index"), names.find("register")) == (None, "036-register")
    meta = project.missions / "036-register" / "meta.json"
    meta.write_text('{"mission_id": "01OTHER"}')
    assert names.find("01OTHER") == "036-register"


def test_no_link_and_nothing_but_a_small_file_is_read(project: Project, tmp_path: Path) -> None:
    elsewhere = tmp_path / "meta.json"
    elsewhere.write_text('{"mission_id": "01ELSEWHERE"}')
    linked, waiting, large = (project.missions / name for name in ("1-link", "2-fifo", "3-large"))
    for folder in (linked, waiting, large):
        folder.mkdir()
    (linked / "meta.json").symlink_to(elsewhere)
    os.mkfifo(waiting / "meta.json")
    (large / "meta.json").write_text('{"mission_id": "01LARGE"}' + " " * 100_000)
    names = MissionNames(project)
    assert [names.find(x) for x in ("01ELSEWHERE", "2", "01LARGE")] == [None, None, None]
    assert names.find("3-large") == "3-large"


def test_without_missions_nothing_is_found(tmp_path: Path) -> None:
    assert MissionNames(Project(tmp_path)).find("1") is None
