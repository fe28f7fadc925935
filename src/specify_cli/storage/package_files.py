"""The work packages of a mission as their authors wrote them."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from specify_cli.core.package_references import (
    NOTHING,
    NotUnderstood,
    References,
    number_of,
    read_references,
)
from specify_cli.errors import StateUnreadable, StorageFailed
from specify_cli.files.regular_files import TooLarge
from specify_cli.patterns import pattern
from specify_cli.storage import front_matter, project_files
from specify_cli.storage.checkboxes import by_package, subtask_id, ticks_in

PACKAGE_ID = pattern(r"WP[0-9]+", re.ASCII)
FILE_NAME = pattern(r"(WP[0-9]+)(?:[-_. ].*)?\.md", re.ASCII | re.IGNORECASE)
MAX_TEXT_BYTES = 16 * 1024 * 1024
"""The largest prompt or `tasks.md`; usual ones have some kilobytes."""
DONE_WORDS = frozenset({"done", "complete", "completed"})


class Subtask(NamedTuple):
    """One step of a work package; `is_ticked` is the checkbox in its author's files."""

    subtask_id: str
    is_ticked: bool = False


class WorkPackage(NamedTuple):
    """One work package as its prompt file and `tasks.md` describe it.

    `states_dependencies` says whether its front matter has the field, even without a value in it.
    """

    wp_id: str
    title: str
    prompt_path: Path
    dependencies: tuple[str, ...] = ()
    states_dependencies: bool = False
    owned_files: tuple[str, ...] = ()
    subtasks: tuple[Subtask, ...] = ()


def read_packages(mission_folder: Path, *, below: Path) -> dict[str, WorkPackage]:
    """Return the mission's work packages by id, sorted; no link below `below` is followed.

    Raises:
        StateUnreadable: a file is damaged; names file and line.
        StorageFailed: the disk fails.
    """
    try:
        outline = mission_folder / "tasks.md"
        is_there = os.path.lexists(outline)
        checkboxes = by_package(read_text(outline, below=below)) if is_there else {}
        packages: dict[str, WorkPackage] = {}
        for path, text in _prompts(mission_folder / "tasks", below):
            package = _read_package(path, text, checkboxes)
            if package.wp_id in packages:
                first = packages[package.wp_id].prompt_path.name
                raise _damaged(path, f"{package.wp_id} is already defined in {first}")
            packages[package.wp_id] = package
    except OSError as error:
        message = f"cannot read {error.filename or mission_folder}: {error.strerror}"
        raise StorageFailed(f"{message}; check its permissions") from error
    return {wp_id: _resolved(package, packages) for wp_id, package in sorted(packages.items())}


def package_in(text: str, path: Path, *, outline: str, known: Collection[str]) -> WorkPackage:
    """Return the package of a prompt with this text; `outline` is the text of `tasks.md`.

    Raises:
        StateUnreadable: the text is damaged.
    """
    return _resolved(_read_package(path, text, by_package(outline)), known)


def _resolved(package: WorkPackage, known: Collection[str]) -> WorkPackage:
    """Return the package with its dependencies as ids."""
    named = dependencies(package.dependencies, known)
    return package if named == package.dependencies else package._replace(dependencies=named)


def prompt_files(folder: Path, *, below: Path) -> list[Path]:
    """Return the prompts in a mission's `tasks` folder, sorted by name.

    Raises:
        StateUnreadable: the folder is a link.
        OSError: the folder cannot be read.
    """
    names = project_files.names_in(folder, below=below)
    return [folder / name for name in names if FILE_NAME.fullmatch(name)]


def package_id(header: dict[str, Any], path: Path) -> str:
    """Return the id from the front matter, or from the file's name.

    Raises:
        StateUnreadable: it is not an id.
    """
    named = FILE_NAME.fullmatch(path.name)
    text = str(header.get("work_package_id") or (named[1] if named else path.stem))
    wp_id = canonical_id(text)
    if not PACKAGE_ID.fullmatch(wp_id):
        raise _damaged(path, f"work_package_id {text[:80]!r} is not 'WP' and digits")
    return wp_id


def texts(header: dict[str, Any], name: str, path: Path) -> list[str]:
    """Return the field as a list: its author may write a list, one text, "none", or nothing.

    Raises:
        StateUnreadable: it has another type.
    """
    value = header.get(name)
    if value is None:
        return []
    if isinstance(value, str):
        return _parts(value)
    if isinstance(value, list) and all(_is_text(item) for item in value):
        return [str(item).strip() for item in value]
    raise _damaged(path, f"{name} is not a list of strings")


def dependency_texts(header: dict[str, Any], path: Path) -> list[str]:
    """Return the dependencies in the front matter, before they are resolved.

    Raises:
        StateUnreadable: the field has another type.
    """
    value = header.get("dependencies")
    if isinstance(value, str):
        with contextlib.suppress(NotUnderstood):
            read_references(value)
            return [value]
    return texts(header, "dependencies", path)


