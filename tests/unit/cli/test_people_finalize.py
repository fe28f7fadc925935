"""`spec-kitty tasks finalize` copies fields from `tasks.md` into prompts, or refuses; it drops nothing."""

from __future__ import annotations

import contextlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from specify_cli.cli.main import root
from tests.unit.cli import test_people_tasks

SLUG = "001-search"
HARNESS = ["agent", "mission", "finalize-tasks", "--mission", SLUG]
TASKS = """\
# Work packages

## WP01 Index

**Owned files**: `src/index/**`, docs/index.md

## WP02 Query

- **Depends on**: WP01
"""
PROMPT = "---\r\nwork_package_id: {id}  # the id\r\ntitle: 'T'\r\n# why\r\n---\r\n\r\nBody.\r\n"


@pytest.fixture
def mission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A mission of two packages whose fields are stated only in `tasks.md`."""
    monkeypatch.delenv("SPECIFY_REPO_ROOT", raising=False)
    subprocess.run(["git", "init", "-q", "-b", "main"], cwd=tmp_path, check=True)
    folder = tmp_path / "kitty-specs" / SLUG
    (folder / "tasks").mkdir(parents=True)
    (folder / "meta.json").write_text(json.dumps({"mission_slug": SLUG, "target_branch": "main"}))
    (folder / "tasks.md").write_text(TASKS)
    for wp_id in ("WP01", "WP02"):
        prompt(folder, wp_id).write_bytes(PROMPT.format(id=wp_id).encode())
    return folder


def prompt(mission: Path, wp_id: str) -> Path:
    return mission / "tasks" / f"{wp_id}-step.md"


def put(mission: Path, wp_id: str, line: str) -> None:
    """Insert the line as the first of the front matter, line 2 of the prompt."""
    path = prompt(mission, wp_id)
    path.write_bytes(path.read_bytes().replace(b"---\r\n", f"---\r\n{line}\r\n".encode(), 1))


def move(mission: Path, wp_id: str, lane: str) -> None:
    event = {
        "event_id": "01K8QZ4W3M4Y6T1F8B2Q5R7X01",
        "at": "2026-05-01T10:00:00+00:00",
        "actor": "alice",
        "wp_id": wp_id,
        "from_lane": "planned",
        "to_lane": lane,
    }
    (mission / "status.events.jsonl").write_text(json.dumps(event) + "\n")


def say(mission: Path, *words: str) -> dict[str, Any]:
    return test_people_tasks.say(mission.parents[1], *words)


def refusal(mission: Path) -> str:
    """The refusal, which both commands print alike; checks that nothing was written."""
    before = files(mission)
    told = [say(mission, *words) for words in (HARNESS, ["tasks", "finalize", SLUG])]
    assert [it["error_code"] for it in told] == ["USAGE_ERROR"] * 2
    assert told[0]["data"]["message"] == told[1]["data"]["message"]
    assert files(mission) == before
    return str(told[0]["data"]["message"])


def files(mission: Path) -> dict[str, bytes]:
    return {str(x.relative_to(mission)): x.read_bytes() for x in mission.rglob("*") if x.is_file()}


def dependencies(mission: Path) -> dict[str, list[str]]:
    packages = say(mission, "tasks", "list", SLUG)["data"]["work_packages"]
    return {it["wp_id"]: it["dependencies"] for it in packages}


def test_finalize_copies_fields_from_tasks_md_and_keeps_all_other_bytes(mission: Path):
    prompt(mission, "WP02").chmod(0o600)
    data = say(mission, *HARNESS)["data"]
    assert data["taken_over"] == {"WP01": ["owned_files"], "WP02": ["dependencies"]}
    assert dependencies(mission) == {"WP01": [], "WP02": ["WP01"]}
    added = {
        "WP01": b"# why\r\nowned_files: [src/index/**, docs/index.md]\r\n",
        "WP02": b"# why\r\ndependencies: [WP01]\r\n",
    }
    for wp_id, line in added.items():
        before = PROMPT.format(id=wp_id).encode()
        assert prompt(mission, wp_id).read_bytes() == before.replace(b"# why\r\n", line)
    assert prompt(mission, "WP02").stat().st_mode & 0o777 == 0o600
    lanes = json.loads((mission / "lanes.json").read_text())["lanes"]
    assert lanes[0]["write_scope"] == ["docs/index.md", "src/index/**"]


def test_running_finalize_again_changes_nothing(mission: Path):
    say(mission, *HARNESS)
    before = files(mission)
    assert say(mission, *HARNESS)["data"]["taken_over"] == {}
    assert files(mission) == before


def test_finalize_prints_what_was_copied(mission: Path):
    with contextlib.chdir(mission.parents[1]):
        told = CliRunner().invoke(root, ["tasks", "finalize", SLUG]).stdout
    assert "WP02: dependencies copied from tasks.md to its front matter" in told


@pytest.mark.parametrize(
    "line",
    ["dependencies:", "dependencies: null", "dependencies: ~ # none yet", '"dependencies" :'],
)
def test_finalize_fills_in_a_key_without_a_value(mission: Path, line: str):
    put(mission, "WP02", line)
    assert say(mission, *HARNESS)["data"]["taken_over"]["WP02"] == ["dependencies"]
    assert dependencies(mission)["WP02"] == ["WP01"]


@pytest.mark.parametrize(
    ("tasks", "line"),
    [
        ("Depends on: WP01", "dependencies: [WP01]"),
        ("Depends on: wp1", "dependencies: 'WP01'"),
        ("Dependencies: none", "dependencies: []"),
        ("Dependencies: none", "title2: lacks the key"),
        ("Nothing stated.", "dependencies: [WP01]"),
        ("Owned files: a/**, b/**", "owned_files: [b/**, a/**]"),
        ("Owned files:", "owned_files: [b/**, a/**]"),
    ],
)
def test_finalize_keeps_what_the_prompt_states_without_contradiction(
    mission: Path, tasks: str, line: str
):
    (mission / "tasks.md").write_text(f"## WP01 A\n\n## WP02 B\n\n{tasks}\n")
    put(mission, "WP02", line)
    before = prompt(mission, "WP02").read_bytes()
    assert say(mission, *HARNESS)["data"]["taken_over"] == {}
    assert prompt(mission, "WP02").read_bytes() == before


@pytest.mark.parametrize(
    ("tasks", "line"),
    [
        ("Depends on: WP01", "dependencies: [WP03]"),
        ("Depends on: WP01", "dependencies: []"),
        ("Depends on: WP01", "dependencies: [WP01, WP03]"),
        ("Depends on: WP01, WP03", "dependencies: [WP01]"),
        ("Dependencies: none", "dependencies: [WP01]"),
        ("Owned files: src/**", "owned_files: [docs/**]"),
        ("Owned files: none", "owned_files: [docs/**]"),
    ],
)
def test_a_contradiction_is_refused_with_both_files_and_lines(mission: Path, tasks: str, line: str):
    (mission / "tasks.md").write_text(f"## WP01 A\n\n## WP02 B\n\n{tasks}\n\n## WP03 C\n")
    prompt(mission, "WP03").write_bytes(PROMPT.format(id="WP03").encode())
    put(mission, "WP02", line)
    message = refusal(mission)
    assert "tasks/WP02-step.md, line 2: " in message
    assert "tasks.md, line 5, " in message


def test_dependencies_stated_in_another_section_are_merged(mission: Path):
    (mission / "tasks.md").write_text("## WP01 A\n\nBlocks: WP02, WP03\n\n## WP02 B\n\n## WP03 C\n")
    prompt(mission, "WP03").write_bytes(PROMPT.format(id="WP03").encode())
    put(mission, "WP02", "dependencies: [WP01, WP03]")
    assert say(mission, *HARNESS)["data"]["taken_over"] == {"WP03": ["dependencies"]}
    assert dependencies(mission) == {"WP01": [], "WP02": ["WP01", "WP03"], "WP03": ["WP01"]}


@pytest.mark.parametrize(
    "tasks",
    [
        "## WP02 B\n\nDependancies: WP01\n",
        "## WP02 B\n\nDepends on: the parser\n",
        "## WP02 B\n\nOwned file: src/**\n",
        "WP02 B\n------\n\nDepends on: WP01\n",
    ],
)
def test_a_line_that_cannot_be_read_is_refused(mission: Path, tasks: str):
    (mission / "tasks.md").write_text(tasks)
    assert "tasks.md, line " in refusal(mission)


def test_a_cycle_is_refused_with_its_lines(mission: Path):
    put(mission, "WP01", "dependencies: [WP02]")
    message = refusal(mission)
    assert "WP01 > WP02" in message or "WP02 > WP01" in message
    assert "line 9" in message


def test_a_section_without_a_prompt_is_refused_until_tasks_has_written_it(mission: Path):
    with (mission / "tasks.md").open("a") as file:
        file.write("\n## WP03 C\n\nDepends on: WP02\n")
    message = refusal(mission)
    assert "tasks.md, line 11: WP03" in message
    assert f"'spec-kitty tasks --mission {SLUG}'" in message
    assert say(mission, "tasks", "--mission", SLUG)["data"]["written"] == ["WP03"]
    say(mission, *HARNESS)
    assert dependencies(mission)["WP03"] == ["WP02"]


def test_a_prompt_in_a_status_lane_folder_is_refused_until_doctor_moves_it(
    mission: Path,
):
    (mission / "tasks" / "done").mkdir()
    prompt(mission, "WP02").rename(mission / "tasks" / "done" / "WP02-step.md")
    for told in (refusal(mission), say(mission, "tasks", "--mission", SLUG)["data"]["message"]):
        assert "tasks/done/WP02-step.md" in told
        assert "'spec-kitty doctor --fix'" in told
    assert not list((mission / "tasks").glob("WP02*"))
    with contextlib.chdir(mission.parents[1]):
        CliRunner().invoke(root, ["doctor", "--fix"])
    assert say(mission, *HARNESS)["data"]["taken_over"]["WP02"] == ["dependencies"]


@pytest.mark.parametrize("tasks", ["", "# Work packages\n\nProse.\n", None])
def test_without_sections_only_the_front_matter_counts(mission: Path, tasks: str | None):
    (mission / "tasks.md").unlink() if tasks is None else (mission / "tasks.md").write_text(tasks)
    data = say(mission, *HARNESS)["data"]
    assert (data["work_packages"], data["taken_over"]) == (["WP01", "WP02"], {})


def test_a_statement_outside_of_sections_applies_to_the_package_it_names(mission: Path):
    (mission / "tasks.md").write_text("# Order\n\nWP02 depends on WP01.\n")
    assert say(mission, *HARNESS)["data"]["taken_over"] == {"WP02": ["dependencies"]}


@pytest.mark.parametrize("lane", ["claimed", "in_progress", "in_review", "approved", "blocked"])
def test_finalize_does_not_change_a_package_in_progress(mission: Path, lane: str):
    move(mission, "WP02", lane)
    message = refusal(mission)
    assert "tasks/WP02-step.md: dependencies is missing" in message
    assert "tasks.md, line 9" in message
    put(mission, "WP02", "dependencies: [WP01]")
    assert say(mission, *HARNESS)["data"]["taken_over"] == {"WP01": ["owned_files"]}


@pytest.mark.parametrize("lane", ["done", "canceled"])
def test_finalize_completes_a_finished_package(mission: Path, lane: str):
    move(mission, "WP02", lane)
    assert say(mission, *HARNESS)["data"]["taken_over"]["WP02"] == ["dependencies"]


def test_front_matter_that_cannot_be_extended_is_refused(mission: Path):
    prompt(mission, "WP02").write_text("---\ntitle: &x\ndependencies: *x\n---\n")
    message = refusal(mission)
    assert "tasks/WP02-step.md" in message
    assert "dependencies: [WP01]" in message


def test_many_disagreements_are_truncated_and_counted(mission: Path):
    with (mission / "tasks.md").open("a") as file:
        file.writelines(f"\n## WP{n:02} C\n" for n in range(3, 30))
    assert "22 more" in refusal(mission)


def test_finalize_names_the_overlapping_files_of_packages_that_share_an_execution_lane(
    mission: Path,
) -> None:
    for wp_id, files in (("WP01", "[src/a]"), ("WP02", "[src/b]"), ("WP03", "['src/**']")):
        prompt(mission, wp_id).write_text(f"---\nowned_files: {files}\n---\n")
    (mission / "tasks.md").unlink()

    told = say_lines(mission)

    assert "WP01 and WP03 are worked on one after another: src/a and src/** overlap" in told
    assert "WP02 and WP03 are worked on one after another: src/b and src/** overlap" in told
    assert not any("earlier plan" in line for line in told)

    prompt(mission, "WP03").write_text("---\nowned_files: [src/a/b]\n---\n")

    told = say_lines(mission)

    assert "WP01 and WP03 are worked on one after another: src/a and src/a/b overlap" in told
    assert any("all of lane-a are worked on one after another" in line for line in told)


def say_lines(mission: Path) -> list[str]:
    with contextlib.chdir(mission.parents[1]):
        result = CliRunner().invoke(root, ["tasks", "finalize", SLUG])
    assert result.exit_code == 0, result.stderr
    return result.stdout.splitlines()
