"""Take in the git-lfs objects that an agent's commits name, and give them to workspaces.

Source: git-lfs, `docs/spec.md`: an object is `.git/lfs/objects/<2 digits>/<2 digits>/<sha256>`.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shlex
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Final

from specify_cli.core.merge_paths import shown
from specify_cli.files.regular_files import opened_below
from specify_cli.vcs.content_limits import BYTES_SETTING, FILES_SETTING, NewObject
from specify_cli.vcs.errors import LimitExceeded
from specify_cli.vcs.git import Git, time_limit
from specify_cli.vcs.intake_request import MOST_NAMED, IntakeLimits, IntakeRefused, IntakeSource
from specify_cli.vcs.lfs_pointers import LONGER_THAN_ANY, Pointer, pointers
from specify_cli.vcs.repository import Repository
from specify_cli.vcs.scratch_repository import ScratchRepository

FILTER: Final = "lfs"

_SMALL_BLOBS: Final = (
    *("--objects", "--no-object-names", "--filter-provided-objects"),
    f"--filter=combine:object:type=blob+blob:limit={LONGER_THAN_ANY}",
)
_CHUNK: Final = 1024 * 1024
_STAGED: Final = "lfs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """The folder in which git-lfs keeps the objects of one of the host's repositories."""

    folder: Path

    @classmethod
    def of(cls, git: Git, common: Path) -> Storage:
        """Return the storage of the repository whose git folder is `common`.

        Raises:
            GitFailed: out of time.
        """
        output = git.run("config", "-z", "--type=path", "--get", "lfs.storage", check=False).fields
        return cls(folder=common / (output[0] if output and output[0] else "lfs"))

    def path(self, oid: str) -> Path:
        """Return the path of the object, whether it exists or not."""
        return self.folder.joinpath(*_names(oid))

    def has(self, pointer: Pointer) -> bool:
        """Return whether the object exists with the right size."""
        try:
            return self.path(pointer.oid).stat().st_size == pointer.size
        except OSError:
            return False

    def give(self, pointers: Iterable[Pointer], folder: Path, *, link: bool = False) -> None:
        """Copy those of the objects that exist here to the new `.git/lfs` at `folder`.

        With `link`, they are hard links: only where nobody but the host writes.

        Raises:
            OSError: the disk refused.
        """
        there = Storage(folder=folder)
        for pointer in pointers:
            target = there.path(pointer.oid)
            if self.has(pointer) and not there.has(pointer):
                target.parent.mkdir(parents=True, exist_ok=True)
                (_link if link else shutil.copyfile)(self.path(pointer.oid), target)


def stage(
    brought: Iterable[NewObject],
    made: ScratchRepository,
    *,
    repo: Repository,
    source: IntakeSource,
    tip: str,
    bounds: IntakeLimits,
) -> Storage | None:
    """Stage the objects that new pointers name, unless the project has them, for `move_staged`.

    Returns the storage for `move_staged`, None where there are no pointers. A missing object is a
    fault where the attributes of `tip` give its path to git-lfs; elsewhere a text that looks like a
    pointer is an ordinary file, unless only the project has the object: to know a digest must not
    give access.

    Raises:
        IntakeRefused: the workspace lacks one.
        LimitExceeded: together they exceed the limit.
        TimeoutError: copying them took too long.
        GitFailed, OSError: git or the disk refused.
    """
    found = pointers(made.git, brought)
    if not found:
        return None
    storage = Storage.of(repo.git, made.objects.parent)
    wanted = {it.oid: it for it in _wanted(found, storage, made=made, source=source)}
    if len(wanted) > bounds.files:
        raise LimitExceeded(
            f"they have more than {bounds.files} files of git-lfs ({FILES_SETTING})"
        )
    folder = made.folder / _STAGED
    folder.mkdir()
    missing = _missing(wanted.values(), folder, source=source, most_bytes=bounds.bytes)
    # Otherwise the next workspace would receive the object.
    guessed = [it for it in missing if storage.has(it)]
    faults = guessed or (_of_lfs(made, tip, missing) if missing else [])
    if faults:
        raise _refusal(faults, source)
    return storage


def _missing(
    wanted: Iterable[Pointer], folder: Path, *, source: IntakeSource, most_bytes: int
) -> list[Pointer]:
    """Copy the objects from the workspace to `folder`; return the pointers whose object it lacks."""
    missing, total = list[Pointer](), 0
    for pointer in wanted:
        _require_time()
        names = (".git", "lfs", *_names(pointer.oid))
        with opened_of_size(source.workspace, names, pointer.size) as stream:
            total += pointer.size if stream else 0
            if total > most_bytes:
                text = (
                    f"they have more than {most_bytes} bytes in files of git-lfs ({BYTES_SETTING})"
                )
                raise LimitExceeded(text, path=pointer.path)
            if stream is None or not _copied(stream, pointer, folder / pointer.oid):
                missing.append(pointer)
    return missing


