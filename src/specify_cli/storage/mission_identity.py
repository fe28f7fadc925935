"""The identity of a mission, from its `meta.json` and the name of its folder."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from specify_cli.errors import StateUnreadable
from specify_cli.files.regular_files import TooLarge
from specify_cli.patterns import pattern
from specify_cli.storage import project_files
from specify_cli.storage.request_file import LONGEST_NAME

DEFAULT_TYPE = "software-dev"


DEFAULT_TARGET = "main"


NUMBERED = pattern(r"(\d+)-(.+)", re.ASCII)


MAX_JSON_BYTES = 1024**3


# Of the fields that are in every answer.
LONGEST_FIELD = 1000


class MissionIdentity(NamedTuple):
    """The identity of a mission; `slug` is always the name of its folder."""

    slug: str
    number: int | None
    mission_type: str
    mission_id: str | None
    title: str
    target_branch: str | None

    @property
    def own_target(self) -> str:
        """The branch that the mission is merged into by default."""
        return self.target_branch or DEFAULT_TARGET

    @property
    def bare_name(self) -> str:
        """The slug without its number."""
        numbered = NUMBERED.fullmatch(self.slug)
        return numbered[2] if numbered else self.slug


def identity_in(meta: Mapping[str, Any], *, slug: str, path: Path) -> MissionIdentity:
    """Return the identity of the mission in the folder `slug` whose file `path` contains `meta`.

    Raises:
        StateUnreadable: a field has the wrong type.
    """
    numbered = NUMBERED.fullmatch(slug)
    number = _field(meta, "mission_number", (int, str), path=path)
    return MissionIdentity(
        slug=slug,
        number=_as_number(number, path) if number else int(numbered[1]) if numbered else None,
        mission_type=_short(
            _first_text(meta, "mission_type", "mission", path=path), "mission_type", path=path
        )
        or DEFAULT_TYPE,
        mission_id=_short(_field(meta, "mission_id", str, path=path), "mission_id", path=path),
        title=_first_text(meta, "title", "friendly_name", path=path) or slug,
        target_branch=_short(
            _field(meta, "target_branch", str, path=path), "target_branch", path=path
        ),
    )


def read_json(path: Path, *, below: Path, max_bytes: int = MAX_JSON_BYTES) -> dict[str, Any]:
    """Return the JSON object in `path`; empty if there is no file. No link below `below` is followed.

    Raises:
        StateUnreadable: it is damaged; names file and line.
    """
    try:
        data = project_files.read(path, below=below, max_bytes=max_bytes)
        content = json.loads(data.decode("utf-8-sig"))
    except FileNotFoundError:
        return {}
    except TooLarge as error:
        raise damaged(path, 1, f"the file {error}") from error
    except json.JSONDecodeError as error:
        raise damaged(path, error.lineno, error.msg) from error
    except (OSError, ValueError, RecursionError) as error:
        raise damaged(path, 1, str(error)) from error
    if not isinstance(content, dict):
        raise damaged(path, 1, "it is not a JSON object")
    return content


def is_plain_name(name: str) -> bool:
    """Whether the name can only be that of a folder, never a path out of the project."""
    is_short = 0 < len(name) <= LONGEST_NAME and len(name.encode(errors="replace")) <= LONGEST_NAME
    return is_short and name.isprintable() and "/" not in name and not name.startswith(".")


def _field(meta: Mapping[str, Any], name: str, kind: Any, *, path: Path) -> Any:
    value = meta.get(name)
    if value is not None and (not isinstance(value, kind) or isinstance(value, bool)):
        raise damaged(path, 1, f"{name} has the wrong type: {type(value).__name__}")
    return value


def _short(value: str | None, name: str, *, path: Path) -> str | None:
    if value and len(value) > LONGEST_FIELD:
        raise damaged(path, 1, f"{name} has more than {LONGEST_FIELD:,} characters")
    return value


def _first_text(meta: Mapping[str, Any], *names: str, path: Path) -> str | None:
    """Return the first field with a value; the public tool uses other names for some."""
    found = (_field(meta, name, str, path=path) for name in names)
    return next(filter(None, found), None)


def _as_number(value: int | str, path: Path) -> int:
    try:
        return int(value)
    except ValueError as error:
        raise damaged(path, 1, "mission_number is not a number") from error


def damaged(path: Path, line: int, complaint: str) -> StateUnreadable:
    """Return the error for a damaged file."""
    advice = "correct it by hand or restore it from git"
    return StateUnreadable.in_line(path, line, f"{complaint}; {advice}")
