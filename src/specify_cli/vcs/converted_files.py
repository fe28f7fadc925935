"""Recognize files that differ from a commit only by line endings or filters.

Such files do not count as changed. Git converts line endings itself; a filter is a program, and
none runs on files that an agent wrote.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Final

from specify_cli.files.regular_files import opened_file, read_file
from specify_cli.vcs import lfs, lfs_pointers
from specify_cli.vcs.git import time_limit
from specify_cli.vcs.objects import Entry
from specify_cli.vcs.repository import Repository
from specify_cli.vcs.scratch_repository import ScratchRepository
from specify_cli.vcs.workspace_settings import ProjectSettings

_CONVERTING: Final = frozenset(
    {
        "core.autocrlf",
        "core.eol",
        "core.filemode",
        "core.ignorecase",
        "core.precomposeunicode",
        "core.symlinks",
    }
)
_MOST_ATTRIBUTES: Final = 1024 * 1024
_CHUNK: Final = 1024 * 1024
_EXPECTED: Final = "expected"
_EXECUTABLE: Final = "100755"


def conversions(settings: ProjectSettings) -> tuple[str, ...]:
    """Return the flags by which git converts files and compares modes as in the project."""
    found = [it for it in settings.every if it.key in _CONVERTING]
    values = [f"{it.key}={'true' if it.value is None else it.value}" for it in found]
    return tuple(word for value in values for word in ("-c", value))


def copy_attributes(made: ScratchRepository) -> None:
    """Copy the project's `info/attributes` into the scratch repository.

    Raises:
        OSError: the disk refused.
    """
    with suppress(FileNotFoundError):
        file = made.objects.parent / "info" / "attributes"
        content = read_file(file, max_bytes=_MOST_ATTRIBUTES)
        (made.folder / "info").mkdir(exist_ok=True)
        (made.folder / "info" / "attributes").write_bytes(content)


@dataclass(frozen=True, slots=True, kw_only=True)
class FilteredFiles:
    """The files that filters write into a workspace; the scratch index is that of the commit.

    `filters` are the ones that may run on the host; None for all that git has in the project.
    """

    repo: Repository
    made: ScratchRepository
    workspace: Path
    settings: ProjectSettings
    filters: Collection[str] | None

    def unchanged(self, changed: Collection[str]) -> set[str]:
        """Return the files that differ from the commit only as filters make them.

        A git-lfs file is compared by its digest. For other filters the host writes the committed
        file again, as it did for the workspace.

        Raises:
            GitFailed, OSError: git or the disk refused.
            TimeoutError: reading them took too long.
        """
        by_filter = dict(self._filters_of(changed)) if changed else {}
        if by_filter.keys().isdisjoint({*self.settings.filters, lfs.FILTER}):
            return set()
        entries = {path: it for path, it in self._entries() if path in changed}
        found = set(self._same_as_pointers(by_filter.pop(lfs.FILTER, ()), entries))
        allowed = self.settings.filters if self.filters is None else frozenset(self.filters)
        written = [path for name, paths in by_filter.items() if name in allowed for path in paths]
        return found | set(self._same_as_written(written, entries))

    def _filters_of(self, paths: Collection[str]) -> Iterator[tuple[str, list[str]]]:
        asked = b"".join(os.fsencode(path) + b"\0" for path in paths)
        flags = ("--cached", "-z", "--stdin", "filter")
        output = self.made.git.run("check-attr", *flags, input=asked).fields
        for name in set(output[2::3]):
            yield (
                name,
                [path for path, it in zip(output[::3], output[2::3], strict=True) if it == name],
            )

    def _entries(self) -> Iterator[tuple[str, Entry]]:
        for field in self.made.git.run("ls-files", "-s", "-z").fields:
            head, _, path = field.partition("\t")
            mode, oid, _ = head.split(" ")
            yield path, Entry(mode=mode, oid=oid)

    def _same_as_pointers(
        self, paths: Collection[str], entries: Mapping[str, Entry]
    ) -> Iterator[str]:
        blobs = {entries[path].oid: path for path in paths if path in entries}
        pointers = {it.blob: it for it in lfs_pointers.among(self.made.git, blobs)}
        for path in paths:
            pointer = pointers.get(entries[path].oid) if path in entries else None
            if pointer is None:
                continue
            with self._opened(path, entries[path], size=pointer.size) as stream:
                if stream and _digest(stream) == pointer.oid:
                    yield path

    def _same_as_written(
        self, paths: Collection[str], entries: Mapping[str, Entry]
    ) -> Iterator[str]:
        ours = [path for path in paths if path in entries]
        if not ours:
            return
        expected = self.made.folder / _EXPECTED
        expected.mkdir()
        location = {
            "GIT_DIR": str(self.made.objects.parent),
            "GIT_INDEX_FILE": str(self.made.folder / "index"),
            "GIT_OBJECT_DIRECTORY": str(self.made.folder / "objects"),
            "GIT_WORK_TREE": str(expected),
        }
        git = replace(self.repo.git, folder=expected, location=location)
        named = b"".join(os.fsencode(path) + b"\0" for path in ours)
        # A file at which a filter fails is not written.
        git.run("checkout-index", "-z", "--stdin", input=named, check=False)
        for path in ours:
            with suppress(FileNotFoundError), opened_file(expected / path) as wanted:
                size = os.fstat(wanted.fileno()).st_size
                with self._opened(path, entries[path], size=size) as stream:
                    if stream and _digest(stream) == _digest(wanted):
                        yield path

    @contextmanager
    def _opened(self, path: str, entry: Entry, *, size: int) -> Iterator[IO[bytes] | None]:
        """Open the file in the workspace; None where it is not a regular file of that mode and size."""
        with lfs.opened_of_size(self.workspace, path.split("/"), size) as file:
            yield file if file and self._has_mode(file, entry) else None

    def _has_mode(self, file: IO[bytes], entry: Entry) -> bool:
        modes = [it.value for it in self.settings.every if it.key == "core.filemode"]
        if modes and modes[-1] == "false":
            return True
        mode = os.fstat(file.fileno()).st_mode
        return bool(mode & stat.S_IXUSR) == (entry.mode == _EXECUTABLE)


def _digest(stream: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while chunk := stream.read(_CHUNK):
        if time_limit() <= 0:
            raise TimeoutError("reading filtered files took too long")
        digest.update(chunk)
    return digest.hexdigest()
