"""`spec-kitty tasks` creates packages from the outline and never undoes a person's edits."""

from __future__ import annotations

import contextlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from specify_cli.cli.main import root

SLUG = "001-search"
OUTLINE = """
## WP01: Index

Depends on: none
Owned files: `src/index/**`, docs/index.md

Build it.

### A heading of its own

- [ ] T001 Read
- [x] T002 Write

```
## WP09 Not a package
```

## Work Package WP02: Query (Priority: P0)

Dependencies: WP01

## Notes

Nobody's.
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("SPECIFY_REPO_ROOT", raising=False)
    git(tmp_path, "init", "-q", "-b", "main")
    assert say(tmp_path, "specify", "Search")["success"]
    assert say(tmp_path, "plan")["success"]
    return tmp_path


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout


def say(folder: Path, *words: str) -> dict[str, Any]:
    with contextlib.chdir(folder):
        result = CliRunner().invoke(root, [*words, "--json"])
    envelope: dict[str, Any] = json.loads(result.stdout)
    expected = {None: 0, "USAGE_ERROR": 2}.get(envelope["error_code"], 1)
    assert result.exit_code == expected
    return envelope


def outline(project: Path, text: str) -> Path:
    path = project / "kitty-specs" / SLUG / "tasks.md"
    path.write_text(path.read_text() + text)
    return path


def prompts(project: Path) -> dict[str, str]:
    folder = project / "kitty-specs" / SLUG / "tasks"
    return {path.name: path.read_text() for path in folder.glob("*")}


def test_tasks_turns_the_outline_into_packages_execution_lanes_and_a_commit(project: Path):
    outline(project, OUTLINE)

    data = say(project, "tasks")["data"]

    assert data["written"] == ["WP01", "WP02"]
    assert data["lanes"] == {"lane-a": ["WP01"], "lane-b": ["WP02"]}
    index = prompts(project)["WP01-index.md"]
    assert "owned_files: [src/index/**, docs/index.md]" in index
    assert "subtasks: [T001, T002]" in index
    assert "## WP09 Not a package" in index
    assert "Nobody's" not in "".join(prompts(project).values())
    assert git(project, "status", "--porcelain", "--", f"kitty-specs/{SLUG}") == ""
    assert git(project, "rev-parse", "HEAD").strip() == data["commit"]


def test_running_tasks_again_changes_nothing(project: Path):
    outline(project, OUTLINE)
    say(project, "tasks")
    before = prompts(project)

    data = say(project, "tasks")["data"]

    assert (data["written"], data["differing"], data["commit"]) == ([], {}, None)
    assert prompts(project) == before


def test_tasks_keeps_an_edited_prompt_and_reports_it(project: Path):
    outline(project, OUTLINE)
    say(project, "tasks")
    path = project / "kitty-specs" / SLUG / "tasks" / "WP01-index.md"
    path.write_text(path.read_text().replace("Build it.", "Build it well."))
    edited = path.read_bytes()

    assert say(project, "tasks")["data"]["differing"] == {"WP01": ["text"]}
    assert path.read_bytes() == edited


def test_plan_keeps_existing_files(project: Path):
    path = outline(project, OUTLINE)
    before = path.read_bytes()

    data = say(project, "plan")["data"]

    assert data["written"] == []
    assert path.read_bytes() == before


def test_tasks_does_not_commit_staged_files_of_the_user(project: Path):
    outline(project, OUTLINE)
    (project / "mine.txt").write_text("mine\n")
    git(project, "add", "mine.txt")

    say(project, "tasks")

    assert git(project, "diff", "--cached", "--name-only").split() == ["mine.txt"]
    assert "mine.txt" not in git(project, "ls-tree", "-r", "--name-only", "HEAD")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "## WP01\n",
        "## WP01 One\n## WP01 Again\n",
        "## WP01 One\nDependencies: everything\n",
        "## WP01 One\nDependencies: WP07\n",
        "## WP01 One\nDependencies: WP02\n## WP02 Two\nDependencies: WP01\n",
    ],
    ids=["nothing", "no title", "twice", "no id", "unknown", "a circle"],
)
def test_an_invalid_outline_is_refused_and_nothing_is_written(text: str, project: Path):
    outline(project, text)

    assert say(project, "tasks")["error_code"] == "USAGE_ERROR"
    assert prompts(project) == {}


def test_commands_do_not_prompt_without_a_terminal(project: Path):
    outline(project, OUTLINE)
    say(project, "tasks")

    for words in (["implement"], ["review"]):
        assert say(project, *words)["error_code"] == "USAGE_ERROR"
    # With a package named there is no question, but this one is not for review.
    assert say(project, "review", "WP01")["error_code"] == "TRANSITION_REJECTED"
    say(project, "specify", "Other")
    assert say(project, "accept")["error_code"] == "USAGE_ERROR"


def test_in_a_workspace_its_mission_is_the_default(project: Path):
    outline(project, OUTLINE)
    say(project, "tasks")
    place = say(project, "implement", "WP01")["data"]["workspace_path"]
    say(project, "specify", "Other")

    assert say(Path(place), "implement", "wp01")["data"]["no_op"]


def test_two_prompt_files_with_the_same_number_are_refused_by_name(project: Path):
    folder = project / "kitty-specs" / SLUG / "tasks"
    folder.mkdir()
    for name in ("WP6", "WP06"):
        (folder / f"{name}.md").write_text("---\ntitle: A\n---\n")
    for words in (["tasks"], ["tasks", "finalize"]):
        refused = say(project, *words)
        assert refused["error_code"] == "USAGE_ERROR"
        assert "tasks/WP06.md and tasks/WP6.md" in refused["data"]["message"]


def test_two_prompt_ids_with_the_same_number_are_refused_with_their_lines(project: Path):
    folder = project / "kitty-specs" / SLUG / "tasks"
    folder.mkdir()
    (folder / "WP01.md").write_text("---\ntitle: A\nwork_package_id: WP6\n---\n")
    (folder / "WP02.md").write_text("---\nwork_package_id: WP06\n---\n")
    for words in (["tasks"], ["tasks", "finalize"]):
        message = say(project, *words)["data"]["message"]
        assert "tasks/WP01.md, line 3" in message
        assert "tasks/WP02.md, line 2" in message


def test_finalize_refuses_a_pattern_beyond_the_bounds_but_the_mission_opens(project: Path):
    folder = project / "kitty-specs" / SLUG / "tasks"
    folder.mkdir()
    wild = "src/" + "*a" * 40
    (folder / "WP01.md").write_text(f'---\nowned_files: ["{wild}"]\n---\n')
    refused = say(project, "tasks", "finalize")
    assert (refused["error_code"], "tasks/WP01.md" in refused["data"]["message"]) == (
        "USAGE_ERROR",
        True,
    )
    assert say(project, "tasks", "list")["data"]["work_packages"][0]["lane_id"] == "lane-a"
    git(project, "commit", "-q", "--allow-empty", "-m", "first")
    assert say(project, "implement", "WP01")["success"]


def test_a_credential_in_a_note_is_masked_and_reported(project: Path) -> None:
    assert say(project, "tasks", "add", SLUG, "Index", "--owns", "src/**")["success"]
    secret = "ghp_" + "fake" * 5
    with contextlib.chdir(project):
        result = CliRunner().invoke(root, ["move", "WP01", "blocked", "--note", f"see {secret}"])
    assert result.exit_code == 0
    assert "masked in note" in result.stderr
    [log] = project.rglob("status.events.jsonl")
    assert "see [redacted: github]" in log.read_text()
    assert secret not in result.output
