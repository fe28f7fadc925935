from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from specify_cli.storage.dead_letters import look_at


def test_look_at_reads_the_beginning_of_a_regular_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"some words")
    look = look_at(tmp_path / "a", max_bytes=4)
    assert (look.kind, look.size, look.head) == ("regular file", 10, b"some")


def test_look_at_does_not_read_the_target_of_a_link(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "a").symlink_to("secret")
    look = look_at(tmp_path / "a", max_bytes=100)
    assert (look.kind, look.head) == ("symbolic link", b"")


def test_look_at_does_not_read_a_file_with_several_hard_links(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "a").hardlink_to(tmp_path / "secret")
    look = look_at(tmp_path / "a", max_bytes=100)
    assert "2 hard links" in look.kind
    assert look.head == b""


def test_look_at_does_not_follow_a_link_that_replaces_the_file_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    path, real = tmp_path / "a", os.open
    path.write_bytes(b"harmless")

    def swap_before_opening(name: Path, flags: int, *more: Any) -> int:
        path.unlink()
        path.symlink_to("secret")
        return real(name, flags, *more)

    monkeypatch.setattr(os, "open", swap_before_opening)
    with pytest.raises(OSError, match=r"(?i)symbolic link"):
        look_at(path, max_bytes=100)
