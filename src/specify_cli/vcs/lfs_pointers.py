"""Read git-lfs pointers in commits; each stands for a file kept outside of git.

Source: git-lfs, `docs/spec.md`: a pointer is a text of less than 1024 bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from specify_cli.patterns import pattern
from specify_cli.vcs.content_limits import NewObject
from specify_cli.vcs.git import Git
from specify_cli.vcs.objects import empty_tree, read_objects, tree_changes

LONGER_THAN_ANY: Final = 1024
"""No pointer has so many bytes."""

_SIZES: Final = range(120, LONGER_THAN_ANY)
_POINTER: Final = pattern(
    rb"version https://git-lfs\.github\.com/spec/v1\r?\n(?:ext-\d-[^\n]*\n)*"
    rb"oid sha256:(?P<oid>[0-9a-f]{64})\r?\nsize (?P<size>[1-9][0-9]{0,17})\s*"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """A blob that stands for a file at `path`; `oid` and `size` are those of the file's content."""

    blob: str
    path: str
    oid: str
    size: int


def in_tree(git: Git, commit: str, *, beside: str | None = None) -> list[Pointer]:
    """Return the pointers among the files of a commit that `beside` does not have at the same path.

    Raises:
        GitFailed: git cannot read it.
    """
    changed = tree_changes(git, beside or empty_tree(commit), commit)
    files = {new.oid: path for path, (_, new) in changed.items() if new and new.mode[:3] == "100"}
    return among(git, files)


def among(git: Git, files: Mapping[str, str]) -> list[Pointer]:
    """Return the pointers among these blobs, given with their paths.

    Raises:
        GitFailed: git cannot read them.
    """
    listed = "".join(f"{oid}\n" for oid in files).encode()
    sizes = git.run("cat-file", "--batch-check=%(objectsize)", input=listed).lines if files else []
    found = [
        NewObject(oid=oid, path=path, size=int(size))
        for (oid, path), size in zip(files.items(), sizes, strict=True)
    ]
    return pointers(git, found)


def pointers(git: Git, objects: Iterable[NewObject]) -> list[Pointer]:
    """Return the pointers among these objects.

    Raises:
        GitFailed: git cannot read them.
    """
    small = [it for it in objects if it.size in _SIZES]
    contents = read_objects(git, [it.oid for it in small], max_bytes=_SIZES.stop)
    matches = (
        (it, _POINTER.fullmatch(content or b""))
        for it, (_, content) in zip(small, contents, strict=True)
    )
    return [
        Pointer(blob=it.oid, path=it.path, oid=found["oid"].decode(), size=int(found["size"]))
        for it, found in matches
        if found
    ]
