"""What a sandbox needs of a project's `.git` for commits in its worktrees, and no more."""

from __future__ import annotations

from pathlib import Path

# objects: the commit is written there. refs/heads/kitty: the branches of the lanes move.
# worktrees: index and HEAD of each worktree. logs: git moves no branch whose log it cannot write.
WRITTEN = ("objects", "refs/heads/kitty", "worktrees", "logs")


def options(project: Path, *, empty: Path, written: tuple[str, ...] = WRITTEN) -> list[str]:
    """`.git` at the very path that each worktree's `.git` names, because git knows no other way.

    The whole folder is there to be read, because git replaces packed-refs by rename; but for settings, which
    may hold passwords, and hooks. Neither can be written, nor can any other branch: whoever could
    would run programs outside, or pass by the reviews.
    """
    git = project / ".git"
    words = ["--ro-bind", str(git), str(git)]
    words += ["--ro-bind", str(empty), f"{git}/config", "--tmpfs", f"{git}/hooks"]
    for name in written:
        (git / name).mkdir(parents=True, exist_ok=True)
        words += ["--bind", f"{git}/{name}", f"{git}/{name}"]
    return words
