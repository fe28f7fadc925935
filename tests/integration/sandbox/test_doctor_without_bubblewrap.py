"""The doctor reports whether commits of agents are read in a sandbox."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.integration.stage import Stage, environment

GRANTS = '[orchestrators.nightly]\ncommands = ["all"]\n'


@pytest.fixture
def unboxed(tmp_path: Path) -> str:
    """A PATH with git, and without bubblewrap."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "git").symlink_to(str(shutil.which("git")))
    return str(programs)


def told(stage: Stage, **changes: str) -> list[tuple[str, bool]]:
    """Severity of each finding about intake, and whether its advice names bubblewrap."""
    ended = stage.run("doctor", "--json", env=environment(**changes))
    found = json.loads(ended.stdout)["data"]["findings"]
    about = [it for it in found if it["check"] == "intake"]
    assert ended.exit_code == int(any(it["severity"] != "note" for it in found)), found
    return [(it["severity"], "bubblewrap" in it["repair"]) for it in about]


@pytest.mark.parametrize(
    ("config", "severity"),
    [
        ("", "note"),
        (GRANTS, "warning"),
        (f'intake = "require-sandbox"\n{GRANTS}', "error"),
    ],
)
def test_doctor_reports_a_missing_bubblewrap(
    stage: Stage, unboxed: str, config: str, severity: str
):
    (stage.root / ".kitty").mkdir()
    if config:
        (stage.root / ".kitty" / "config.toml").write_text(config)
        (stage.root / ".kitty" / "config.toml").chmod(0o600)

    assert told(stage, PATH=unboxed) == [(severity, True)]
    assert told(stage) == []
