"""Keep replaced and removed workspaces for a while, then remove them."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from specify_cli import clock
from specify_cli.files import durability
from specify_cli.files.folders import NOT_FOLLOWED
from specify_cli.files.identity import Identity
from specify_cli.files.tree_removal import Budget, remove_tree
from specify_cli.patterns import pattern
from specify_cli.vcs.errors import AllocationFailed
from specify_cli.vcs.folder_processes import processes_in
from specify_cli.vcs.renames import exchange, rename_free
from specify_cli.vcs.worktrees_folder import TRASH, opened, opened_private

MOST_AT_ONCE: Final = 100_000
"""The default number of entries removed by one call."""

_MOST_UNDONE: Final = 10_000
_DATE: Final = "%Y%m%dT%H%M%SZ"
_NEVER: Final = datetime.max.replace(tzinfo=UTC)
_ENTRY: Final = pattern(r"(?P<date>\d{8}T\d{6}Z)-[0-9a-f]{8}-(?P<name>.+)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrashEntry:
    """A folder in the trash: its path, its former name, and when it was moved there."""

    path: Path
    name: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """The result of `prune`: what it removed, what failed and why, and whether everything is done."""

    names: Sequence[str]
    failed: Mapping[str, str]
    is_complete: bool


def move_to_trash(path: Path, *, known: Identity | None = None) -> Path:
    """Move the workspace at `path` to the trash by one rename, without following a link.

    `known` is the identity that the caller expects. Returns the new path.

    Raises:
        AllocationFailed: another folder, a link or nothing is there.
        OSError: the disk refused.
    """
    with (
        opened(path.parent) as parent,
        opened_private(path.parent / TRASH, parent=parent) as trash,
    ):
        _require(known or _folder(path.name, parent), path, parent)
        name = _new_name(path.name)
        rename_free(path.name, name, from_fd=parent, to_fd=trash)
        if known is not None and _folder(name, trash) != known:
            rename_free(name, path.name, from_fd=trash, to_fd=parent)
            raise AllocationFailed(_is_another(path))
        durability.sync_folder(path.parent)
        return path.parent / TRASH / name


@contextmanager
def exchanged(fresh: Path, path: Path, *, known: Identity, parent: int) -> Iterator[Path]:
    """Exchange the workspace `known` at `path` for the complete one at `fresh`.

    The block runs after the exchange, with the path of the old one in the trash; where it raises,
    the exchange is undone. `parent` is the descriptor of `.worktrees`. A killed process leaves one
    of the two in the trash, where a new one too large to remove at once stays too.

    Raises:
        AllocationFailed: another folder, a link or nothing is at `path`.
        OSError: the disk refused.
    """
    name = _new_name(path.name)
    with opened_private(path.parent / TRASH, parent=parent) as trash:
        _require(known, path, parent)
        # Exchange within the trash, so that a killed host leaves whichever of the two there.
        fresh.rename(path.parent / TRASH / name)
        # A power loss may keep the exchange but not this name; then nothing would be at `path`.
        durability.sync_folder(path.parent / TRASH)
        made = _folder(name, trash)
        try:
            _swap(path.name, name, place_fd=parent, trash_fd=trash)
            try:
                _require(known, path.parent / TRASH / name, trash)
                yield path.parent / TRASH / name
            except BaseException:
                _swap(path.name, name, place_fd=parent, trash_fd=trash)
                raise
        except BaseException:
            if _folder(name, trash) == made:  # Never remove the old one, whatever failed.
                # Bounded, because a process that keeps writing there would keep the lock taken for
                # ever.
                remove_tree(name, dir_fd=trash, budget=Budget(_MOST_UNDONE))
            raise


def prune(
    worktrees: Path,
    *,
    before: datetime,
    also: Collection[str] = (),
    most: int = MOST_AT_ONCE,
) -> Pruned:
    """Remove what was moved to the trash before a moment, and the entries `also`; follow no link.

    Entries without a name of the host stay. One call removes at most `most` entries; the next one
    continues. Each workspace gets its share of them, so that a large or busy one does not hold up
    the others.

    Raises:
        AllocationFailed: the trash is a link or a file.
        OSError: the trash cannot be read.
    """
    removed: list[str] = []
    failed: dict[str, str] = {}
    begun: list[str] = []
    with opened(worktrees) as parent, opened_private(worktrees / TRASH, parent=parent) as trash:
        found = map(_ENTRY.fullmatch, sorted(os.listdir(trash)))
        due = [it[0] for it in found if it and (_date(it["date"]) < before or it[0] in also)]
        for number, name in enumerate(due):
            budget = Budget(-(-most // (len(due) - number)))
            share = budget.left
            try:
                is_gone = remove_tree(name, dir_fd=trash, budget=budget)
            except OSError as error:
                failed[name] = str(error)
            else:
                (removed if is_gone else begun).append(name)
            most -= share - max(budget.left, 0)
        in_use = _in_use(begun, trash)
    is_complete = len(in_use) == len(begun)
    return Pruned(names=removed, failed=failed | in_use, is_complete=is_complete)


def entries(trash: Path) -> Iterator[TrashEntry]:
    """Yield the entries that the host put into the trash, the oldest first.

    Raises:
        OSError: the trash cannot be read.
    """
    with suppress(FileNotFoundError):
        for entry in sorted(os.listdir(trash)):
            found = _ENTRY.fullmatch(entry)
            if found and (since := _date(found["date"])) != _NEVER:
                yield TrashEntry(path=trash / entry, name=found["name"], since=since)


def bytes_of(entry: Path) -> int:
    """Return the bytes that the entry takes on the disk; what cannot be read does not count."""
    total = 0
    for folder, _, names in os.walk(entry):
        for name in names:
            with suppress(OSError):
                # Blocks of 512 bytes. Source: stat(3type).
                total += os.lstat(f"{folder}/{name}").st_blocks * 512
    return total


def names_in(trash: Path) -> Iterator[str]:
    """Return the former names of the workspaces in the trash."""
    with suppress(FileNotFoundError):
        found = map(_ENTRY.fullmatch, os.listdir(trash))
        yield from (it["name"] for it in found if it)


def _new_name(name: str) -> str:
    return f"{clock.now().astimezone(UTC).strftime(_DATE)}-{secrets.token_hex(4)}-{name}"


def _in_use(begun: Sequence[str], trash: int) -> dict[str, str]:
    """Describe why those entries cannot be removed completely: processes are in all of them and may go on writing.

    Empty where one of them is not in use, since another call can remove it.
    """
    reasons: dict[str, str] = {}
    for name in begun:
        found = os.lstat(name, dir_fd=trash)
        pids = processes_in(Identity.of(found), owner=found.st_uid)
        if not pids:
            return {}
        reasons[name] = f"processes work in it ({', '.join(map(str, pids))}); end them"
    return reasons


def _date(text: str) -> datetime:
    try:
        return datetime.strptime(text, _DATE).replace(tzinfo=UTC)
    except ValueError:
        return _NEVER


def _swap(path: str, name: str, *, place_fd: int, trash_fd: int) -> None:
    if exchange(path, name, one_fd=place_fd, other_fd=trash_fd):
        return
    # Without an atomic exchange, a process killed in between leaves both in the trash and the path
    # free.
    between = _new_name(path)
    rename_free(path, between, from_fd=place_fd, to_fd=trash_fd)
    rename_free(name, path, from_fd=trash_fd, to_fd=place_fd)
    rename_free(between, name, from_fd=trash_fd, to_fd=trash_fd)


def _require(known: Identity | None, path: Path, parent: int) -> None:
    found = _folder(path.name, parent)
    if found is None:
        raise AllocationFailed(
            f"{path} is not a folder; move the entry of that name away, then try again"
        )
    if found != known:
        raise AllocationFailed(_is_another(path))


def _folder(name: str, dir_fd: int) -> Identity | None:
    """Return the identity of a folder; None where the name is missing or not a folder."""
    try:
        descriptor = os.open(name, NOT_FOLLOWED, dir_fd=dir_fd)
    except OSError:
        return None
    try:
        return Identity.of(os.fstat(descriptor))
    finally:
        os.close(descriptor)


def _is_another(path: Path) -> str:
    return f"{path} is not the workspace that the host made there; move it away, then try again"
