"""Tests of writing and extracting the file of a backup."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from specify_cli.errors import StateUnreadable, UsageError
from specify_cli.storage import backup_file
from specify_cli.storage.backup_file import Content
from specify_cli.storage.record_heads import RecordHead

HEAD = RecordHead("01JD7Z3V6Q2N8K4M5P9R0S1T2V", 7, "0" * 64)
RECORD = b"record\n" * 100
PART = "journal/journal-1.jsonl"


def content(name: str, data: bytes) -> Content:
    return Content(name, io.BytesIO(data), len(data))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.backup"
    contents = [content("record.db", RECORD), content(PART, b"{}\n")]
    backup_file.write(path, contents, at="2026-11-30", version="0.2.0", head=HEAD)
    return path


def extracted(path: Path) -> dict[str, bytes]:
    into = path.with_name("into")
    into.mkdir()
    backup_file.extract(path, into)
    return {str(it.relative_to(into)): it.read_bytes() for it in into.rglob("*") if it.is_file()}


def test_a_backup_is_extracted_as_it_was_written(file: Path) -> None:
    assert file.stat().st_mode & 0o777 == 0o600
    assert extracted(file) == {"record.db": RECORD, PART: b"{}\n"}
    assert [it.name for it in file.parent.iterdir()] in (
        [file.name, "into"],
        ["into", file.name],
    )


def test_tar_lists_the_members_of_a_backup(file: Path) -> None:
    with tarfile.open(file) as archive:
        assert archive.getnames() == ["manifest.json", "record.db", PART]


def test_writing_a_backup_refuses_to_replace_a_file(file: Path) -> None:
    with pytest.raises(UsageError, match="exists"):
        backup_file.write(file, [content("record.db", b"")], at="", version="", head=HEAD)
    assert extracted(file)["record.db"] == RECORD


def member(name: str, data: bytes = b"", **header: Any) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for key, value in header.items():
        setattr(info, key, value)
    return info.tobuf(tarfile.GNU_FORMAT) + data + bytes(-len(data) % 512)


def manifest(*files: tuple[str, bytes], **more: Any) -> bytes:
    said = {"format": 1, "at": "", "version": "", "head": str(HEAD)} | more
    said["files"] = more.get("files") or [
        {"name": name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in files
    ]
    return member("manifest.json", json.dumps(said).encode())


END = bytes(1024)
DB = ("record.db", RECORD)
HUGE = [{"name": "record.db", "bytes": 2**60, "sha256": "0" * 64}]
HOSTILE: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "no manifest": lambda: member(*DB) + END,
    "a manifest that is not JSON": lambda: member("manifest.json", b"{" * 100_000) + END,
    "a newer format": lambda: manifest(DB, format=2) + member(*DB) + END,
    "no record": lambda: manifest((PART, b"")) + member(PART) + END,
    "a parent folder": lambda: manifest(DB, ("../x", b"x")) + member(*DB) + member("../x", b"x"),
    "an absolute path": lambda: manifest(DB, ("/x", b"x")) + member(*DB) + member("/x", b"x"),
    "a parent folder in a known folder": lambda: manifest(DB, ("journal/../x", b"")) + member(*DB),
    "a duplicate name": lambda: manifest(DB, DB) + 2 * member(*DB) + END,
    "a link": lambda: (
        manifest(DB) + member("record.db", type=tarfile.SYMTYPE, linkname="/etc/passwd") + END
    ),
    "a hard link": lambda: (
        manifest(DB) + member("record.db", type=tarfile.LNKTYPE, linkname="/etc/passwd") + END
    ),
    "a device": lambda: manifest(DB) + member("record.db", type=tarfile.BLKTYPE) + END,
    "a FIFO": lambda: manifest(DB) + member("record.db", type=tarfile.FIFOTYPE) + END,
    "a folder": lambda: manifest(DB) + member("record.db", type=tarfile.DIRTYPE) + END,
    "an extended header": lambda: (
        manifest(DB) + member("x", b"11 path=/x\n", type=tarfile.XHDTYPE) + member(*DB) + END
    ),
    "a long name": lambda: manifest(DB) + member("y" * 300) + member(*DB) + END,
    "a size larger than the disk": lambda: manifest(files=HUGE) + member("record.db", size=2**60),
    "a config that is too large": lambda: manifest(
        DB, files=[*HUGE, {"name": "config.toml", "bytes": 2**21, "sha256": ""}]
    ),
    "a size below zero": lambda: manifest(files=[{"name": "record.db", "bytes": -1, "sha256": ""}]),
    "a wrong size": lambda: manifest(DB) + member("record.db", b"x") + END,
    "wrong content": lambda: manifest(DB) + member("record.db", RECORD[::-1]) + END,
    "a member that the manifest lacks": lambda: (
        manifest(DB) + member(*DB) + member(PART, b"x") + END
    ),
    "a wrong checksum of a header": lambda: manifest(DB) + b"x" + member(*DB)[1:] + END,
    "a truncated member": lambda: manifest(DB) + member(*DB)[:600],
    "zeros without end": lambda: manifest(DB) + member(*DB) + bytes(2**20),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_extract_refuses_a_hostile_archive(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.backup"
    path.write_bytes(gzip.compress(HOSTILE[name]()))
    with pytest.raises(StateUnreadable, match="is not a whole backup"):
        extracted(path)
    assert {it.name for it in tmp_path.iterdir()} == {"a.backup", "into"}
    found = [it for it in (tmp_path / "into").rglob("*") if it.is_file()]
    assert all(not it.is_symlink() and it.stat().st_size <= len(RECORD) for it in found)


@pytest.mark.parametrize("cut", [0, 1, 30, -9, -1])
def test_extract_refuses_a_truncated_archive(file: Path, cut: int) -> None:
    file.write_bytes(file.read_bytes()[:cut])
    with pytest.raises(StateUnreadable):
        extracted(file)


def test_extract_refuses_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(UsageError, match="cannot read"):
            backup_file.extract(path, tmp_path)
