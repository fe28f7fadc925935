"""Rules for the paths that a merge of agents' work may change.

Source: `contract/v1/files.md`, "What a merge may touch".
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from specify_cli.patterns import pattern

SPECS: Final = "kitty-specs"
HOST_FOLDERS: Final = frozenset({".kitty", ".worktrees"})
HOST_FILES: Final = frozenset({"meta.json", "lanes.json"})
STATUS: Final = "status."
TASKS: Final = "tasks"
OUTLINE: Final = "tasks.md"

LINK: Final = "120000"
SUBMODULE: Final = "160000"
FOLDER: Final = "40000"
MODES: Final = frozenset({FOLDER, "100644", "100755", LINK, SUBMODULE})
"""The modes that git writes into trees."""

MOST_NAME_BYTES: Final = 255
"""NAME_MAX of Linux: a longer name cannot be checked out and would break every merge. Source: limits.h."""

MOST_SHOWN: Final = 200
"""Characters of a path in an answer: git allows 4,096 bytes."""

# Source: git, utf8.c, next_hfs_char: characters that HFS+ ignores in names.
_IGNORED: Final = pattern("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")
_SHORT_NAMES: Final = {"git~": ".git", "kitty~": ".kitty", "worktr~": ".worktrees"} | {
    "kitty-~": SPECS,
    "gitmod~": ".gitmodules",
}
"""Short names of NTFS, without the digit. Git guards its own names against these too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A path that a merge changes, and its mode afterwards; None if it is removed."""

    path: str
    mode: str | None


def same_name(name: str) -> str:
    """Normalize a name as the most lenient file systems do: case, ignored characters, endings."""
    bare = _IGNORED.sub("", name).casefold()
    # Source: git, path.c, is_ntfs_dotgit: endings of a name that NTFS and Windows ignore.
    plain = bare.partition(":")[0].rstrip(" .") or bare
    return _SHORT_NAMES.get(plain[:-1], plain) if plain[-1:].isdigit() else plain


def name_fault(name: str, mode: str) -> str | None:
    """Return what is wrong with the name or mode of a tree entry; None if it is valid."""
    if name in ("", ".", ".."):
        return f"{name!r} is not a file name"
    for character, label in {"/": "slash", "\\": "backslash"}.items():
        if character in name:
            return f"its name holds a {label}"
    if len(name.encode(errors="surrogateescape")) > MOST_NAME_BYTES:
        return f"its name has more than {MOST_NAME_BYTES} bytes"
    known = same_name(name)
    if known == ".git":
        return "git treats it as .git"
    if known == ".gitmodules" and mode == LINK:
        return ".gitmodules must not be a symbolic link"
    return None if mode in MODES else f"{mode} is not a mode that git writes"


def is_in_host_folder(path: str) -> bool:
    """Whether the path is or is below `.kitty` or `.worktrees`, in any folder."""
    return _host_folder(path) is not None


def path_fault(change: Changed, *, slug: str, project: str = "") -> str | None:
    """Return why a merge of the mission `slug` may not make this change; None if it may.

    `project` is the folder of the project in the repository, with a slash at its end.
    """
    folder = _host_folder(change.path)
    if folder is not None:
        return f"{folder} belongs to the host"
    if not change.path.startswith(project):
        return None
    first, *rest = change.path[len(project) :].split("/")
    if same_name(first) != SPECS:
        return None
    if first != SPECS or rest[:1] != [slug]:
        return f"it is in {SPECS}, outside the folder of the mission {slug}"
    return _fault_inside(rest[1:], change.mode)


def is_left_out(path: str, *, slug: str, project: str = "") -> bool:
    """Whether the path is a planning file of the mission, which a merge does not change."""
    if not path.startswith(project):
        return False
    parts = path[len(project) :].split("/")
    if parts[:2] != [SPECS, slug]:
        return False
    names = [same_name(part) for part in parts[2:4]]
    return names[:1] == [OUTLINE] or (names[:1] == [TASKS] and names[-1].endswith(".md"))


def folded(name: str) -> str:
    """Return a key that is equal for names that some file system treats as one. Source: Unicode, 3.13, D145."""
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).casefold())


def spellings(paths: Iterable[str], names: Collection[str] | None = None) -> dict[str, set[str]]:
    """Group the files and folders of `paths` by their `folded` name; only `names`, if given."""
    found: dict[str, set[str]] = {}
    seen: set[str] = set()
    for path in paths:
        for prefix in _prefixes(path):
            if prefix in seen:
                break
            seen.add(prefix)
            name = folded(prefix)
            if names is None or name in names:
                found.setdefault(name, set()).add(prefix)
    return found


def shown(path: str) -> str:
    """Return the path for an answer: printable, and of limited length."""
    text = "".join(it if it.isprintable() else ascii(it)[1:-1] for it in path)
    return text if len(text) <= MOST_SHOWN else f"{text[: MOST_SHOWN - 63]}...{text[-60:]}"


def _host_folder(path: str) -> str | None:
    return next((it for it in map(same_name, path.split("/")) if it in HOST_FOLDERS), None)


def _fault_inside(parts: list[str], mode: str | None) -> str | None:
    """`path_fault` for paths below the mission's own folder; no parts mean the folder itself."""
    if mode in (LINK, SUBMODULE):
        kind = "symbolic link" if mode == LINK else "submodule"
        return f"a {kind} must not be in {SPECS}"
    if not parts:
        return "it replaces the mission's folder"
    name = same_name(parts[0])
    if name in HOST_FILES or name.startswith(STATUS):
        return "only the host writes it"
    is_file = len(parts) == 1 and mode is not None
    return "it replaces the folder of prompts" if name == TASKS and is_file else None


def _prefixes(path: str) -> Iterator[str]:
    """Yield the path and its parent folders, innermost first."""
    while path:
        yield path
        path = path.rpartition("/")[0]
