"""Messages of commits on branches, found by how a line of them begins."""

from __future__ import annotations

import re
from collections.abc import Sequence

from specify_cli.vcs.git import Git


def with_line(
    git: Git, branches: Sequence[str], *, begins: str, files: Sequence[str]
) -> list[tuple[str, str]]:
    """Each commit with such a line, and its message, newest first; those that the branches were made of, one after the other.

    Only commits that change one of the files, named from the top of the checkout: what was merged into a branch may say
    whatever it likes.

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
