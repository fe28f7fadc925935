"""Commit the host's own files to the current branch, keeping the user's changes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from specify_cli.files import durability
from specify_cli.vcs import lock_ownership
from specify_cli.vcs.checkout_updates import refresh_index
from specify_cli.vcs.checkouts import HEADS, Checkout, branch_in
from specify_cli.vcs.git import Git, GitFailed
from specify_cli.vcs.objects import (
    REGULAR,
    Entry,
    index_info,
    overlay,
    tree_of,
    write_blobs,
    write_commit,
)
from specify_cli.vcs.repository import Repository

_TRIES: Final = 5


def commit_files(
    repo: Repository,
    contents: Mapping[Path, bytes | None],
    *,
    authored: Sequence[Path] = (),
    besides: Sequence[Path] = (),
    message: str,
) -> str | None:
    """Commit exactly these files on HEAD of the main checkout; return the commit.

    `contents` are the host's own files, byte for byte without filters; None removes the file.
    `authored` are files of people as they are on disk, with their filters. Returns None where HEAD
    holds them already, all but those in `besides`. Other changes of the user, staged or not, stay as they are; no hook runs.

    Raises:
        GitFailed: the index is locked, the disk refused, or HEAD moves without end.
        ValueError: a file lies outside the main checkout.
    """
    git = repo.git.with_identity()
    entries = _authored(git, repo.root, authored) | _entries(git, repo.root, contents)
    aside = {_relative(repo.root, path) for path in besides}
    telling = {path: entry for path, entry in entries.items() if path not in aside}
    for last in (*[False] * (_TRIES - 1), True):
        head = repo.head()
        if overlay(git, head, telling) == (tree_of(git, head) if head else None):
            return None
        tree = overlay(git, head, entries)
        commit = write_commit(git, tree=tree, parents=[head] if head else [], message=message)
        try:
            _publish(repo, entries, commit=commit, head=head)
        except (GitFailed, OSError) as error:
            if last or repo.head() == head:
                if isinstance(error, GitFailed):
                    raise
                raise GitFailed(("commit",), returncode=-1, stderr=str(error)) from error
        else:
            # Only saves later commands from reading the files: the commit is made.
            with suppress(GitFailed, OSError):
                refresh_index(_main(repo))
            return commit
    raise AssertionError("the last try returns or raises")


def is_committed(repo: Repository, file: Path) -> bool:
    """Return whether HEAD has the file."""
    head = repo.head()
    named = ("--name-only", head, "--", _relative(repo.root, file)) if head else None
    return named is not None and bool(repo.git.run("ls-tree", *named).lines)


def _publish(
    repo: Repository, entries: dict[str, Entry | None], *, commit: str, head: str | None
) -> None:
    # After a power loss neither index nor branch may name objects that were lost.
    durability.sync_all()
    # Index first: a crash in between leaves these files staged. The other way round the user's
    # next commit would take them back.
    main = _main(repo)
    with main.holding_in_index(index_info(entries, like=commit)) as put_back:
        try:
            # Keep this order across a power loss: git has synced the index file, not its name.
            durability.sync_folder(main.git_dir or repo.root)
            branch = branch_in(main.git_dir) if main.git_dir else None
            lock_ownership.note_ref(HEADS + branch if branch else "HEAD", commit)
            note = "spec-kitty: commit"
            # An empty old value stands for "does not exist yet".
            repo.git.run("update-ref", "-m", note, "HEAD", commit, head or "")
        except (GitFailed, OSError):
            # HEAD may have moved before the error: then the index must keep the entries.
            if repo.head() != commit:
                put_back()
            raise


def _main(repo: Repository) -> Checkout:
    return Checkout(path=repo.root, branch=None, is_main=True)


def _entries(
    git: Git, root: Path, contents: Mapping[Path, bytes | None]
) -> dict[str, Entry | None]:
    held = {_relative(root, file): data for file, data in contents.items()}
    present = {path: data for path, data in held.items() if data is not None}
    oids = write_blobs(git, list(present.values())) if present else []
    found = {path: Entry(mode=REGULAR, oid=oid) for path, oid in zip(present, oids, strict=True)}
    return {path: found.get(path) for path in held}


def _authored(git: Git, root: Path, files: Sequence[Path]) -> dict[str, Entry | None]:
    paths = list(dict.fromkeys(_relative(root, file) for file in files))
    # Given by name, so that the user's filters (line ends, large files) apply as in `git add`.
    hashes = git.run("hash-object", "-w", "--", *paths).lines if paths else []
    return {path: Entry(mode=REGULAR, oid=oid) for path, oid in zip(paths, hashes, strict=True)}


def _relative(root: Path, file: Path) -> str:
    # Only the folder is resolved: the project may be reached through a link, its files may not.
    path = root / file
    folder = Path(os.path.realpath(path.parent))
    return str((folder / path.name).relative_to(os.path.realpath(root)))
