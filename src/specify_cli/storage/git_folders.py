"""Read repositories from their files without running git, whose variables may name another one.

Source: gitrepository-layout(5).
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final, TypeAlias

from specify_cli.files.regular_files import NotRegular, TooLarge, read_regular
from specify_cli.files.stamps import FileStamp, stamp
from specify_cli.patterns import pattern

GIT = ".git"
MAX_LINK_BYTES = 64 * 1024
MAX_CONFIG_BYTES = 1024 * 1024
MAX_REFS_BYTES = 256 * 1024 * 1024

_SECTION = pattern(r"^[ \t]*\[[ \t]*", re.MULTILINE)
_SETTING = pattern(
    r"^[ \t]*(bare|worktree|sharedrepository)\b[ \t]*([^\r\n]*)", re.IGNORECASE | re.MULTILINE
)


Mark: TypeAlias = tuple[int, int]
"""Device and inode of a git folder."""

_OBJECT: Final = pattern("[0-9a-f]{40}|[0-9a-f]{64}")
_packed_refs: Final[dict[Path, tuple[FileStamp, dict[bytes, str]]]] = {}
_around: Final[dict[Path, tuple[Mark, Path]]] = {}


def mark(folder: Path) -> Mark | None:
    """Return a value that changes if another folder becomes `folder/.git`; None if it is not a folder."""
    try:
        status = os.stat(f"{folder}/{GIT}/.")
    except OSError:
        return None
    return status.st_dev, status.st_ino


def around(folder: Path) -> Path | None:
    """Return the git folder of the checkout that contains `folder`; None if there is none."""
    now = mark(folder)
    known = _around.get(folder)
    if now is not None and known is not None and known[0] == now:
        return known[1]
    found = next(filter(None, map(of, (folder, *folder.parents))), None)
    if now is not None and found is not None:
        _around[folder] = now, found
    return found


def of(folder: Path) -> Path | None:
    """Return the folder that `folder/.git` is or names; None if there is none."""
    try:
        link = Path(os.path.realpath(folder / GIT))
        if os.path.isdir(link):
            return link
        text = os.fsdecode(read_regular(link, max_bytes=MAX_LINK_BYTES))
        # Keep the name: a link in place of the last folder must not lead elsewhere.
        named = os.path.normpath(folder / text.removeprefix("gitdir:").strip())
    except (OSError, ValueError, NotRegular, TooLarge):  # It is missing, or cannot name a folder.
        return None
    return Path(named) if os.path.isdir(named) else None


def common(folder: Path) -> Path:
    """Return the git folder that all checkouts share, from the git folder of one of them."""
    try:
        text = os.fsdecode(read_regular(folder / "commondir", max_bytes=MAX_LINK_BYTES))
    except (OSError, NotRegular, TooLarge):
        return folder
    return Path(os.path.normpath(folder / text.strip()))


class NotInFiles(LookupError):
    """Only git can tell which commit the branch is at."""


def branch_tip(common_folder: Path, name: str) -> str | None:
    """Return the commit of a branch from its ref files; None if there is no such branch.

    Source: gitrepository-layout(5), git-pack-refs(1).

    Raises:
        NotInFiles: it is a symbolic ref, refs have another format, or the files cannot be read.
    """
    if os.path.lexists(f"{common_folder}/reftable"):
        raise NotInFiles
    ref = f"refs/heads/{name}"
    try:
        text = read_regular(common_folder / ref, max_bytes=MAX_LINK_BYTES)
    except FileNotFoundError:
        return _packed(common_folder).get(os.fsencode(ref))
    except (OSError, NotRegular, TooLarge) as error:
        raise NotInFiles from error
    commit = os.fsdecode(text.strip())
    if not _OBJECT.fullmatch(commit):
        raise NotInFiles
    return commit


def _packed(common_folder: Path) -> dict[bytes, str]:
    path = common_folder / "packed-refs"
    try:
        seen = stamp(path)
        known = _packed_refs.get(path)
        if known is not None and known[0] == seen:
            return known[1]
        lines = read_regular(path, max_bytes=MAX_REFS_BYTES).splitlines() if seen else []
    except (OSError, NotRegular, TooLarge) as error:
        raise NotInFiles from error
    pairs = (line.split(b" ", 1) for line in lines if b" " in line and line[:1] not in b"#^")
    refs = {ref: os.fsdecode(commit) for commit, ref in pairs}
    if seen is not None and seen.is_settled:
        _packed_refs[path] = seen, refs
    return refs


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
