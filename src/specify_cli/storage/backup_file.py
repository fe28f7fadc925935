"""The file of a backup: a tar archive in gzip format, whose first member is the manifest.

The manifest names every other member in order, with its size and digest. Only regular files with
known names are written and read. A reader takes nothing from the archive but the names and bytes
that the manifest announces, so a hostile file can neither choose a path nor exceed a size.

Source: POSIX.1-2017, pax, "ustar Interchange Format".
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import os
import shutil
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Final, NamedTuple

from specify_cli import progress
from specify_cli.errors import StateUnreadable, UsageError
from specify_cli.files.atomic import translated
from specify_cli.storage import backup_manifest
from specify_cli.storage.backup_manifest import MANIFEST, Manifest, Member
from specify_cli.storage.record_heads import RecordHead
from specify_cli.storage.renaming import require_new

MODE: Final = 0o600

_KEPT_FREE: Final = 16 * 1024 * 1024
_BLOCK: Final = tarfile.BLOCKSIZE
_CHUNK: Final = 1024 * 1024


class Content(NamedTuple):
    """A member to be written: the first `size` bytes of an open file."""

    name: str
    file: IO[bytes]
    size: int


def write(
    path: Path, contents: Sequence[Content], *, at: str, version: str, head: RecordHead
) -> Manifest:
    """Write a new file durably; it appears when it is complete.

    Raises:
        UsageError: the name is taken.
        StorageFailed: the disk refused; nothing was left behind.
    """
    members = [Member(it.name, it.size, _digest(it)) for it in contents]
    manifest = Manifest(at=at, version=version, head=head, members=members)
    with translated(path, "write"), draft(path) as draft_path:
        with draft_path.open("r+b") as file:
            # No name and no date: the same content gives the same bytes.
            with gzip.GzipFile("", "wb", fileobj=file, mtime=0, compresslevel=6) as packed:
                text = backup_manifest.text_of(manifest)
                _put(packed, Content(MANIFEST, io.BytesIO(text), len(text)))
                for done, content in enumerate(contents):
                    progress.report(done, len(contents), "writing the backup")
                    _put(packed, content)
                packed.write(bytes(2 * _BLOCK))
            file.flush()
            os.fsync(file.fileno())
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            require_new(path.name, dir_fd=folder)
            draft_path.rename(path)
            os.fsync(folder)
        except FileExistsError:
            raise UsageError(f"{path} exists: give another name, or remove it first") from None
        finally:
            os.close(folder)
    return manifest


@contextlib.contextmanager
def draft(path: Path) -> Iterator[Path]:
    """Make an empty private file beside `path`; it is removed after the block, if it is still there.

    Raises:
        OSError: the disk refused.
    """
    temporary = path.with_name(f".{path.name}.{os.urandom(8).hex()}.tmp")
    # Private from the start: who opens it before a change of its mode could read it later.
    os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE))
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def extract(path: Path, into: Path) -> Manifest:
    """Write the members into the empty folder `into`, and check each; return the manifest.

    Raises:
        StateUnreadable: the file is not a whole backup, or it is larger than the free space.
        UsageError: it cannot be opened.
        StorageFailed: the disk refused.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    with file, gzip.open(file) as packed:
        try:
            manifest = _manifest_in(packed)
            _require_room(manifest, into)
            for done, member in enumerate(manifest.members):
                progress.report(done, len(manifest.members), "reading the backup")
                target = into / member.name
                with translated(target, "write"):
                    target.parent.mkdir(mode=0o700, exist_ok=True)
                    _take(packed, member, target)
            _require_end(packed)
        except (ValueError, EOFError, gzip.BadGzipFile, zlib.error, tarfile.HeaderError) as error:
            raise unsound(path, str(error)) from error
    return manifest


def unsound(path: Path, why: str) -> StateUnreadable:
    """Return the error for a file that is not a backup or not whole."""
    return StateUnreadable(
        f"{path} is not a whole backup of spec-kitty ({why}); nothing was changed"
    )


def _digest(content: Content) -> str:
    digest = hashlib.sha256()
    for chunk in _chunks(content):
        digest.update(chunk)
    return digest.hexdigest()


def _put(packed: gzip.GzipFile, content: Content) -> None:
    info = tarfile.TarInfo(content.name)
    info.size, info.mode = content.size, MODE
    packed.write(info.tobuf(tarfile.GNU_FORMAT))
    for chunk in _chunks(content):
        packed.write(chunk)
    packed.write(bytes(-content.size % _BLOCK))


def _chunks(content: Content) -> Iterator[bytes]:
    content.file.seek(0)
    left = content.size
    while left:
        chunk = content.file.read(min(_CHUNK, left))
        if not chunk:
            raise OSError(f"{content.name} became shorter while it was read")
        left -= len(chunk)
        yield chunk


def _manifest_in(packed: gzip.GzipFile) -> Manifest:
    name, size = _header(packed)
    if name != MANIFEST or size > backup_manifest.MOST_BYTES:
        raise ValueError("it does not begin with a manifest")
    text = io.BytesIO()
    _copy(packed, size, text)
    return backup_manifest.parsed(text.getvalue())


def _require_room(manifest: Manifest, into: Path) -> None:
    free = shutil.disk_usage(into).free - _KEPT_FREE
    if manifest.bytes > free:
        raise ValueError(f"it unpacks to {manifest.bytes} bytes, and {into} has room for {free}")


def _take(packed: gzip.GzipFile, member: Member, target: Path) -> None:
    if _header(packed) != (member.name, member.size):
        raise ValueError(f"{member.name} is not where the manifest says")
    with target.open("xb") as file:
        if _copy(packed, member.size, file) != member.sha256:
            raise ValueError(f"{member.name} is not what was backed up")


def _header(packed: gzip.GzipFile) -> tuple[str, int]:
    """Return name and size of the next member, which is a regular file.

    `tarfile` itself would read extended headers of any size, and follow what they say.
    """
    info = tarfile.TarInfo.frombuf(_exactly(packed, _BLOCK), "ascii", "surrogateescape")
    if info.type != tarfile.REGTYPE or info.linkname:
        raise ValueError(f"{info.name[:100]!a} is not a regular file")
    return info.name, info.size


def _copy(packed: gzip.GzipFile, size: int, target: IO[bytes]) -> str:
    digest, left = hashlib.sha256(), size
    while left:
        chunk = _exactly(packed, min(_CHUNK, left))
        digest.update(chunk)
        target.write(chunk)
        left -= len(chunk)
    _exactly(packed, -size % _BLOCK)
    return digest.hexdigest()


def _exactly(packed: gzip.GzipFile, size: int) -> bytes:
    data = packed.read(size)
    if len(data) < size:
        raise EOFError("it ends too early")
    return data


def _require_end(packed: gzip.GzipFile) -> None:
    if packed.read(2 * _BLOCK + 1) != bytes(2 * _BLOCK):
        raise ValueError("it has more than its manifest names")
