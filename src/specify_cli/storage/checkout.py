"""The branch and the operation in progress of a project's checkout, from git's files.

Source: gitrepository-layout(5), git-bisect(1), git-rebase(1).
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from specify_cli.files.regular_files import NotRegular, TooLarge, read_regular
from specify_cli.files.stamps import FileStamp, stamp
from specify_cli.storage import git_folders
from specify_cli.storage.log_comparison import Comparison
from specify_cli.storage.record_entries import KnownMission

_HEAD: Final = "HEAD"
_REF: Final = "ref: "
_BRANCHES: Final = "refs/heads/"
_REFTABLE: Final = "reftable"
_MOST_BYTES: Final = 256 * 1024 * 1024
_known: Final[dict[Path, tuple[tuple[FileStamp | None, ...], Checkout]]] = {}
"""The state of each checkout, valid while its stamps are the same."""

_OPERATIONS: Final = {
    "MERGE_HEAD": "merge",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
    "BISECT_LOG": "bisect",
}


class Checkout(NamedTuple):
    """The branch, or the commit of a detached HEAD; and the operation in progress."""

    git_folder: Path
    branch: str
    operation: str = ""

    def has_branch(self, name: str) -> bool:
        """Whether the repository has a branch of that name, as far as its files show."""
        common = git_folders.common(self.git_folder)
        if os.path.lexists(common / _REFTABLE) or os.path.lexists(common / _BRANCHES / name):
            return True
        try:
            packed = read_regular(common / "packed-refs", max_bytes=_MOST_BYTES)
        except (OSError, NotRegular, TooLarge):
            return False
        return os.fsencode(f" {_BRANCHES}{name}\n") in packed


def look(root: Path) -> Checkout | None:
    """Return the state of the checkout that contains `root`; None if there is none."""
    git_folder = git_folders.around(root)
    if git_folder is None:
        return None
    seen = _seen(git_folder)
    known = _known.get(git_folder)
    if known is not None and known[0] == seen:
        return known[1]
    found = _read(git_folder)
    if found is not None and all(it and it.is_settled for it in seen) and seen == _seen(git_folder):
        _known[git_folder] = seen, found
    return found


def _seen(git_folder: Path) -> tuple[FileStamp | None, ...]:
    """Return stamps that change when HEAD moves, or an operation begins or ends."""
    with suppress(OSError):
        return stamp(git_folder), stamp(f"{git_folder}/{_HEAD}")
    return (None,)


def _read(git_folder: Path) -> Checkout | None:
    try:
        head = os.fsdecode(
            read_regular(git_folder / _HEAD, max_bytes=git_folders.MAX_LINK_BYTES)
        ).strip()
    except (OSError, NotRegular, TooLarge):
        return None
    found = (what for name, what in _OPERATIONS.items() if os.path.lexists(f"{git_folder}/{name}"))
    branch = head.removeprefix(_REF).removeprefix(_BRANCHES)
    return Checkout(git_folder=git_folder, branch=branch, operation=next(found, ""))


def hindrance(found: Comparison, known: KnownMission, at: Checkout | None, *, new: int = 0) -> str:
    """Describe why the file of a log is not written; empty if it may be.

    `new` is the number of lines committed since `found` was compared.
    """
    if found.changed or found.damaged:
        return "because a line of it was changed"
    if at is None or found.is_same:
        return ""
    if at.operation:
        return f"because a {at.operation} is under way"
    is_elsewhere = known.branch not in (None, at.branch) and len(found.missing) > new
    # A deleted branch cannot be checked out again; a detached commit is not a branch.
    if is_elsewhere and at.has_branch(known.branch or ""):
        return f"because it was last written on {known.branch}, and {at.branch} is checked out"
    return ""
