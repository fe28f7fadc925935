"""A secret in an answer that was pruned from the record is redacted in the journal and in the archive."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from specify_cli.mailbox.layout import MailboxLayout
from specify_cli.storage import records
from specify_cli.storage.journal import Journal
from specify_cli.storage.journal_files import MOST_UNPACKED
from specify_cli.storage.layout import Layout
from tests.integration.record.test_redact import SECRET, holders, redact
from tests.integration.stage import SLUG, Stage
from tests.unit.storage.test_record_retention import change, read

OTHER = "another secret"


@pytest.fixture
def pruned(stage: Stage) -> Stage:
    """Two old reads contain the secret; they are only in the archive."""
    stage.write_mission({"WP01": {}})
    MailboxLayout(stage.root).ensure()
    config = stage.root / ".kitty" / "config.toml"
    config.write_text("journal_max_bytes = 0\n")
    config.chmod(0o644)
    journal = Journal(Layout(stage.root), max_bytes=3000)
    data = {"text": f"see {SECRET}", "more": OTHER}
    for name in ("r0", "r1"):
        journal.append(read(name, at="2023-01-01", data=data))
    for number in range(4):
        journal.append(change(f"c{number}"))
    done = stage.run("mailbox", "prune", "--yes")
    assert done.exit_code == 0, done
    assert journal.find("r0", "nightly") is None
    return stage


def in_archive(stage: Stage) -> bytes:
    parts = sorted((stage.root / ".kitty" / "archive").glob("*.gz"))
    assert parts
    return b"".join(gzip.decompress(it.read_bytes()) for it in parts)


def test_pruned_read_is_redacted_in_the_archive(pruned: Stage) -> None:
    assert in_archive(pruned).count(b"lan-4711") == 2
    done = redact(pruned, "r0")
    assert done.exit_code == 0, done
    assert b"still in r1; next: spec-kitty redact --reason 'a password' r1" in done.stderr
    assert redact(pruned, "r1").exit_code == 0
    assert b"lan-4711" not in in_archive(pruned)
    # A second text of the same line; the record keeps neither.
    assert redact(pruned, "r0", secret=OTHER).exit_code == 0
    assert redact(pruned, "r1", secret=OTHER).exit_code == 0
    assert OTHER.encode() not in in_archive(pruned)
    assert not holders(pruned)
    assert not [it for it in pruned.root.rglob("*.db*") if OTHER.encode() in it.read_bytes()]
    verified = pruned.run("mailbox", "verify")
    assert (verified.exit_code, verified.stdout) == (0, b""), verified
    again = redact(pruned, "r0")
    assert again.exit_code == 0, again


def test_part_that_is_both_published_and_archived_is_redacted_in_both(pruned: Stage) -> None:
    archive = pruned.root / ".kitty" / "archive"
    for part in archive.glob("*.gz"):
        place = pruned.root / ".kitty" / "outbox" / part.name.removesuffix(".gz")
        place.write_bytes(gzip.decompress(part.read_bytes()))
    assert redact(pruned, "r0").exit_code == 0
    assert redact(pruned, "r1").exit_code == 0
    assert b"lan-4711" not in in_archive(pruned)
    assert not holders(pruned)


def test_verify_checks_a_redacted_read_after_it_was_pruned(stage: Stage) -> None:
    stage.write_mission({"WP01": {}})
    stage.put("read", "mission-state", mission=SLUG)
    assert stage.run("mailbox", "serve", "--once").exit_code == 0
    assert redact(stage, "read", secret="supervised").exit_code == 0
    config = stage.root / ".kitty" / "config.toml"
    config.write_text("reads_max_bytes = 0\njournal_max_bytes = 0\n")
    config.chmod(0o644)
    reply = stage.root / ".kitty" / "outbox" / "read.json"
    reply.unlink()
    assert stage.run("mailbox", "prune", "--yes").exit_code == 0
    record = records.found(Layout(stage.root))
    assert record is not None
    assert record.find("read") is None
    verified = stage.run("mailbox", "verify")
    assert (verified.exit_code, verified.stdout) == (0, b""), verified
    part = next(it for it in _parts(stage) if b'"redacted":"sha256:' in _bytes_of(it))
    forged = _bytes_of(part).replace(b"mission-state", b"mission-stete")
    part.write_bytes(gzip.compress(forged) if part.suffix == ".gz" else forged)
    assert stage.run("mailbox", "verify").exit_code == 1


def test_archive_that_cannot_be_unpacked_is_named_and_kept(pruned: Stage) -> None:
    part = sorted((pruned.root / ".kitty" / "archive").glob("*.gz"))[0]
    broken = part.read_bytes()[:-9]
    part.write_bytes(broken)
    told = redact(pruned, "c0", secret="planned")
    assert told.exit_code == 0, told
    assert f"still in the host's file {part}".encode() in told.stderr
    assert part.read_bytes() == broken


@pytest.mark.long
def test_archive_that_unpacks_beyond_the_limit_is_named_and_kept(pruned: Stage) -> None:
    part = sorted((pruned.root / ".kitty" / "archive").glob("*.gz"))[0]
    bomb = gzip.compress(b"x" * (MOST_UNPACKED + 1), compresslevel=1)
    part.write_bytes(bomb)
    aside = Layout(pruned.root).attic / part.name
    aside.parent.mkdir(exist_ok=True)
    aside.write_bytes(bomb)
    told = redact(pruned, "c0", secret="planned")
    assert told.exit_code == 0, told
    for path in (part, aside):
        assert f"still in the host's file {path}".encode() in told.stderr
        assert path.read_bytes() == bomb
    for words, between in ((("mailbox", "verify"), ""), (("doctor",), ": error:")):
        named = pruned.run(*words)
        assert named.exit_code == 1, named
        assert f"{part.name}{between} cannot be unpacked".encode() in named.stdout, named
    tailed = pruned.run("mailbox", "tail", "-n", "999", "--no-follow")
    assert tailed.exit_code == 0, tailed


def test_archive_in_the_attic_is_redacted(pruned: Stage) -> None:
    attic = Layout(pruned.root).attic / "01JD8Z6W3M4Y6T1F8B2Q5R7X9N"
    attic.mkdir(parents=True)
    part = sorted((pruned.root / ".kitty" / "archive").glob("*.gz"))[0]
    aside = attic / part.name
    aside.write_bytes(part.read_bytes())
    assert b"lan-4711" in gzip.decompress(aside.read_bytes())
    assert redact(pruned, "r0").exit_code == 0
    assert b"lan-4711" not in gzip.decompress(aside.read_bytes())


def _parts(stage: Stage) -> list[Path]:
    return [*(stage.root / ".kitty").glob("*/journal*")]


def _bytes_of(part: Path) -> bytes:
    data = part.read_bytes()
    return gzip.decompress(data) if part.suffix == ".gz" else data
