"""Find the versions of one file in commits, branches, stashes and the working tree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from specify_cli.vcs.repository import Repository

UNTRACKED: Final = "untracked"
MODIFIED: Final = "modified"
_MOST_STASHES: Final = 20
"""The most stashes that are examined, newest first."""

_OWN: Final = "kitty/"
"""The prefix of the host's own branches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileVersions:
    """The versions of the file at `path`. Every method raises GitFailed where git fails."""

    repository: Repository
    path: Path

    @property
    def name(self) -> str:
        """The file's name in commits."""
        return self.path.relative_to(self.repository.root).as_posix()

    def in_commit(self, revision: str) -> str | None:
        """Return the blob of the file in that commit; None where either is missing."""
        asked = ("rev-parse", "--verify", "--quiet", f"{revision}:{self.name}")
        return next(iter(self.repository.git.run(*asked, check=False).lines), None)

    def committed(self) -> Iterator[bytes]:
        """Yield each version in branches, tags, HEAD and MERGE_HEAD once."""
        git = self.repository.git
        tips = {*git.run("for-each-ref", "--format=%(objectname)").lines, "HEAD", "MERGE_HEAD"}
        for blob in sorted({it for _, it in self._blobs(sorted(tips)) if it}):
            yield git.run("cat-file", "blob", blob).stdout

    def stashes(self) -> list[str]:
        """Return the names of the stashes that change the file, newest first.

        Source: git-stash(1), "DISCUSSION": a stash is a commit of the working tree; the third parent has the
        files that were untracked.
        """
        listed = self.repository.git.run("stash", "list", "--format=%gd").lines[:_MOST_STASHES]
        return [
            it
            for it in listed
            if self.was_untracked_in(it)
            or self.in_commit(it) not in (None, self.in_commit(f"{it}^1"))
        ]

    def was_untracked_in(self, stash: str) -> bool:
        """Return whether the stash holds it as an untracked file."""
        return self.in_commit(f"{stash}^3") is not None

    def standing(self) -> str:
        """Compare the working tree with HEAD: `UNTRACKED`, `MODIFIED`, or empty where they are equal."""
        asked = ("status", "--porcelain", "-z", "--untracked-files=all", "--", str(self.path))
        found = self.repository.git.run(*asked).fields
        if not found:
            return ""
        return UNTRACKED if found[0].startswith("??") else MODIFIED

    def branches_that_refuse(self, standing: str) -> list[str]:
        """Return the local branches, except the host's, that git refuses to switch to because the file is `standing`."""
        listed = self.repository.git.run(
            "for-each-ref", "--format=%(refname:strip=2)", "refs/heads"
        )
        here = self.in_commit("HEAD")
        branches = [it for it in listed.lines if not it.startswith(_OWN)]
        there = self._blobs(branches)
        if standing == UNTRACKED:
            return [name for name, blob in there if blob]
        return [name for name, blob in there if blob != here]

    def _blobs(self, revisions: Sequence[str]) -> list[tuple[str, str | None]]:
        asked = "".join(f"{it}:{self.name}\n" for it in revisions)
        output = self.repository.git.run(
            "cat-file",
            "--batch-check=%(objecttype) %(objectname)",
            input=asked.encode("utf-8", "surrogateescape"),
        ).lines
        found = [it.partition(" ")[2] if it.startswith("blob ") else None for it in output]
        return list(zip(revisions, found, strict=False))
