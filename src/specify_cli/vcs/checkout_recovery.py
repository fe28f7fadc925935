"""Repair a working tree that a crash left between two commits."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from specify_cli.files.regular_files import opened_file
from specify_cli.vcs.checkout_updates import (
    CheckoutUpdate,
    index_changes,
    modified_files,
    refresh_index,
)
from specify_cli.vcs.checkouts import Checkout
from specify_cli.vcs.git import Git
from specify_cli.vcs.objects import Entry, index_info, scratch_index, tree_changes

_SHA256_LENGTH: Final = 64
_CHUNK: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class _UpdatedPath:
    """One path of an interrupted update: the versions that the host may have written, and the current one."""

    path: str
    origin: Entry | None
    goal: Entry | None
    wanted: Entry | None
    held: Entry | None

    @property
    def known(self) -> tuple[Entry | None, ...]:
        return (self.origin, self.goal, self.wanted)


def recover(checkout: Checkout, update: CheckoutUpdate, *, wanted: str) -> None:
    """Bring every path that the interrupted `update` touched to the commit `wanted`.

    A file whose content is neither the origin's nor the goal's is the user's and stays; so does an
    index entry. Files are written first and the index last, so that recovery can be interrupted and
    repeated.

    Raises:
        GitFailed: the index is locked, or the disk refused.
    """
    entries = [it for it in _updated_paths(checkout, update, wanted) if it.held in it.known]
    dirty = modified_files(checkout)
    suspects: list[_UpdatedPath] = []
    for it in entries:
        # The index is written after the files: the user changed what differs from it since.
        is_done = it.held == it.goal == it.wanted
        if is_done or it.path in update.live:
            continue
        is_new = it.held is None and _is_file(checkout.path / it.path)
        if it.held != it.wanted or it.path in dirty or is_new:
            suspects.append(it)
    _write(checkout, _ours(checkout, suspects), wanted=wanted)
    index_entries = {entry.path: entry.wanted for entry in entries if entry.held != entry.wanted}
    if index_entries:
        checkout.hold_in_index(index_info(index_entries, like=wanted))
    refresh_index(checkout)


def _updated_paths(checkout: Checkout, update: CheckoutUpdate, wanted: str) -> list[_UpdatedPath]:
    affected = tree_changes(checkout.git, update.origin, update.goal)
    since = tree_changes(checkout.git, update.goal, wanted)
    staged = index_changes(checkout, wanted)
    found = []
    for path, (origin, goal) in affected.items():
        want = since[path][1] if path in since else goal
        held = staged.get(path, want)
        found.append(_UpdatedPath(path=path, origin=origin, goal=goal, wanted=want, held=held))
    return found


def _ours(checkout: Checkout, entries: list[_UpdatedPath]) -> list[_UpdatedPath]:
    """Return the entries whose file the host wrote, removed, or was writing when it was stopped."""
    entries = [it for it in entries if _is_within(checkout.path, it.path)]
    files = [it.path for it in entries if _is_file(checkout.path / it.path)]
    hashes = _hashes(checkout, files)
    return [it for it in entries if _is_ours(checkout, it, hashes.get(it.path))]


def _is_within(root: Path, path: str) -> bool:
    """Return whether the path stays in the working tree: no link and no `..` of a forged tree leads out."""
    folder = Path(os.path.realpath((root / path).parent))
    return folder.is_relative_to(os.path.realpath(root))


def _is_ours(checkout: Checkout, entry: _UpdatedPath, oid: str | None) -> bool:
    if oid is None:
        return not os.path.lexists(checkout.path / entry.path)
    oids = {it.oid for it in entry.known if it}
    if oid in oids:
        return True
    # Or the file is the beginning of one of them: its writer was killed.
    file = checkout.path / entry.path
    with io.BytesIO(_target(file)) if file.is_symlink() else opened_file(file) as held:
        return any(_begins_with(checkout.git, it, held) for it in oids)


def _begins_with(git: Git, oid: str, held: IO[bytes]) -> bool:
    """Return whether the blob begins with the content of `held`; neither is read into memory as a whole."""
    with tempfile.TemporaryFile(prefix="spec-kitty-") as blob:
        git.run("cat-file", "blob", oid, output=blob)
        blob.seek(0)
        held.seek(0)
        while part := held.read(_CHUNK):
            if blob.read(len(part)) != part:
                return False
    return True


def _hashes(checkout: Checkout, paths: list[str]) -> dict[str, str]:
    links = {path for path in paths if (checkout.path / path).is_symlink()}
    files = [path for path in paths if path not in links]
    found = checkout.git.run("hash-object", "--", *files).lines if files else []
    width = len(checkout.git.text("rev-parse", "HEAD")) if links else 0
    algorithm = hashlib.sha256 if width == _SHA256_LENGTH else hashlib.sha1
    hashes = dict(zip(files, found, strict=True))
    for path in links:
        target = _target(checkout.path / path)
        hashes[path] = algorithm(b"blob %d\0" % len(target) + target).hexdigest()
    return hashes


def _target(link: Path) -> bytes:
    # A Path would normalize the target and change its hash.
    return os.fsencode(os.readlink(link))  # noqa: PTH115


def _is_file(file: Path) -> bool:
    try:
        return file.is_symlink() or file.is_file()
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:  # No file can have that name.
            return False
        raise


def _write(checkout: Checkout, entries: Iterable[_UpdatedPath], *, wanted: str) -> None:
    entries = list(entries)
    for entry in entries:
        if entry.wanted is None:
            _remove(checkout.path, entry.path)
    names = [entry.path for entry in entries if entry.wanted is not None]
    if not names:
        return
    listed = b"".join(os.fsencode(name) + b"\0" for name in names)
    with scratch_index() as env:
        checkout.git.run("read-tree", wanted, env=env)
        checkout.git.run("checkout-index", "-f", "-q", "-z", "--stdin", input=listed, env=env)


def _remove(root: Path, path: str) -> None:
    file = root / path
    with suppress(OSError):
        file.unlink()
    with suppress(OSError):
        for parent in file.parents:
            if parent == root:
                return
            parent.rmdir()
