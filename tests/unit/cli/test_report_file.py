"""The file of a report is private and complete, and never replaces another file."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from specify_cli.cli import report_file
from specify_cli.errors import UsageError

REPORT = b"<!doctype html>" + report_file.MARK


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_report_is_private_and_a_replaced_one_keeps_its_mode(tmp_path: Path):
    path = tmp_path / "report.html"
    report_file.write(path, REPORT, force=False)
    assert mode(path) == 0o600
    path.chmod(0o640)
    report_file.write(path, REPORT + b"new", force=False)
    assert path.read_bytes() == REPORT + b"new"
    assert mode(path) == 0o640
    assert [*tmp_path.iterdir()] == [path]


def test_replacing_a_report_of_another_user_does_not_keep_its_mode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "report.html"
    path.write_bytes(REPORT)
    path.chmod(0o666)
    theirs = path.stat().st_uid
    monkeypatch.setattr("os.geteuid", lambda: theirs + 1)
    report_file.write(path, REPORT + b"new", force=False)
    assert mode(path) == 0o600


def test_a_file_that_is_not_a_report_is_replaced_only_by_force(tmp_path: Path):
    path = tmp_path / "notes.html"
    path.write_text("notes")
    with pytest.raises(UsageError, match="--force"):
        report_file.write(path, REPORT, force=False)
    assert path.read_text() == "notes"
    report_file.write(path, REPORT, force=True)
    assert path.read_bytes() == REPORT


@pytest.mark.parametrize("kind", ["link", "folder", "fifo"])
def test_only_a_regular_file_is_replaced(tmp_path: Path, kind: str):
    path, other = tmp_path / "report.html", tmp_path / "other"
    other.write_bytes(REPORT)
    if kind == "link":
        path.symlink_to(other)
    elif kind == "folder":
        path.mkdir()
    else:
        os.mkfifo(path)
    with pytest.raises(UsageError, match="not a regular file"):
        report_file.write(path, b"new", force=True)
    assert other.read_bytes() == REPORT


def test_a_missing_folder_is_refused(tmp_path: Path):
    with pytest.raises(UsageError, match="there is no folder "):
        report_file.require_replaceable(tmp_path / "gone" / "report.html", force=True)
