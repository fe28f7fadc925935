"""Show commits and differences for a review.

The content of commits is hostile: neither attributes nor settings may start a program.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from specify_cli.patterns import pattern
from specify_cli.vcs.git import Git

MOST_DIFF: Final = 4 * 1024 * 1024
"""The most bytes of a difference that are shown."""

MOST_READ: Final = 64 * 1024 * 1024
"""The most bytes of a difference that are read from git, binary files included."""

_PLAIN: Final = (
    *("-M", "-l1000", "--no-color", "--submodule=short"),
    *("--no-ext-diff", "--no-textconv", "--ignore-submodules=none"),
)
# An attribute or setting that declares a file binary would hide its content.
_WHOLE: Final = ("diff-tree", "-r", "-p", *_PLAIN, "--text")
_SUMMARY: Final = ("diff-tree", "-r", "--stat=100", *_PLAIN)
_FILE: Final = pattern(rb"^(?=diff --git )", re.MULTILINE)
_HUNK: Final = pattern(rb"^(?=@@ )", re.MULTILINE)
_ENDS: Final = pattern(rb"^--- (.*)\n\+\+\+ (.*)\n", re.MULTILINE)
_LOOKED_AT: Final = 8000
"""A NUL within so many bytes makes a file binary. Source: git, xdiff-interface.c."""

_FORMAT: Final = "--format=tformat:%H%x00%an%x00%aI%x00%s"
_FIELDS: Final = 4
_MOST_LISTED: Final = 16 * 1024 * 1024
_MOST_TEXT: Final = 1000
"""The most characters of an author or a subject; a commit may have millions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitSummary:
    """One commit in a line."""

    commit: str
    author: str
    at: str
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffText:
    """What git prints about the changes between two commits; `is_cut` if only its beginning is given."""

    text: str
    is_cut: bool


def summaries(git: Git, commits: Sequence[str]) -> list[CommitSummary]:
    """Return a summary of each commit, in order; not all where git prints more than 16 MiB.

    Raises:
        GitFailed: git cannot read one of them.
    """
    if not commits:
        return []
    listed = "".join(f"{commit}\n" for commit in commits).encode()
    flags = ("--no-walk=unsorted", "--no-show-signature", "--no-color", "--encoding=UTF-8", "-z")
    found = [
        _text(os.fsencode(it))[:_MOST_TEXT]
        for it in git.run(
            "log", *flags, _FORMAT, "--stdin", input=listed, enough=_MOST_LISTED
        ).fields
    ]
    whole = len(found) - len(found) % _FIELDS
    rows = (found[at : at + _FIELDS] for at in range(0, whole, _FIELDS))
    return [CommitSummary(commit=it[0], author=it[1], at=it[2], subject=it[3]) for it in rows]


def difference(git: Git, base: str, commit: str) -> DiffText:
    """Return the first `MOST_DIFF` bytes of the difference; binary files are only named.

    Raises:
        GitFailed: git cannot read one of them.
    """
    raw = git.run(*_WHOLE, base, commit, "--", enough=MOST_READ).stdout
    text = b"".join(_without_binary(part) for part in _FILE.split(raw))
    is_cut = len(raw) > MOST_READ or len(text) > MOST_DIFF
    return DiffText(text=_text(text[:MOST_DIFF]), is_cut=is_cut)


def summary(git: Git, base: str, commit: str) -> DiffText:
    """Return the number of changed lines of each file, and their sums.

    Raises:
        GitFailed: git cannot read one of them.
    """
    raw = git.run(*_SUMMARY, base, commit, "--", enough=MOST_DIFF).stdout
    return DiffText(text=_text(raw[:MOST_DIFF]), is_cut=len(raw) > MOST_DIFF)


def _without_binary(file: bytes) -> bytes:
    """Return what git prints about one file, with binary content left out."""
    head, *hunks = _HUNK.split(file, maxsplit=1)
    if not hunks or b"\0" not in hunks[0][:_LOOKED_AT]:
        return file
    return _ENDS.sub(rb"Binary files \1 and \2 differ\n", head)


def pager(git: Git) -> str | None:
    """Return the pager of the user's or system's configuration, never the repository's; None without one.

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
