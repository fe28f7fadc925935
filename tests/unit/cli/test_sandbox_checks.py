from __future__ import annotations

import os
from pathlib import Path

import pytest

from specify_cli.cli import sandbox_checks


def test_an_inbox_whose_files_cannot_be_synced_fails_the_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("inbox", "outbox"):
        (tmp_path / name).mkdir()

    def refuse(descriptor: int) -> None:
        raise OSError("no sync here")

    monkeypatch.setattr(os, "fsync", refuse)
    found = sandbox_checks.all_of(str(tmp_path))
    assert [one.verdict for one in found if one.check == "inbox"] == [sandbox_checks.NO]
    assert list((tmp_path / "inbox").iterdir()) == []
