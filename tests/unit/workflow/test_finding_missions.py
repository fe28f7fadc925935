from __future__ import annotations

from pathlib import Path

import pytest

from specify_cli.errors import MissionAmbiguous, MissionNotFound
from specify_cli.storage.project import Project
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
