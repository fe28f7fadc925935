"""The example orchestrator needs only two folders and can be restarted after a kill."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.campaign import sampled

EXAMPLES = Path(__file__).parents[3] / "examples"
MISSION = "001-full-text-search"


def command(project: Path, mission: str = MISSION) -> list[str]:
    mailbox = project / ".kitty"
    program = str(EXAMPLES / "file_orchestrator.py")
    return [sys.executable, program, str(mailbox / "inbox"), str(mailbox / "outbox"), mission]


def lanes(project: Path) -> list[str]:
    called = [sys.executable, "-m", "specify_cli", "orchestrator-api", "mission-state"]
    done = subprocess.run(
        [*called, "--mission", MISSION], cwd=project, check=True, capture_output=True
    )
    return [wp["lane"] for wp in json.loads(done.stdout)["data"]["work_packages"]]


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize(
    "last_words", sampled(["WP02      under review", "WP01      started"], every=2)
)
def test_restarted_orchestrator_gets_the_mission_merged(project: Path, last_words: str):
    with subprocess.Popen(command(project), stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert any(last_words in line for line in first.stdout)
        first.kill()

    subprocess.run(command(project), check=True, capture_output=True)

    assert lanes(project) == ["done", "done", "done"]
    assert (project / "search.py").is_file()


@pytest.mark.usefixtures("worker")
def test_permanent_refusal_ends_the_orchestrator(project: Path):
    done = subprocess.run(
        command(project, "no-such-mission"), capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert "MISSION_NOT_FOUND" in done.stderr


def test_wrong_arguments_print_the_usage():
    called = [sys.executable, str(EXAMPLES / "file_orchestrator.py")]
    done = subprocess.run(called, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert done.stderr.startswith("usage:")


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_examples_import_only_the_standard_library_and_the_client_package(example: Path):
    imported = set()
    for node in ast.walk(ast.parse(example.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").partition(".")[0])

    assert imported
    assert imported - sys.stdlib_module_names <= {"spec_kitty_client"}