def dependencies(texts: Sequence[str], known: Collection[str]) -> tuple[str, ...]:
    """Return the ids of the packages that the texts name; an unknown reference stays as it is."""
    found: dict[str, None] = {}
    for text in texts:
        if text in known:
            found[text] = None
            continue
        try:
            ranges = read_references(text).ranges
        except NotUnderstood:
            found[canonical_id(text)] = None
            continue
        for ends in ranges:
            try:
                found |= dict.fromkeys(References((ends,)).resolved(known))
            except NotUnderstood:
                found |= dict.fromkeys(ends)
    return tuple(found)


def listed_subtasks(header: dict[str, Any], path: Path) -> dict[str, bool]:
    """Return each subtask id of the front matter, and whether it is marked as done there.

    An item is an id, an id and a title, `{id: .., status: ..}`, or `id: title`.

    Raises:
        StateUnreadable: an item has another form.
    """
    value = header.get("subtasks")
    if not isinstance(value, list):
        return {subtask_id(text): False for text in texts(header, "subtasks", path)}
    return dict(_listed_subtask(item, path) for item in value)


def read_text(path: Path, *, below: Path) -> str:
    """Return the file's text, without a byte order mark, and with `\
    ` as line ends.

    No link between `below` and the file is followed.

    Raises:
        StateUnreadable: it is not UTF-8, too large, or not a regular file.
        OSError: it cannot be read.
    """
    with project_files.opened_folder(path.parent, below=below) as folder:
        return _text_in(folder, path)


def _prompts(folder: Path, below: Path) -> Iterator[tuple[Path, str]]:
    """Yield each prompt of a mission and its text; the folder is opened once."""
    paths = prompt_files(folder, below=below)
    if not paths:
        return
    with project_files.opened_folder(folder, below=below) as descriptor:
        for path in paths:
            yield path, _text_in(descriptor, path)


def _text_in(folder: int, path: Path) -> str:
    try:
        data = project_files.read_in(folder, path, max_bytes=MAX_TEXT_BYTES)
        text = data.decode("utf-8-sig")
        return text.replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise _damaged(path, f"it is not UTF-8 text (byte {error.start})") from error
    except TooLarge as error:
        raise _damaged(path, f"it {error}") from error


def canonical_id(text: str) -> str:
    """Return `WP01` for `wp01`; other text as it is."""
    upper = text.strip().upper()
    return upper if PACKAGE_ID.fullmatch(upper) else text.strip()


def _read_package(path: Path, text: str, checkboxes: dict[int, dict[str, bool]]) -> WorkPackage:
    header = front_matter.parse(text, path)
    wp_id = package_id(header, path)
    return WorkPackage(
        wp_id=wp_id,
        title=str(header.get("title") or wp_id),
        prompt_path=path,
        dependencies=tuple(dependency_texts(header, path)),
        states_dependencies=header.get("dependencies") is not None,
        owned_files=tuple(texts(header, "owned_files", path)),
        subtasks=_subtasks(
            listed=listed_subtasks(header, path),
            under_heading=checkboxes.get(number_of(wp_id), {}),
            in_prompt=ticks_in(text),
        ),
    )


def _subtasks(
    *, listed: dict[str, bool], under_heading: dict[str, bool], in_prompt: dict[str, bool]
) -> tuple[Subtask, ...]:
    """Return the subtasks in the front matter; without any, those of the checkboxes in `tasks.md`."""
    ticks = in_prompt | under_heading
    names = listed or under_heading
    return tuple(
        Subtask(subtask_id=name, is_ticked=listed.get(name, False) or ticks.get(name, False))
        for name in names
    )


def _listed_subtask(item: Any, path: Path) -> tuple[str, bool]:
    if _is_text(item):
        return subtask_id(str(item)), False
    if isinstance(item, dict) and _is_text(item.get("id")):
        return subtask_id(str(item["id"])), _is_done(item)
    if isinstance(item, dict) and len(item) == 1:
        return subtask_id(str(next(iter(item)))), False
    raise _damaged(path, "subtasks has an item without an id")


def _is_done(item: dict[str, Any]) -> bool:
    return item.get("done") is True or str(item.get("status")).strip().casefold() in DONE_WORDS


def _parts(text: str) -> list[str]:
    """Split a comma-separated text, or a list that was written in quotes."""
    with contextlib.suppress(ValueError, RecursionError):
        items = json.loads(text)
        if isinstance(items, list) and all(_is_text(item) for item in items):
            return [str(item).strip() for item in items]
    plain = text.strip()
    if plain.startswith("[") and plain.endswith("]"):
        plain = plain[1:-1]
    parts = [part.strip().strip("\"'") for part in plain.split(",")]
    return [] if NOTHING.fullmatch(plain) else [part for part in parts if part]


def _is_text(item: Any) -> bool:
    return isinstance(item, str | int) and not isinstance(item, bool)


def _damaged(path: Path, complaint: str) -> StateUnreadable:
    return StateUnreadable(f"{path}: {complaint}; correct it by hand", file=str(path))