def _wanted(
    found: Sequence[Pointer], storage: Storage, *, made: ScratchRepository, source: IntakeSource
) -> Iterator[Pointer]:
    """Yield the pointers whose content has to come from the workspace."""
    there = {it.blob for it in found if storage.has(it)}
    given = there
    if there and not source.shared:
        # The small blobs that the agent was given or may fetch from the mirror.
        tips = [it for it in (source.base, source.public) if it]
        given = there & set(made.git.run("rev-list", *_SMALL_BLOBS, *tips, "--").lines)
    yield from (it for it in found if it.blob not in given)


def move_staged(made: ScratchRepository, storage: Storage) -> None:
    """Move the staged objects into the project.

    Raises:
        OSError: the disk refused.
    """
    for file in (made.folder / _STAGED).iterdir():
        target = storage.path(file.name)
        _make_folder(target.parent, top=storage.folder)
        try:
            file.replace(target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            # Named like git-lfs's own temporary files, which git-lfs cleans up.
            copy = storage.folder / "tmp" / f"{file.name}-{secrets.token_hex(4)}"
            _make_folder(copy.parent, top=storage.folder)
            shutil.copyfile(file, copy)
            copy.replace(target)


def _refusal(missing: Sequence[Pointer], source: IntakeSource) -> IntakeRefused:
    at = shlex.quote(str(source.workspace))
    named = "; ".join(f"{shown(it.path)!r}, sha256 {it.oid}" for it in missing[:MOST_NAMED])
    more = "; and more" if len(missing) > MOST_NAMED else ""
    text = (
        "the workspace lacks the content of git-lfs files, or its content differs from what the commits"
        f" say: {named}{more}; to store files that are in the workspace, its agent runs in {at}:"
        f" git add --renormalize . ; to fetch the others, it runs there: git lfs fetch origin {shlex.quote(source.branch)}"
    )
    paths = [shown(it.path) for it in missing[:MOST_NAMED]]
    return IntakeRefused(text, code="lfs_missing", paths=paths)


@contextmanager
def opened_of_size(workspace: Path, names: Sequence[str], size: int) -> Iterator[IO[bytes] | None]:
    """Open a file in the workspace; None where it is not a regular file of that size."""
    with ExitStack() as stack:
        file = None
        with suppress(OSError):
            file = stack.enter_context(opened_below(workspace, names))
        yield file if file and os.fstat(file.fileno()).st_size == size else None


def _copied(source: IO[bytes], pointer: Pointer, target: Path) -> bool:
    """Copy the content; return whether the copy has the digest, whatever is written to the source meanwhile."""
    digest, left = hashlib.sha256(), pointer.size
    with target.open("xb") as copy:
        while left and (chunk := source.read(min(left, _CHUNK))):
            _require_time()
            digest.update(chunk)
            copy.write(chunk)
            left -= len(chunk)
    if digest.hexdigest() == pointer.oid:
        return True
    target.unlink()
    return False


def _require_time() -> None:
    if time_limit() <= 0:
        raise TimeoutError("copying its git-lfs files took too long")


def _of_lfs(made: ScratchRepository, tip: str, missing: Sequence[Pointer]) -> list[Pointer]:
    """Return the pointers that the commits bring at paths which the attributes of `tip` give to git-lfs."""
    index = {"GIT_INDEX_FILE": str(made.folder / "index")}
    made.git.run("read-tree", tip, env=index)
    by_blob = {it.blob: it for it in missing}
    named = [(it.path, it) for it in missing]
    for entry in made.git.run("ls-files", "-s", "-z", env=index).fields:
        head, _, path = entry.partition("\t")
        pointer = by_blob.get(head.split(" ")[1])
        named += [(path, pointer)] if pointer else []
    asked = os.fsencode("".join(f"{path}\0" for path, _ in named))
    flags = ("--cached", "-z", "--stdin", "filter")
    output = made.git.run("check-attr", *flags, input=asked, env=index).fields[2::3]
    found = {
        it.blob: replace(it, path=path)
        for (path, it), value in zip(named, output, strict=True)
        if value == FILTER
    }
    return [it for it in found.values() if it.blob not in _known(made, found)]


def _known(made: ScratchRepository, blobs: Iterable[str]) -> set[str]:
    """Return the objects that the project itself has."""
    own = {"GIT_OBJECT_DIRECTORY": str(made.objects)}
    listed = "".join(f"{blob}\n" for blob in blobs).encode()
    output = made.git.run("cat-file", "--batch-check", input=listed, env=own).lines
    return {line.partition(" ")[0] for line in output if not line.endswith(" missing")}


def _make_folder(folder: Path, *, top: Path) -> None:
    """Create the folder with the mode of its parent, as a repository shared by a group needs it."""
    if not folder.is_dir():
        if folder != top:
            _make_folder(folder.parent, top=top)
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copymode(folder.parent, folder)


def _link(file: Path, target: Path) -> None:
    try:
        target.hardlink_to(file)
    except OSError:  # On another device, or one without links.
        shutil.copyfile(file, target)


def _names(oid: str) -> tuple[str, ...]:
    return ("objects", oid[:2], oid[2:4], oid)
