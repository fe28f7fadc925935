"""`doctor` and `mailbox verify` report tampering by file and line, with advice."""

from __future__ import annotations

import gzip
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from specify_cli.storage.project import Project
from tests.copies import copied
from tests.integration.stage import SLUG, Stage

pytestmark = pytest.mark.long

JOURNAL, ARCHIVE = ".kitty/outbox/journal.jsonl", ".kitty/archive/journal-1.jsonl.gz"
LOG = f"kitty-specs/{SLUG}/status.events.jsonl"
FIX = "spec-kitty doctor --fix"
RESTORE = "restore the newest backup ('spec-kitty restore --help')"
OTHER = "lines up to 6 that do not continue it"


@dataclass(kw_only=True)
class Scene:
    """A project with an archive, its former `head`, an older copy of its record, and another project."""

    stage: Stage
    head: str
    older: Path
    other: Path
    record: Path = field(init=False)

    def __post_init__(self) -> None:
        self.record = Project(self.stage.root).record

    def file(self, name: str) -> Path:
        return self.record / "record.db" if name == "record.db" else self.stage.root / name

    def edit(self, name: str, change: Callable[[list[bytes]], list[bytes]]) -> None:
        path = self.file(name)
        is_packed = path.suffix == ".gz"
        data = gzip.decompress(path.read_bytes()) if is_packed else path.read_bytes()
        made = b"".join(change(data.splitlines(keepends=True)))
        assert made != data
        path.write_bytes(gzip.compress(made) if is_packed else made)

    def execute(self, statement: str) -> None:
        with sqlite3.connect(self.file("record.db")) as connection:
            assert connection.execute(statement).rowcount == 1
        connection.close()

    def put_record(self, of: Path) -> None:
        shutil.rmtree(self.record)
        copied(of, self.record)


def history(stage: Stage, *stems: str) -> None:
    for stem in stems:
        stage.put(stem, "append-history", mission=SLUG, wp="WP01", actor="ada", note=f"note {stem}")
    assert stage.run("mailbox", "serve", "--once").exit_code == 0


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project in `demo`, an earlier copy of its record in `older`, and another project in `other`."""
    made = tmp_path_factory.mktemp("templates")
    for name in ("demo", "other"):
        (made / name).mkdir()
        stage = Stage(root=made / name)
        stage.make_repository()
        stage.write_mission({"WP01": {}})
        history(stage, "one", "two", "three")
    stage = Stage(root=made / "demo")
    copied(Project(stage.root).record, made / "older")
    # As the host does with a part that is long enough.
    (stage.root / JOURNAL).rename(stage.root / ".kitty/outbox/journal-1.jsonl")
    (stage.root / ".kitty/config.toml").write_text("journal_max_bytes = 0\n")
    history(stage, "four", "five")
    assert stage.run("mailbox", "prune", "--yes").exit_code == 0
    (made / "head").write_bytes(stage.run("mailbox", "head").stdout)
    return made


@pytest.fixture
def scene(templates: Path, tmp_path: Path) -> Scene:
    root = copied(templates / "demo", tmp_path / "demo")
    head = (templates / "head").read_text().strip()
    other = Project(templates / "other").record
    return Scene(stage=Stage(root=root), head=head, older=templates / "older", other=other)


def replaced(old: bytes, new: bytes) -> Callable[[list[bytes]], list[bytes]]:
    return lambda lines: [it.replace(old, new) for it in lines]


AS_EVE = (
    "UPDATE entry SET published = CAST(replace(CAST(published AS TEXT), 'ada', 'eve') AS BLOB)"
    " WHERE seq = 2"
)
Tampering = tuple[Callable[[Scene], object], str, str, str]
"""What is done; the reported file and text; the advice."""

TAMPERINGS: dict[str, Tampering] = {
    "a line of the journal changed": (
        lambda it: it.edit(JOURNAL, replaced(b'"ada"', b'"eve"')),
        f"{JOURNAL}:1",
        "is not what the host wrote",
        FIX,
    ),
    "a line of the journal removed": (
        lambda it: it.edit(JOURNAL, lambda lines: lines[1:]),
        f"{JOURNAL}:1",
        "line 4 is missing",
        FIX,
    ),
    "lines of the journal in another order": (
        lambda it: it.edit(JOURNAL, lambda lines: lines[::-1]),
        f"{JOURNAL}:2",
        "line 5 stands behind line 6",
        FIX,
    ),
    "a reply changed": (
        lambda it: it.edit(".kitty/outbox/two.json", replaced(b"true", b"false")),
        ".kitty/outbox/two.json",
        "is not the answer in journal line 2",
        FIX,
    ),
    "an archive changed": (
        lambda it: it.edit(ARCHIVE, replaced(b'"ada"', b'"eve"')),
        f"{ARCHIVE}:1",
        "is not what the host wrote",
        FIX,
    ),
    "an archive without its last line": (
        lambda it: it.edit(ARCHIVE, lambda lines: lines[:-1]),
        ARCHIVE,
        "ends too early: line 3 is missing",
        FIX,
    ),
    "an archive cut": (
        lambda it: it.file(ARCHIVE).write_bytes(it.file(ARCHIVE).read_bytes()[:-40]),
        ARCHIVE,
        "cannot be unpacked",
        FIX,
    ),
    "the log of a mission changed": (
        lambda it: it.edit(LOG, replaced(b"note four", b"note 4")),
        f"{LOG}:4",
        "is not what the host wrote",
        FIX,
    ),
    "a row of the record changed": (
        lambda it: it.execute(AS_EVE),
        "record.db",
        "is not what was committed",
        RESTORE,
    ),
    "a row of the record removed": (
        lambda it: it.execute("DELETE FROM entry WHERE seq = 2"),
        "record.db",
        "was removed",
        RESTORE,
    ),
    "an older copy of the record": (
        lambda it: it.put_record(it.older),
        "spec-kitty",
        "ends at line 3 of the journal",
        FIX,
    ),
    "the record of another project": (
        lambda it: it.put_record(it.other),
        "spec-kitty",
        OTHER,
        "put the project's own record back",
    ),
}
IN_THE_RECORD = [it for it in TAMPERINGS if "record" in it]


@pytest.mark.parametrize("what", TAMPERINGS)
def test_verify_and_doctor_report_tampering(scene: Scene, what: str) -> None:
    do, file, said, advice = TAMPERINGS[what]
    do(scene)

    verified = scene.stage.run("mailbox", "verify")
    assert (verified.exit_code, said in verified.stdout.decode()) == (1, True), verified
    assert b"next: spec-kitty doctor" in verified.stderr

    report = scene.stage.run("doctor")
    lines = report.stdout.decode().splitlines()
    (number,) = (at for at, it in enumerate(lines) if file in it and said in it)
    assert (report.exit_code, advice in lines[number + 1]) == (1, True), lines

    if what in IN_THE_RECORD:
        compared = scene.stage.run("mailbox", "head", "--expect", scene.head)
        assert compared.exit_code == 1
        assert b"next: spec-kitty doctor" in compared.stderr


def test_doctor_rewrites_a_changed_archive_and_keeps_the_former_one(scene: Scene) -> None:
    before = gzip.decompress(scene.file(ARCHIVE).read_bytes())
    scene.edit(ARCHIVE, lambda lines: lines[1:])

    repaired = scene.stage.run("doctor", "--fix").stdout.decode()
    assert f"{ARCHIVE}:1: repaired: wrote the archived part again" in repaired

    assert gzip.decompress(scene.file(ARCHIVE).read_bytes()) == before
    assert [*Project(scene.stage.root).attic.rglob("journal-1.jsonl.gz")]
