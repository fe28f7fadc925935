"""Tests of the identity of folders."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from specify_cli.files.identity import Identity, identity


def test_the_identity_of_a_folder_is_its_device_and_inode(tmp_path: Path) -> None:
    found = tmp_path.stat()
    assert identity(tmp_path) == Identity(device=found.st_dev, inode=found.st_ino)


@pytest.mark.parametrize("kind", ["link", "file", "pipe", "nothing"])
def test_only_a_folder_has_an_identity(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "entry"
    if kind == "link":
        path.symlink_to(tmp_path)
    elif kind == "file":
        path.touch()
    elif kind == "pipe":
        os.mkfifo(path)
    assert identity(path) is None
