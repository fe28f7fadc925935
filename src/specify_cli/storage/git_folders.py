"""Repositories as they are found on the disk, without running git, whose variables may name another.

Source: gitrepository-layout(5).
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from specify_cli.files.regular import NotRegular, TooLarge, read_regular
from specify_cli.patterns import pattern

GIT = ".git"
MAX_LINK_BYTES = 64 * 1024
MAX_CONFIG_BYTES = 1024 * 1024

_SECTION = pattern(r"^[ \t]*\[[ \t]*", re.MULTILINE)
_SETTING = pattern(
    r"^[ \t]*(bare|worktree|sharedrepository)\b[ \t]*([^\r\n]*)", re.IGNORECASE | re.MULTILINE
)


def of(folder: Path) -> Path | None:
    """The folder that `folder/.git` is, or names; None where it is neither."""
    try:
        link = Path(os.path.realpath(folder / GIT))
        if os.path.isdir(link):
            return link
        text = os.fsdecode(read_regular(link, max_bytes=MAX_LINK_BYTES))
        # By its name: a link in place of the last folder must not lead elsewhere.
        named = os.path.normpath(folder / text.removeprefix("gitdir:").strip())
    except (OSError, ValueError, NotRegular, TooLarge):  # Not there, or it cannot name a folder.
        return None
    return Path(named) if os.path.isdir(named) else None


def common(folder: Path) -> Path:
    """The git folder that all checkouts of a repository share, of the one whose git folder this is."""
    try:
        text = os.fsdecode(read_regular(folder / "commondir", max_bytes=MAX_LINK_BYTES))
    except (OSError, NotRegular, TooLarge):
        return folder
    return Path(os.path.normpath(folder / text.strip()))


def core_settings(git_folder: Path) -> dict[str, str]:
    """What the section `core` of a repository says, as written. Runs no git: every command asks."""
    found: dict[str, str] = {}
    # With `extensions.worktreeConfig`, git moves these settings to the second file.
    for name in ("config", "config.worktree"):
        try:
            text = os.fsdecode(read_regular(git_folder / name, max_bytes=MAX_CONFIG_BYTES))
        except (OSError, NotRegular, TooLarge):
            continue
        core = [part[5:] for part in _SECTION.split(text) if part[:5].lower() == "core]"]
        found |= {key.lower(): value for part in core for key, value in _SETTING.findall(part)}
    return found
