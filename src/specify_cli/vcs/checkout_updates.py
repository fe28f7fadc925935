"""Move a working tree and its index from one commit to another, keeping the user's changes."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from specify_cli.core.merge_paths import HOST_FILES, SPECS, STATUS
from specify_cli.files import durability
from specify_cli.files.atomic import replace_file
from specify_cli.files.regular_files import read_file
from specify_cli.patterns import pattern
from specify_cli.vcs.checkouts import Checkout
from specify_cli.vcs.git import GitFailed
from specify_cli.vcs.objects import Entry, changes, index_info, scratch_index, tree_changes

GITLINK: Final = "160000"
"""The mode of a nested repository."""

_LOOK: Final = (
    *("status", "--porcelain=v2", "-z", "--no-renames", "--untracked-files=no"),
    # In a nested repository git would use the settings of that repository.
    "--ignore-submodules=dirty",
)
# A project need not be at the top of its repository.
_OF_THE_HOST: Final = tuple(f"**/{SPECS}/*/{it}" for it in (f"{STATUS}*", *sorted(HOST_FILES)))
_WITHOUT_THE_HOSTS: Final = tuple(f":(exclude,glob){it}" for it in _OF_THE_HOST)
_AS_PATTERNS: Final = {"GIT_LITERAL_PATHSPECS": "0"}

_MISSION: Final = pattern(rf"(?:.*?/)?{SPECS}/[^/]+", re.DOTALL)

_RECORD: Final = "spec-kitty-move"
_MOST: Final = 16 * 1024 * 1024
_COMMIT: Final = pattern(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutUpdate:
    """An update from one commit to another; paths in `live` change in the index only, never on disk."""

    origin: str
    goal: str
    live: tuple[str, ...] = ()


def record_update(checkout: Checkout, update: CheckoutUpdate) -> None:
    """Record the update in the git folder of the checkout, so that a crash can be undone."""
    target = _record(checkout)
    content = {"origin": update.origin, "goal": update.goal, "live": update.live}
    # Always the same name, so that the draft of a killed writer is overwritten.
    draft = target.with_name(f"{target.name}.tmp")
    replace_file(draft, json.dumps(content).encode("ascii"))
    draft.replace(target)
    # After a power loss no file may have been updated without the record.
    durability.sync_folder(target.parent)


def recorded_update(checkout: Checkout) -> CheckoutUpdate | None:
    """Return the update that began here and did not end; None where there is none."""
    try:
        content = json.loads(read_file(_record(checkout), max_bytes=_MOST))
        origin, goal, live = content["origin"], content["goal"], tuple(content["live"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    # An agent in a linked worktree can write here: what git is given must not be a flag.
    is_sound = all(isinstance(it, str) for it in live) and _is_commit(origin) and _is_commit(goal)
    return CheckoutUpdate(origin=origin, goal=goal, live=live) if is_sound else None


def _is_commit(name: object) -> bool:
    return isinstance(name, str) and _COMMIT.fullmatch(name) is not None


def clear_record(checkout: Checkout) -> None:
    """Remove the record durably: the user may stage work from now on."""
    record = _record(checkout)
    try:
        record.unlink()
    except FileNotFoundError:
        return
    durability.sync_folder(record.parent)


def update_checkout(checkout: Checkout, update: CheckoutUpdate) -> None:
    """Move index and files to the goal; other changes of the user stay as they are.

    Git checks again, file by file, that it overwrites no change, and writes the index last.

    Raises:
        GitFailed: git refused; the working tree is as it was.
    """
    if update.live:
        goals = entries_at(checkout, update.goal, update.live)
        checkout.hold_in_index(index_info(goals, like=update.goal))
    refresh_index(checkout)
    missions = _missions(checkout)
    checkout.on_index("read-tree", "-m", "-u", update.origin, update.goal)
    _put_back(checkout, missions)


def _missions(checkout: Checkout) -> list[str]:
    """Return the mission folders that exist below the checkout."""
    files = checkout.git.run("ls-files", "-z", "--", f":(glob)**/{SPECS}/*/**", env=_AS_PATTERNS)
    found = {
        it[: clear_record.end()] for it in files.fields if (clear_record := _MISSION.match(it))
    }
    return sorted(it for it in found if (checkout.path / it).is_dir())


def _put_back(checkout: Checkout, missions: Collection[str]) -> None:
    """Restore the files of these missions that a sparse checkout leaves out.

    Git removes files that the patterns leave out, and the host reads missions in the working tree.
    """
    if missions:
        listed = checkout.git.run("ls-files", "-z", "-t", "--", *missions).fields
        gone = [it[2:] for it in listed if it.startswith("S ")]
        names = b"".join(os.fsencode(it) + b"\0" for it in gone)
        words = ("checkout-index", "-q", "--ignore-skip-worktree-bits", "-z", "--stdin")
        if names:
            checkout.git.run(*words, input=names, check=False)


def refresh_index(checkout: Checkout) -> None:
    """Refresh the index, so that plumbing does not take unchanged files for modified.

    Where a filter that merged attributes select fails at the host's own files, only these are left
    out.
    """
    try:
        # Status 1 says that some file has changes.
        checkout.on_index("update-index", "-q", "--refresh", fine=(0, 1))
    except GitFailed:
        writes = {**_AS_PATTERNS, "GIT_OPTIONAL_LOCKS": "1", **_no_filter_required(checkout)}
        checkout.on_index(*_LOOK, "--", *_WITHOUT_THE_HOSTS, env=writes)


def _no_filter_required(checkout: Checkout) -> dict[str, str]:
    # Before it writes an index, git reads again every file that changed in the same instant.
    words = ("config", "-z", "--name-only", "--get-regexp", r"^filter\..*\.required$")
    names = checkout.git.run(*words, check=False).fields
    keys = {f"GIT_CONFIG_KEY_{number}": name for number, name in enumerate(names)}
    values = {f"GIT_CONFIG_VALUE_{number}": "false" for number in range(len(names))}
    return {"GIT_CONFIG_COUNT": str(len(names)), **keys, **values}


def entries_at(checkout: Checkout, commit: str, paths: Collection[str]) -> dict[str, Entry | None]:
    """Return what `commit` holds at each of these paths.

    Raises:
        GitFailed: it is not a commit.
    """
    fields = checkout.git.run("ls-tree", "-z", "--full-tree", commit, "--", *paths).fields
    found: dict[str, Entry | None] = dict.fromkeys(paths)
    for field in fields:
        head, _, path = field.partition("\t")
        mode, kind, oid = head.split(" ")
        if kind != "tree":
            found[path] = Entry(mode=mode, oid=oid)
    return found


def index_changes(checkout: Checkout, commit: str) -> dict[str, Entry | None]:
    """Return what the index holds at every path where it differs from `commit`.

    Raises:
        GitFailed: it is not a commit.
    """
    found = changes(checkout.git, "diff-index", "--cached", commit)
    return {path: new for path, (_, new) in found.items()}


def modified_files(checkout: Checkout) -> set[str]:
    """Return the tracked paths whose file differs from the index, or which are in conflict.

    Includes `hidden_edits`, and all of the host's own files where a filter fails at one of them.

    Raises:
        GitFailed: not a working tree, or a filter of the user fails at another file.
    """
    git, unseen = checkout.git, set[str]()
    done = git.run(*_LOOK, check=False)
    if done.returncode:
        done = git.run(*_LOOK, "--", *_WITHOUT_THE_HOSTS, env=_AS_PATTERNS)
        hosts = (f":(glob){it}" for it in _OF_THE_HOST)
        unseen.update(git.run("ls-files", "-z", "--", *hosts, env=_AS_PATTERNS).fields)
    fields = (field.split(" ") for field in done.fields)
    seen = {
        " ".join(field[8:] if field[0] == "1" else field[10:])
        for field in fields
        if field[0] == "u" or (field[0] == "1" and field[1][1] != ".")
    }
    return seen | unseen | hidden_edits(checkout)


def hidden_edits(checkout: Checkout) -> set[str]:
    """Return the modified files that are marked assume-unchanged or skip-worktree.

    A sparse checkout marks the files that it leaves out: a missing file is not an edit.

    Raises:
        GitFailed: not a working tree.
    """
    staged = (field.split("\t", 1) for field in checkout.git.run("ls-files", "-vsz").fields)
    marked = {}
    for head, path in staged:
        tag, mode, oid, _ = head.split(" ")
        # In a nested repository git would use the settings of that repository.
        if (
            (tag.islower() or tag == "S")
            and mode != GITLINK
            and os.path.lexists(checkout.path / path)
        ):
            marked[path] = Entry(mode=mode, oid=oid)
    if not marked:
        return set()
    # The same entries without the flags.
    with scratch_index() as env:
        git = checkout.git
        git.run("update-index", "-z", "--index-info", input=index_info(marked, like=""), env=env)
        git.run("update-index", "-q", "--refresh", env=env, check=False)
        return set(git.run("diff-files", "--name-only", "-z", "--diff-filter=d", env=env).fields)


def obstacles(checkout: Checkout, update: CheckoutUpdate) -> Iterator[str]:
    """Describe every uncommitted change that the update would overwrite.

    Raises:
        GitFailed: not a working tree, or no commits.
    """
    affected = tree_changes(checkout.git, update.origin, update.goal)
    leaving = {path for path, (_, goal) in affected.items() if goal is None}
    staged = index_changes(checkout, update.goal)
    dirty = modified_files(checkout)
    for path, (origin, goal) in affected.items():
        held = staged.get(path, goal)
        if path in update.live:
            continue
        if held not in (origin, goal):
            yield f"{path}: staged changes"
        elif path in dirty:
            yield f"{path}: uncommitted changes"
        elif held is None and goal is not None and is_obstructed(checkout.path, path, leaving):
            yield f"{path}: an untracked file is in the way"


def is_obstructed(root: Path, path: str, leaving: Collection[str]) -> bool:
    """Return whether an untracked entry, ignored or not, is where the file `path` is to appear."""
    target = root / path
    if target.is_dir() and not target.is_symlink():
        return any(it not in leaving for it in _files_below(root, target))
    return os.path.lexists(target) or _is_below_file(root, path, leaving)


def _is_below_file(root: Path, path: str, leaving: Collection[str]) -> bool:
    """Return whether a part of `path` above its last is a file or link that does not leave.

    An agent chooses the path: methods of `Path` take quadratic time for one with thousands of parts.
    """
    end = path.find("/")
    while end >= 0:
        parent = path[:end]
        try:
            mode = os.lstat(f"{root}/{parent}").st_mode
        except OSError:
            return False
        if not stat.S_ISDIR(mode):
            return parent not in leaving
        end = path.find("/", end + 1)
    return False


def _files_below(root: Path, folder: Path) -> Iterator[str]:
    for parent, folders, files in os.walk(folder):
        links = [name for name in folders if Path(parent, name).is_symlink()]
        yield from (f"{parent}/{name}".removeprefix(f"{root}/") for name in (*files, *links))


def _record(checkout: Checkout) -> Path:
    return (checkout.git_dir or checkout.path) / _RECORD
