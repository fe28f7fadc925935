"""The work packages of a mission as their authors wrote them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from specify_cli.errors import StateUnreadable, StorageFailed
from specify_cli.storage import front_matter

PACKAGE_ID = re.compile(r"WP[0-9]+", re.ASCII)
FILE_NAME = re.compile(r"(WP[0-9]+)(?:[-_. ].*)?\.md", re.ASCII)
HEADING = re.compile(r"#{1,6}\s.*?\b(WP[0-9]+)\b", re.ASCII)
CHECKBOX = re.compile(r"\s*[-*+]\s+\[([ xX])\]\s+(.+)")
SUBTASK_ID = re.compile(r"\W*(T[0-9]+)\b", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subtask:
    """One step of a work package; `is_ticked` as its author left the checkbox."""

    subtask_id: str
    is_ticked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkPackage:
    """One work package as its prompt file and `tasks.md` describe it."""

    wp_id: str
    title: str
    prompt_path: Path
    dependencies: tuple[str, ...] = ()
    owned_files: tuple[str, ...] = ()
    subtasks: tuple[Subtask, ...] = ()


def read_packages(mission_folder: Path) -> dict[str, WorkPackage]:
    """The mission's work packages by id, in the order of their ids.

    Raises: StateUnreadable naming file and line; StorageFailed.
    """
    try:
        checkboxes = _checkboxes_by_package(mission_folder / "tasks.md")
        packages: dict[str, WorkPackage] = {}
        for path in _prompt_files(mission_folder / "tasks"):
            package = _read_package(path, checkboxes)
            if package.wp_id in packages:
                first = packages[package.wp_id].prompt_path.name
                raise _damaged(path, f"{package.wp_id} is defined in {first} already")
            packages[package.wp_id] = package
    except OSError as error:
        message = f"cannot read {error.filename or mission_folder}: {error.strerror}"
        raise StorageFailed(f"{message}; check its permissions") from error
    return dict(sorted(packages.items()))


def _prompt_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if FILE_NAME.fullmatch(path.name))


def _read_package(path: Path, checkboxes: dict[str, dict[str, bool]]) -> WorkPackage:
    text = _text(path)
    header = front_matter.parse(text, path)
    named = FILE_NAME.fullmatch(path.name)
    wp_id = str(header.get("work_package_id") or (named[1] if named else path.stem))
    if not PACKAGE_ID.fullmatch(wp_id):
        raise _damaged(path, f"work_package_id {wp_id!r} is not 'WP' and digits")
    return WorkPackage(
        wp_id=wp_id,
        title=str(header.get("title") or wp_id),
        prompt_path=path,
        dependencies=tuple(_texts(header, "dependencies", path)),
        owned_files=tuple(_texts(header, "owned_files", path)),
        subtasks=_subtasks(
            listed=_texts(header, "subtasks", path),
            under_heading=checkboxes.get(wp_id, {}),
            in_prompt=_checkboxes(text),
        ),
    )


def _subtasks(
    *, listed: list[str], under_heading: dict[str, bool], in_prompt: dict[str, bool]
) -> tuple[Subtask, ...]:
    """The front matter's list decides which there are; without it, the checkboxes in `tasks.md`."""
    ticks = in_prompt | under_heading
    names = listed or list(under_heading)
    return tuple(Subtask(subtask_id=name, is_ticked=ticks.get(name, False)) for name in names)


def _texts(header: dict[str, Any], name: str, path: Path) -> list[str]:
    value = header.get(name)
    if value is None:
        return []
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    if isinstance(value, list) and all(isinstance(item, str | int) for item in value):
        return [str(item).strip() for item in value]
    raise _damaged(path, f"{name} is not a list of texts")


def _checkboxes_by_package(path: Path) -> dict[str, dict[str, bool]]:
    """Package id to its checkboxes in `tasks.md`, by the heading that they stand under."""
    if not path.is_file():
        return {}
    found: dict[str, dict[str, bool]] = {}
    current: dict[str, bool] = {}
    for line in _text(path).splitlines():
        heading = HEADING.match(line)
        if heading:
            current = found.setdefault(heading[1], {})
        current.update(_checkbox(line))
    return found


def _checkboxes(text: str) -> dict[str, bool]:
    return {name: tick for line in text.splitlines() for name, tick in _checkbox(line)}


def _checkbox(line: str) -> Iterator[tuple[str, bool]]:
    box = CHECKBOX.fullmatch(line)
    if box:
        subtask = SUBTASK_ID.match(box[2])
        yield (subtask[1] if subtask else box[2].strip()), box[1] != " "


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise _damaged(path, f"it is not UTF-8 text (byte {error.start})") from error


def _damaged(path: Path, complaint: str) -> StateUnreadable:
    return StateUnreadable(f"{path}: {complaint}; correct it by hand", file=str(path))
