"""Fixtures of a project with a log that is in the record."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from specify_cli.core.events import Event
from specify_cli.storage import package_memory
from specify_cli.storage.event_lines import encode
from specify_cli.storage.package_files import WorkPackage, read_packages
from specify_cli.storage.record import Record
from specify_cli.storage.recorded_log import RecordedLog
from specify_cli.storage.remembered_log import RememberedLog
from tests.records import BEGIN, CLAIM, NOTE, log_in
from tests.unit.storage.drafts import MISSION

SLUG = "001-search"
COLLEAGUE = NOTE._replace(event_id="C1", actor="colleague")
OTHER = NOTE._replace(event_id="C2", actor="colleague")


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)


def line(event: Event) -> bytes:
    return encode([event], mission_slug=SLUG)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path.resolve() / "main"
    made.mkdir()
    git(made, "init", "-q", "-b", "main")
    (made / ".gitignore").write_text(".kitty\n")
    git(made, "add", ".")
    git(made, "commit", "-q", "-m", "first")
    return made


@pytest.fixture(params=[RecordedLog, RememberedLog])
def log(root: Path, request: pytest.FixtureRequest) -> RecordedLog:
    made = log_in(root, SLUG, kind=request.param)
    made.append([CLAIM])
    made.append([BEGIN])
    return made


@pytest.fixture
def package_reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The missions whose packages are read from the files."""
    found: list[Path] = []

    def noted(mission: Path, *, below: Path) -> dict[str, WorkPackage]:
        found.append(mission)
        return read_packages(mission, below=below)

    monkeypatch.setattr(package_memory, "read_packages", noted)
    return found


@pytest.fixture
def record(tmp_path: Path) -> Record:
    """A record that knows one mission."""
    made = Record.make(tmp_path)
    assert made.keep_mission(MISSION).number == 1
    return made


def kept(log: RecordedLog) -> list[bytes]:
    """The content of the files in the attic."""
    attic = log.file.attic
    return [path.read_bytes() for path in attic.iterdir()] if attic.is_dir() else []
