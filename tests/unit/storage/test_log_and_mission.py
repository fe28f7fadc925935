"""Tests that a log belongs to one mission, even when the mission's folder or the record moves."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from specify_cli.storage.layout import Layout
from specify_cli.storage.record_database import DATABASE
from specify_cli.storage.recorded_log import RecordedLog
from tests.records import BEGIN, CLAIM, NOTE, log_in
from tests.unit.storage.conftest import SLUG, git, line

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


# The identity of a mission.


def test_a_renamed_mission_keeps_its_history(root: Path) -> None:
    log = log_in(root, SLUG, mission_id="01H")
    log.append([CLAIM])
    shutil.rmtree(log.path.parent)
    ids = {"002-find": "01H"}
    renamed = log_in(root, "002-find")
    renamed.id_of = ids.get
    assert renamed.read().events == (CLAIM,)
    renamed.append([BEGIN])
    assert renamed.read().events == (CLAIM, BEGIN)


def test_a_new_mission_under_an_old_name_inherits_nothing(root: Path) -> None:
    log_in(root, SLUG, mission_id="01H").append([CLAIM])
    (root / "kitty-specs" / SLUG / "status.events.jsonl").unlink()
    new = log_in(root, SLUG, mission_id="01J")
    assert new.read().events == ()
    new.append([NOTE])
    assert new.read().events == (NOTE,)


def test_a_copied_mission_has_a_history_of_its_own(root: Path) -> None:
    log = log_in(root, SLUG, mission_id="01H")
    log.append([CLAIM])
    shutil.copytree(log.path.parent, root / "kitty-specs" / "002-copy")
    copy = log_in(root, "002-copy", mission_id="01H")
    copy.append([BEGIN])
    assert copy.read().events == (CLAIM, BEGIN)
    assert log.read().events == (CLAIM,)


def test_a_mission_that_gets_an_id_keeps_its_history(root: Path) -> None:
    log_in(root, SLUG).append([CLAIM])
    named = log_in(root, SLUG, mission_id="01H")
    assert named.read().events == (CLAIM,)
    named.append([BEGIN])
    named.path.unlink()
    assert named.read().events == (CLAIM, BEGIN)


def test_a_new_mission_with_an_id_does_not_inherit_from_one_without_an_id(root: Path) -> None:
    log_in(root, SLUG).append([CLAIM])
    named = log_in(root, SLUG, mission_id="01H")
    named.path.write_bytes(line(NOTE))
    assert named.read().events == (NOTE,)


# The location of the record.


def test_the_record_moves_into_a_new_repository(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    log = log_in(root, SLUG)
    log.append([CLAIM])
    former = (root / ".kitty" / "record") / DATABASE
    assert former.is_file()
    git(root, "init", "-q")
    log.path.unlink()
    assert log.read().events == (CLAIM,)
    log.append([BEGIN])
    assert log.read().events == (CLAIM, BEGIN)
    assert not former.exists()
    assert (Layout(root).record / DATABASE).is_file()


def test_a_restored_record_replaces_the_one_that_was_open(root: Path, log: RecordedLog) -> None:
    place = Layout(root).record / DATABASE
    backup = place.with_name("backup.db")
    subprocess.run(["python3", "-c", _BACKUP, place, backup], check=True)
    log.append([NOTE])
    for beside in place.parent.glob(f"{DATABASE}-*"):
        beside.unlink()
    backup.rename(place)
    log.path.write_bytes(line(CLAIM) + line(BEGIN))
    assert log.read().events == (CLAIM, BEGIN)


_BACKUP = """
import sqlite3, sys
source, copy = map(sqlite3.connect, sys.argv[1:])
with copy:
    source.backup(copy)
"""


@needs_root
def test_a_user_without_access_to_the_record_reads_the_log_and_cannot_append() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        git(Path(folder), "init", "-q")
        log = log_in(Path(folder).resolve(), SLUG)
        log.append([CLAIM])
        log.append([BEGIN])
        log.path.write_bytes(line(CLAIM))
        done = as_somebody_else(log)
        assert log.read().events == (CLAIM, BEGIN)
    assert "cannot be read by this user" in done.stderr
    assert done.stdout.splitlines()[0] == "1"
    assert "spec-kitty" in done.stdout.splitlines()[1]


def as_somebody_else(log: RecordedLog) -> subprocess.CompletedProcess[str]:
    code = (
        "import logging, os, sys; from pathlib import Path; from specify_cli.errors import StorageFailed\n"
        "from tests.records import log_in\n"
        "log = log_in(Path(sys.argv[1])); log.read(); os.setuid(61_015)\n"
        "print(len(log.read().events))\n"
        "try: log.append([])\n"
        "except StorageFailed as error: print(error.message)"
    )
    words = [sys.executable, "-c", code, str(log.project.root)]
    return subprocess.run(words, capture_output=True, text=True, check=True)


def test_a_mission_that_lost_lines_of_its_log_and_gets_an_id_keeps_its_history(root: Path) -> None:
    log_in(root).append([CLAIM])
    log = log_in(root)
    log.append([BEGIN])
    said = json.loads(line(BEGIN))
    log.path.write_text(json.dumps(dict(sorted(said.items()))) + "\n")
    assert log_in(root, mission_id="A").read().events == (CLAIM, BEGIN)


def test_a_new_mission_without_an_id_does_not_inherit_from_a_renamed_one(root: Path) -> None:
    log_in(root, mission_id="A").append([CLAIM])
    found = root / "kitty-specs" / "002-found"
    (root / "kitty-specs" / SLUG).rename(found)
    (root / "kitty-specs" / SLUG).mkdir()
    ids = {"002-found": "A"}
    new = RecordedLog(project=Layout(root), slug=SLUG, id_of=ids.get)
    assert new.read().events == ()
    new.append([NOTE])
    renamed = RecordedLog(project=Layout(root), slug="002-found", id_of=ids.get)
    assert renamed.read().events == (CLAIM,)


def test_a_mission_that_lost_its_id_and_its_log_keeps_its_history(root: Path) -> None:
    log = log_in(root, mission_id="A")
    log.append([CLAIM])
    log.path.unlink()
    assert log_in(root).read().events == (CLAIM,)
