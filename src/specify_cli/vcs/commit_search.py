"""Search the history for commits by message or content."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Final

from specify_cli.vcs.git import Git

MOST: Final = 1000
"""The most versions of a file that are searched, newest first."""


def commits_with_message_line(
    git: Git, branches: Sequence[str], *, begins: str, files: Sequence[str]
) -> list[tuple[str, str]]:
    """Return first-parent commits, and their messages, that have a line beginning with `begins`, newest first.

    Only commits that change one of the files count, named from the top of the checkout: messages of
    merged commits prove nothing.

    Raises:
        GitFailed: git refused, or there is no such branch.
    """
    if not branches or not files:
        return []
    done = git.run(
        *("log", "--first-parent", "--format=tformat:%H%x00%B%x00", "--no-show-signature"),
        *(f"--grep=^{re.escape(begins)}", "--encoding=UTF-8", *branches),
        *("--", *files),
    )
    fields = done.stdout.decode("utf-8", "replace").split("\0")[:-1]
    return [
        (commit.strip(), message) for commit, message in zip(fields[::2], fields[1::2], strict=True)
    ]


def commits_with_text(git: Git, name: str, texts: Collection[bytes]) -> list[str]:
    """Return the commits of all branches and tags whose version of the file holds one of the texts, newest first.

    `name` is relative to the top of the checkout. The texts are secret and never passed to another
    process.

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
