from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from specify_cli.storage import former_intents
from specify_cli.storage.intents import Intent, Intents
from specify_cli.storage.layout import Layout
from specify_cli.storage.record import Record
from specify_cli.storage.record_entries import EVENTS, Draft

MERGE = Intent(scope="", id="one", digest="d", kind="merge", what={"path": "a\udcffb"})


@pytest.fixture
def record(tmp_path: Path) -> Record:
    folder = tmp_path / "record"
    folder.mkdir()
    return Record.make(folder)


def kept(record: Record) -> list[Intent]:
    return [it._replace(at="") for it in Intents(Record(record.path.parent)).all()]


def test_an_intent_is_kept_until_it_is_dropped(record: Record) -> None:
    intents = Intents(record)
    intents.keep(MERGE)
    assert kept(record) == [MERGE]
    intents.keep(MERGE._replace(what={"is_complete": True}))
    assert [it.what for it in kept(record)] == [{"is_complete": True}]
    assert [it.kind for it in intents.of("one", "")] == ["merge"]
    assert intents.of("one", "other") == []
    intents.drop(MERGE)
    assert kept(record) == []


def test_an_intent_is_dropped_in_the_transaction_of_its_entry(record: Record) -> None:
    intents = Intents(record)
    intents.keep(MERGE)
    draft = Draft(at="now", kind=EVENTS, log=b"{}\n", also=intents.dropping(MERGE))

    def fail(_: object) -> None:
        raise OSError("full")

    with pytest.raises(OSError, match="full"):
        record.commit([draft, draft._replace(also=fail)])
    assert kept(record) == [MERGE]
    record.commit([draft])
    assert kept(record) == []


def test_an_intent_of_a_copied_record_is_not_here_until_it_is_taken_over(
    record: Record, tmp_path: Path
) -> None:
    Intents(record).keep(MERGE)
    record.close()
    shutil.copytree(record.path.parent, tmp_path / "copy")
    copied = Record(tmp_path / "copy")
    assert [it.is_here for it in Intents(copied).all()] == [False]
    Intents(copied).take_over()
    assert [it.is_here for it in Intents(copied).all()] == [True]


def test_an_intent_is_still_here_after_the_record_was_moved(record: Record, tmp_path: Path) -> None:
    Intents(record).keep(MERGE)
    record.close()
    record.path.parent.rename(tmp_path / "moved")
    assert [it.is_here for it in Intents(Record(tmp_path / "moved")).all()] == [True]


def test_an_intent_of_another_machine_is_not_here(
    record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Intents(record).keep(MERGE)
    (tmp_path / "machine-id").write_text("another\n")
    monkeypatch.setattr("specify_cli.storage.intents.MACHINE_ID", tmp_path / "machine-id")
    assert [it.is_here for it in Intents(record).all()] == [False]


# Intents of releases without a record.


def write(path: Path, said: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(said if isinstance(said, str) else json.dumps(said))
    return path


def test_merges_and_calls_of_an_older_release_are_taken_over_once(
    record: Record, tmp_path: Path
) -> None:
    project = Layout(tmp_path)
    asked = {"correlation_id": "m", "identity": "ada", "request_digest": "d"}
    merge = {**asked, "host_files": {"log": "the whole of it"}}
    call = {"correlation_id": "c", "door": "cli", "identity": "uid:0", "command": "x", "args": {}}
    files = [
        write(project.host / "merges" / "001-a.json", merge),
        write(project.host / "begun" / "1.json", call),
    ]
    former_intents.take_over(record, project)
    former_intents.take_over(record, project)
    found = {it.kind: it for it in Intents(record).all()}
    assert (found["merge"].scope, found["merge"].id, found["merge"].digest) == ("ada", "m", "d")
    assert found["merge"].what == {**merge, "mission_slug": "001-a", "host_files": ["log"]}
    assert (found["call"].id, found["call"].call) == ("c", call)
    assert not any(it.exists() for it in files)


@pytest.mark.parametrize("said", ["", "[]", "{", "{}", "[" * 100_000])
def test_a_damaged_merge_file_of_an_older_release_is_left_in_place(
    record: Record, tmp_path: Path, said: str
) -> None:
    path = write(Layout(tmp_path).host / "merges" / "001-a.json", said)
    former_intents.take_over(record, Layout(tmp_path))
    assert Intents(record).all() == []
    assert path.exists()


def test_a_fifo_or_link_among_the_files_of_an_older_release_is_skipped(
    record: Record, tmp_path: Path
) -> None:
    folder = Layout(tmp_path).host / "merges"
    folder.mkdir(parents=True)
    os.mkfifo(folder / "001-a.json")
    (folder / "002-b.json").symlink_to(folder / "001-a.json")
    former_intents.take_over(record, Layout(tmp_path))
    assert Intents(record).all() == []
