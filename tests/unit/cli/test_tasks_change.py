"""`spec-kitty tasks remove` and `edit`: prompt, tasks.md, plan, record and commit stay consistent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.cli.test_people_tasks import SLUG, git, outline, project, prompts, say

__all__ = ["project"]

OUTLINE = """
## WP01 Index

Owned files: src/index/**

Build it.

- [ ] T001 Read

## WP02: Query

Dependencies: WP01
Owned files:
- src/query/**

Ask it.

## WP03 Show

Owned files: src/show/**

## Notes

Nobody's.
"""


def planned(folder: Path) -> dict[str, list[str]]:
    text = (folder / "kitty-specs" / SLUG / "lanes.json").read_text()
    return {it["lane_id"]: it["wp_ids"] for it in json.loads(text)["lanes"]}


def is_consistent(folder: Path) -> bool:
    """Whether nothing is left to commit, repair or plan."""
    again = say(folder, "tasks")["data"]
    return (
        git(folder, "status", "--porcelain", "--", f"kitty-specs/{SLUG}") == ""
        and say(folder, "doctor")["data"]["findings"] == []
        and (again["written"], again["differing"], again["commit"]) == ([], {}, None)
        and again["lanes"] == planned(folder)
    )


def test_tasks_remove_removes_a_package_everywhere_and_frees_its_id(project: Path) -> None:
    path = outline(project, OUTLINE)
    say(project, "tasks")
    before = path.read_text()
    assert say(project, "tasks", "remove", "WP01")["error_code"] == "USAGE_ERROR"
    previewed = say(project, "tasks", "remove", "WP03", "--dry-run")["data"]
    assert [Path(it).name for it in previewed["files"]] == ["WP03-show.md", "tasks.md"]
    assert path.read_text() == before
    data = say(project, "tasks", "remove", "wp03")["data"]
    assert data["files"] == previewed["files"]
    assert path.read_text() == before.replace("## WP03 Show\n\nOwned files: src/show/**\n\n", "")
    assert planned(project) == {"lane-a": ["WP01"], "lane-b": ["WP02"]}
    assert git(project, "show", "--format=%s", "--name-status", "HEAD").split("\n\n") == [
        f"Remove WP03 from {SLUG}",
        "".join(
            f"{change}\tkitty-specs/{SLUG}/{name}\n"
            for change, name in (
                ("M", "lanes.json"),
                ("M", "tasks.md"),
                ("D", "tasks/WP03-show.md"),
            )
        ),
    ]
    assert is_consistent(project)
    added = say(project, "tasks", "add", SLUG, "Other", "--owns", "src/query/x")["data"]
    assert (added["wp_id"], added["lane_id"], added["lane_mates"]) == ("WP03", "lane-b", ["WP02"])
    assert is_consistent(project)


def test_tasks_edit_changes_prompt_and_outline_and_plans_again(project: Path) -> None:
    path = outline(project, OUTLINE)
    say(project, "tasks")
    before = path.read_text()
    new = (
        "--title",
        "Ask: all",
        "--depends-on",
        "none",
        "--owns",
        "src/index/x",
        "--prompt",
        "So.",
    )
    data = say(project, "tasks", "edit", "WP02", *new)["data"]
    assert data["changed"] == ["title", "dependencies", "owned_files"]
    assert planned(project) == {"lane-a": ["WP01", "WP02"], "lane-c": ["WP03"]}
    header, _, body = prompts(project)["WP02-query.md"].partition("---\n\n")
    assert "title: 'Ask: all'\ndependencies: []\nowned_files: [src/index/x]\n" in header
    assert body == "# WP02: Ask: all\n\nSo.\n"
    begin, end = before.index("## WP02"), before.index("## WP03")
    section = "## WP02: Ask: all\n\nDependencies: none\nOwned files: src/index/x\n\nSo.\n\n"
    assert path.read_text() == before[:begin] + section + before[end:]
    assert is_consistent(project)
    assert say(project, "tasks", "edit", "WP02", "--title", "Ask: all")["data"]["commit"] is None


@pytest.mark.long
def test_tasks_edit_keeps_the_notation_of_unchanged_lines(project: Path) -> None:
    path = outline(project, OUTLINE)
    say(project, "tasks")
    path.write_text(path.read_text().replace("\n", "\r\n"), newline="")
    owns = "src/{query,ask}/**"
    data = say(project, "tasks", "edit", "WP02", "--owns", owns)["data"]
    assert data["lanes"] == {
        "lane-a": ["WP01"],
        "lane-b": ["WP02"],
        "lane-c": ["WP03"],
    }
    assert f"\r\n\r\nDependencies: WP01\r\nOwned files: `{owns}`\r\n".encode() in path.read_bytes()
    refused = say(project, "tasks", "edit", "WP02", "--title", "Ask\n\n## WP09 More")
    assert refused["error_code"] == "USAGE_ERROR"
    assert b"WP09" not in path.read_bytes()


def test_tasks_edit_writes_nothing_if_a_dependency_is_invalid(project: Path) -> None:
    path = outline(project, OUTLINE)
    say(project, "tasks")
    before = path.read_text(), prompts(project), planned(project), git(project, "rev-parse", "HEAD")
    for other in ("WP02", "WP09"):
        edit = ("tasks", "edit", "WP01", "--title", "New", "--depends-on", other)
        assert say(project, *edit)["error_code"] == "USAGE_ERROR"
    after = path.read_text(), prompts(project), planned(project), git(project, "rev-parse", "HEAD")
    assert after == before


@pytest.mark.long
def test_an_interrupted_change_is_completed_by_the_same_command(project: Path) -> None:
    path = outline(project, OUTLINE)
    say(project, "tasks")
    path.write_text(path.read_text().replace("## WP03 Show", "## WP03 List"))
    assert say(project, "tasks", "edit", "WP03", "--title", "List")["data"]["changed"] == ["title"]
    path.write_text(path.read_text().partition("## WP03")[0])
    assert say(project, "tasks", "remove", "WP03")["success"]
    assert is_consistent(project)
