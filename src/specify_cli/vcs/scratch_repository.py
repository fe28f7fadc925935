"""Create a private repository for one operation, which borrows the project's objects."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from specify_cli import processes
from specify_cli.files.regular_files import opened_file, read_file
from specify_cli.vcs import sandbox
from specify_cli.vcs.checkouts import git_dir_of
from specify_cli.vcs.git import Git, GitFailed
from specify_cli.vcs.repository import Repository

FOLDER: Final = "spec-kitty-scratch"
"""A folder in the project's git folder; each entry is named after the process that made it."""

_CONFIG_SHA1: Final = "[core]\n\trepositoryFormatVersion = 0\n\tbare = true\n"
_CONFIG_SHA256: Final = (
    "[core]\n\trepositoryFormatVersion = 1\n\tbare = true\n[extensions]\n\tobjectFormat = sha256\n"
)
_FEW: Final = 100
"""Packs of at most so many objects are unpacked, as git does by default."""

_PROBE_BYTES: Final = 64 * 1024
_SMALL_BYTES: Final = 16 * 1024 * 1024
_SHALLOW_BYTES: Final = 64 * 1024 * 1024
_PACK_PARTS: Final = (".pack", ".rev", ".idx")
"""In this order: a pack counts once its index exists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScratchRepository:
    """A bare repository with the host's configuration only.

    `objects` is the project's object folder, `others` are further alternates.
    """

    folder: Path
    objects: Path
    file_bytes: int
    others: tuple[Path, ...] = ()

    @property
    def git(self) -> Git:
        """Git in this repository, without any configuration file, and with limits."""
        location = {"GIT_DIR": str(self.folder)}
        return sandbox.limited_git(self.folder, location=location, file_bytes=self.file_bytes)

    @property
    def object_folders(self) -> list[Path]:
        """The object folders that this repository borrows from."""
        return [*with_alternates(self.objects), *self.others]

    def own(self) -> set[str]:
        """Return the objects that are in packs of this repository itself.

        Raises:
            GitFailed, OSError: the disk refused.
        """
        return {
            line.split(" ")[1]
            for index in (self.folder / "objects" / "pack").glob("pack-*.idx")
            for line in self.git.run("show-index", input=index.read_bytes()).lines
        }

    def require_disk(self) -> None:
        """Prove that the disk accepts writes, so that it is not the reason why git failed.

        Raises:
            OSError: the disk refused.
        """
        with (self.folder / "written").open("xb") as stream:
            stream.write(bytes(_PROBE_BYTES))
            stream.flush()
            os.fsync(stream.fileno())

    def loosen(self) -> None:
        """Unpack small packs, so that the project gets few packs.

        Git keeps every pack that it checks while fetching.

        Raises:
            GitFailed: the disk refused.
            OSError: the disk refused.
        """
        for pack in (self.folder / "objects" / "pack").glob("pack-*.pack"):
            with opened_file(pack) as stream:
                count = int.from_bytes(stream.read(12)[8:], "big")
            if count <= _FEW and pack.stat().st_size <= _SMALL_BYTES:
                content = read_file(pack, max_bytes=_SMALL_BYTES)
                for suffix in _PACK_PARTS:
                    pack.with_suffix(suffix).unlink(missing_ok=True)
                self.git.run("unpack-objects", "-q", input=content)

    def move_objects(self) -> None:
        """Move the objects into the project; the caller holds the project's lock.

        Raises:
            OSError: the disk refused.
        """
        made = self.folder / "objects"
        for folder in made.iterdir():
            if folder.name != "info":
                for file in sorted(folder.iterdir(), key=_in_order):
                    _move(file, self.objects / folder.name / file.name)


def object_folders_of(repo: Repository) -> list[Path]:
    """Return the object folders of a repository: its own first, then its alternates.

    Raises:
        GitFailed: it is not a repository.
    """
    return with_alternates(_git_dir(repo) / "objects")


def with_alternates(objects: Path) -> list[Path]:
    """Return an object folder and all its alternates."""
    found = [objects]
    for folder in found:
        with suppress(FileNotFoundError):
            lines = os.fsdecode(read_file(folder / "info" / "alternates")).splitlines()
            named = ((folder / line).resolve() for line in lines if line[:1] not in ("", "#"))
            found += [it for it in named if it.is_dir() and it not in found]
    return found


@contextmanager
def scratch_repository(
    repo: Repository,
    *,
    like: str,
    refs: Mapping[str, str],
    file_bytes: int,
    others: Sequence[Path] = (),
) -> Iterator[ScratchRepository]:
    """Create a scratch repository with these refs; remove it after the block.

    `like` is the id of any object of the project: those of sha256 are longer. `others` are further
    alternates.

    Raises:
        GitFailed: the project is not a repository.
        OSError: the disk refused.
    """
    common = _git_dir(repo)
    parent = common / FOLDER
    parent.mkdir(mode=0o700, exist_ok=True)
    name = f"{processes.this_process()}.{secrets.token_hex(8)}"
    made = ScratchRepository(
        folder=parent / name,
        objects=common / "objects",
        file_bytes=file_bytes,
        others=tuple(others),
    )
    try:
        made.folder.mkdir()
        _initialize(made, common, like=like, refs=refs)
        yield made
    finally:
        shutil.rmtree(made.folder, ignore_errors=True)


def remove_abandoned(repo: Repository) -> None:
    """Remove the scratch repositories of killed processes; the caller holds the project's lock.

    Raises:
        OSError: the disk refused.
    """
    common = _git_dir(repo)
    for folder in abandoned(repo):
        process = _maker(folder)
        if process is not None:
            processes.end_orphans(process)
        _remove_half_moved(folder / "objects" / "pack", common / "objects" / "pack")
        shutil.rmtree(folder)


def abandoned(repo: Repository) -> list[Path]:
    """Return the scratch repositories of killed processes.

    Raises:
        OSError: the disk refused.
    """
    try:
        found = sorted((_git_dir(repo) / FOLDER).iterdir())
    except FileNotFoundError:
        return []
    return [it for it in found if (process := _maker(it)) is not None and process.is_dead]


def _maker(folder: Path) -> processes.Process | None:
    return processes.Process.read(folder.name.rpartition(".")[0])


def _initialize(
    made: ScratchRepository, common: Path, *, like: str, refs: Mapping[str, str]
) -> None:
    """Do what `git init --bare` and `git update-ref` do, in less time."""
    info = made.folder / "objects" / "info"
    for folder in (info, made.folder / "refs"):
        folder.mkdir(parents=True)
    files = {"HEAD": "ref: refs/heads/none", **refs}
    for name, content in files.items():
        (made.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (made.folder / name).write_text(f"{content}\n", "ascii")
    (made.folder / "config").write_text(_CONFIG_SHA1 if len(like) == 40 else _CONFIG_SHA256)
    seen = (made.objects, *made.others)
    (info / "alternates").write_bytes(b"".join(map(_quoted, seen)))
    with suppress(FileNotFoundError):
        ends = read_file(common / "shallow", max_bytes=_SHALLOW_BYTES)
        (made.folder / "shallow").write_bytes(ends)


def _quoted(path: Path) -> bytes:
    """Quote the path as a line of `alternates`."""
    text = os.fsencode(path.resolve())
    for plain, escaped in ((b"\\", b"\\\\"), (b'"', b'\\"'), (b"\n", b"\\n")):
        text = text.replace(plain, escaped)
    return b'"' + text + b'"\n'


def _git_dir(repo: Repository) -> Path:
    found = git_dir_of(repo.root)
    if found is None:
        raise GitFailed(("rev-parse",), returncode=-1, stderr=f"{repo.root} is not a repository")
    return found.resolve()


def _in_order(file: Path) -> tuple[int, str]:
    suffix = file.suffix
    return (_PACK_PARTS.index(suffix) if suffix in _PACK_PARTS else 0, file.name)


def _move(file: Path, target: Path) -> None:
    folder = target.parent
    if not folder.exists():
        folder.mkdir()
        shutil.copymode(folder.parent, folder)
    file.replace(target)


def _remove_half_moved(made: Path, ours: Path) -> None:
    """Remove packs that were moved without their index: git would never collect them."""
    with suppress(FileNotFoundError):
        for index in made.glob("pack-*.idx"):
            if not (ours / index.name).exists():
                for suffix in _PACK_PARTS:
                    (ours / index.name).with_suffix(suffix).unlink(missing_ok=True)
