"""Commits that hold a text in a file."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from specify_cli.vcs.git import Git

MOST: Final = 1000
"""Versions of the file that are looked at, the newest ones."""


def commits_with(git: Git, name: str, texts: Collection[bytes]) -> list[str]:
    """The commits of all branches and tags that gave the file contents with one of the texts, newest first.

    `name` is from the top of the checkout. The texts are not shown to other processes.

    Raises:
        GitFailed: git refused.
    """
    commits = git.run("log", "--all", "--format=%H", f"--max-count={MOST}", "--", name).lines
    known: dict[str, bool] = {}
    found: list[str] = []
    for commit in commits:
        oid = git.run("rev-parse", "--verify", "--quiet", f"{commit}:{name}", check=False)
        blob = oid.stdout.decode("ascii", "replace").strip()
        if blob and blob not in known:
            data = git.run("cat-file", "blob", blob).stdout
            known[blob] = any(text in data for text in texts)
        if known.get(blob):
            found.append(commit)
    return found
