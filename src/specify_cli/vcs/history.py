"""Commits and differences, as somebody who reviews them wants to read them.

What commits hold is hostile: nothing of their attributes or of anybody's settings starts a program.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from specify_cli.vcs.git import Git

MOST_DIFF: Final = 4 * 1024 * 1024
"""Bytes of a difference that are shown."""

_FORMAT: Final = "--format=tformat:%H%x00%an%x00%aI%x00%s"
_FIELDS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitSummary:
    """One commit in a line."""

    commit: str
    author: str
    at: str
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What differs between two commits, as text; `is_cut` where that is longer."""

    text: str
    is_cut: bool


def summaries(git: Git, commits: Sequence[str]) -> list[CommitSummary]:
    """The commits in a line each, in order.

    Raises:
        GitFailed: git cannot read one of them.
    """
    if not commits:
        return []
    listed = "".join(f"{commit}\n" for commit in commits).encode()
    flags = ("--no-walk=unsorted", "--no-show-signature", "--no-color", "--encoding=UTF-8", "-z")
    found = [
        _text(os.fsencode(it))
        for it in git.run("log", *flags, _FORMAT, "--stdin", input=listed).fields
    ]
    rows = (found[at : at + _FIELDS] for at in range(0, len(found), _FIELDS))
    return [CommitSummary(commit=it[0], author=it[1], at=it[2], subject=it[3]) for it in rows]


def difference(git: Git, base: str, commit: str) -> Difference:
    """What differs between the commits, its first `MOST_DIFF` bytes.

    Raises:
        GitFailed: git cannot read one of them.
    """
    flags = ("--no-ext-diff", "--no-textconv", "--no-color", "--submodule=short", "-M")
    with tempfile.TemporaryFile() as file:
        git.run("diff-tree", "-r", "-p", *flags, base, commit, "--", output=file)
        file.seek(0)
        raw = file.read(MOST_DIFF + 1)
    return Difference(text=_text(raw[:MOST_DIFF]), is_cut=len(raw) > MOST_DIFF)


def pager(git: Git) -> str | None:
    """The pager of the user's own configuration, never that of the repository; None without one.

    Raises:
        GitFailed: there is no git.
    """
    for scope in ("--global", "--system"):
        query = ("--includes", "--null", "--get", "core.pager")
        found = git.run("config", scope, *query, check=False).fields
        if found:
            return found[0]
    return None


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
