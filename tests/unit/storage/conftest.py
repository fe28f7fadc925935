"""A project with a log in the record, for the tests of what becomes of the two."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from specify_cli.core.events import Event
from specify_cli.storage.event_lines import encode
from specify_cli.storage.recorded_log import RecordedLog
from specify_cli.storage.remembered_log import RememberedLog
from tests.records import BEGIN, CLAIM, NOTE, log_in

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


def kept(log: RecordedLog) -> list[bytes]:
    return [path.read_bytes() for path in log.file.attic.iterdir()]
