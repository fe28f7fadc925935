from __future__ import annotations

import os
from pathlib import Path

import pytest

from specify_cli.errors import StateUnreadable
from specify_cli.storage.package_files import WorkPackage, read_packages


@pytest.fixture
def mission(tmp_path: Path) -> Path:
    (tmp_path / "tasks").mkdir()
    return tmp_path


def write(mission: Path, text: str, *, name: str = "WP01-step.md", encoding: str = "utf-8") -> None:
    (mission / "tasks" / name).write_bytes(text.encode(encoding))


def only(mission: Path) -> WorkPackage:
    (package,) = read_packages(mission, below=mission).values()
    return package


def ticks(mission: Path) -> dict[str, bool]:
    return {subtask.subtask_id: subtask.is_ticked for subtask in only(mission).subtasks}


HEADER = """---
work_package_id: "WP01"
title: 'Größe: "ja"'
dependencies: [WP02, "WP03"]
owned_files:
  - "src/**/*.py"
  - docs
subtasks: [T001]
---
- [x] T001 first
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_header_is_read_with_any_newline_and_with_a_byte_order_mark(
    mission: Path, newline: str, encoding: str
) -> None:
    write(mission, HEADER.replace("\n", newline), encoding=encoding)
    package = only(mission)
    assert package.title == 'Größe: "ja"'
    assert package.dependencies == ("WP02", "WP03")
    assert package.owned_files == ("src/**/*.py", "docs")
    assert ticks(mission) == {"T001": True}
    assert package.prompt_path == mission / "tasks" / "WP01-step.md"


def test_a_list_may_be_written_as_a_comma_separated_text(mission: Path) -> None:
    write(mission, "---\ndependencies: WP02, WP03\nowned_files: src\n---\n")
    assert only(mission).dependencies == ("WP02", "WP03")
    assert only(mission).owned_files == ("src",)


@pytest.mark.parametrize("header", ["", "---\n---\n", "---\ndependencies:\nsubtasks: []\n---\n"])
def test_missing_fields_are_derived_from_the_file_name(mission: Path, header: str) -> None:
    write(mission, header)
    package = only(mission)
    assert (package.wp_id, package.title) == ("WP01", "WP01")
    assert (package.dependencies, package.owned_files, package.subtasks) == ((), (), ())


def test_other_files_are_ignored_and_ids_are_in_order(mission: Path) -> None:
    for name in ("WP10.md", "WP02_b.md", "WP01 a.md", "README.md", "WP03.md.bak", "notes-WP04.md"):
        write(mission, "", name=name)
    assert list(read_packages(mission, below=mission)) == ["WP01", "WP02", "WP10"]


def test_a_mission_without_prompts_has_no_packages(tmp_path: Path) -> None:
    assert read_packages(tmp_path, below=tmp_path) == {}


# Checkboxes.


def test_without_a_list_the_checkboxes_below_the_heading_are_the_subtasks(mission: Path) -> None:
    write(mission, "")
    (mission / "tasks.md").write_text(
        "- [x] T000 before all\n"
        "## Work Package WP01: first\n- [x] T001 one\n* [ ] **T002** two\n  + [X] by hand\n"
        "### Steps\n- [ ] T003 three\n- [-] T004 no box\n"
        "## WP02: other\n- [x] T009 nine\n"
    )
    assert ticks(mission) == {"T001": True, "T002": False, "by hand": True, "T003": False}


def test_another_heading_ends_the_section_of_a_package(mission: Path) -> None:
    write(mission, "")
    (mission / "tasks.md").write_text("## WP01: one\n- [x] T001\n## Later\n- [ ] T099 some day\n")
    assert ticks(mission) == {"T001": True}


def test_only_listed_subtasks_count_and_may_be_ticked_in_either_file(mission: Path) -> None:
    write(mission, "---\nsubtasks: [T001, T002, T003]\n---\n- [x] T001\n- [x] T007 extra\n")
    (mission / "tasks.md").write_text("# WP01\n- [x] T002\n- [x] T008 extra\n")
    assert ticks(mission) == {"T001": True, "T002": True, "T003": False}


# Damage.


def test_two_prompts_for_one_package_are_refused(mission: Path) -> None:
    write(mission, "", name="WP01-a.md")
    write(mission, "---\nwork_package_id: WP01\n---\n", name="WP02-b.md")
    with pytest.raises(StateUnreadable) as caught:
        read_packages(mission, below=mission)
    assert caught.value.details["file"] == str(mission / "tasks" / "WP02-b.md")


@pytest.mark.parametrize(
    "header",
    [
        "work_package_id: ../../etc",
        "work_package_id: WP",
        "work_package_id: [WP01]",
        "dependencies: {WP02: yes}",
        "dependencies: [[WP02]]",
        "owned_files: 3.5",
        "subtasks: [2026-01-01]",
    ],
)
def test_a_field_of_the_wrong_type_is_refused_with_the_file(mission: Path, header: str) -> None:
    write(mission, f"---\n{header}\n---\n")
    with pytest.raises(StateUnreadable) as caught:
        read_packages(mission, below=mission)
    assert caught.value.details["file"] == str(mission / "tasks" / "WP01-step.md")


@pytest.mark.parametrize("name", ["tasks/WP01-step.md", "tasks.md"])
def test_a_file_that_is_not_utf8_is_refused_with_its_path(mission: Path, name: str) -> None:
    (mission / name).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(StateUnreadable) as caught:
        read_packages(mission, below=mission)
    assert caught.value.details["file"] == str(mission / name)


def test_a_prompt_that_is_a_folder_is_not_read(mission: Path) -> None:
    (mission / "tasks" / "WP01.md").mkdir()
    with pytest.raises(StateUnreadable):
        read_packages(mission, below=mission)


def test_prompts_and_outlines_that_are_links_or_fifos_are_not_read(tmp_path: Path) -> None:
    outside = tmp_path / "outside.md"
    outside.write_text("---\nwork_package_id: WP01\n---\n")
    for number, name in enumerate(["tasks.md", "tasks/WP01.md", "tasks"]):
        for kind in ("link", "fifo"):
            mission = tmp_path / f"{number}-{kind}"
            (mission / name).parent.mkdir(parents=True)
            if kind == "link":
                (mission / name).symlink_to(outside)
            else:
                os.mkfifo(mission / name)
            with pytest.raises(StateUnreadable):
                read_packages(mission, below=tmp_path)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('"[]"', ()),
        ("none", ()),
        ("None (starting package)", ()),
        ("[none]", ()),
        ("'[\"WP02\"]'", ("WP02",)),
        ("[WP2]", ("WP02",)),
        ("WP2 and wp03", ("WP02", "WP03")),
        ("[WP02..WP03]", ("WP02", "WP03")),
        ("WP02 (the model, first)", ("WP02",)),
        ("[WP07]", ("WP07",)),
        ("the model", ("the model",)),
    ],
)
def test_dependencies_are_understood_in_many_forms(
    mission: Path, value: str, expected: tuple[str, ...]
) -> None:
    write(mission, f"---\ndependencies: {value}\n---\n")
    for name in ("WP02", "WP03"):
        (mission / "tasks" / f"{name}.md").write_text("")
    assert read_packages(mission, below=mission)["WP01"].dependencies == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('"[]"', ()),
        ("none", ()),
        ('\'["src/**", "b"]\'', ("src/**", "b")),
        ("'[src/a.py, b]'", ("src/a.py", "b")),
        ("src/[id]/a.py", ("src/[id]/a.py",)),
    ],
)
def test_a_quoted_list_is_parsed_as_a_list(
    mission: Path, value: str, expected: tuple[str, ...]
) -> None:
    write(mission, f"---\nowned_files: {value}\n---\n")
    assert only(mission).owned_files == expected


def test_an_ambiguous_package_number_is_not_resolved(mission: Path) -> None:
    for name, needed in (("WP6", ""), ("WP06", "WP6"), ("WP07", "WP006")):
        text = f"---\ndependencies: [{needed}]\n---\n"
        (mission / "tasks" / f"{name}.md").write_text(text)
    packages = read_packages(mission, below=mission)
    assert packages["WP06"].dependencies == ("WP6",)
    assert packages["WP07"].dependencies == ("WP006",)


@pytest.mark.parametrize("heading", ["## WP1: A", "## Work Package 1: A", "## Phase 1: WP01 A"])
def test_the_heading_of_a_package_may_be_written_in_several_forms(
    mission: Path, heading: str
) -> None:
    write(mission, "---\ntitle: A\n---\n")
    (mission / "tasks.md").write_text(f"{heading}\n- [x] T001 Do\n")
    assert [step.subtask_id for step in only(mission).subtasks] == ["T001"]
