"""The folder of one mission: who it is, its work packages, its execution lanes."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from specify_cli import batch, clock
from specify_cli.core.lane_plan import ExecutionLane
from specify_cli.errors import StateUnreadable, StorageFailed
from specify_cli.files.atomic import publish
from specify_cli.files.regular_files import TooLarge
from specify_cli.files.stamps import FileStamp, stamp
from specify_cli.patterns import pattern
from specify_cli.storage import project_files
from specify_cli.storage.log_file import FILE_NAME
from specify_cli.storage.lookup import LONGEST_NAME
from specify_cli.storage.project import Project
from specify_cli.storage.recorded_log import RecordedLog
from specify_cli.storage.remembered_log import RememberedLog

DEFAULT_TYPE = "software-dev"
DEFAULT_TARGET = "main"
MAX_META_BYTES = 1024 * 1024
"""The lookup of a mission reads the file of every mission."""
MAX_JSON_BYTES = 1024**3
_LITTLE: Final = 64 * 1024
"""Bytes of a file that are read in no time."""
_identities: Final[dict[Path, tuple[FileStamp, MissionIdentity]]] = {}
"""What was read of a `meta.json`, as long as it is the same."""
_HOST_FILES: Final = frozenset({FILE_NAME, "lanes.json"})
NUMBERED = pattern(r"(\d+)-(.+)", re.ASCII)


class MissionIdentity(NamedTuple):
    """Who a mission is; `slug` is always its folder's name."""

    slug: str
    number: int | None
    mission_type: str
    mission_id: str | None
    title: str
    target_branch: str | None

    @property
    def own_target(self) -> str:
        """The branch that the mission is merged into where nobody names another."""
        return self.target_branch or DEFAULT_TARGET

    @property
    def bare_name(self) -> str:
        """The slug without its number."""
        numbered = NUMBERED.fullmatch(self.slug)
        return numbered[2] if numbered else self.slug


class LanesFile(NamedTuple):
    """The content of `lanes.json`."""

    mission_slug: str
    mission_branch: str
    target_branch: str
    lanes: tuple[ExecutionLane, ...]


class MissionFiles(NamedTuple):
    """Where the files of one mission lie, and what the small ones say."""

    project: Project
    slug: str

    @property
    def folder(self) -> Path:
        """The mission's folder."""
        return self.project.mission(self.slug)

    @property
    def meta_path(self) -> Path:
        """What says who the mission is."""
        return self.project.mission_file(self.slug, "meta.json")

    @property
    def lanes_path(self) -> Path:
        """The plan of execution lanes."""
        return self.project.mission_file(self.slug, "lanes.json")

    @property
    def lock(self) -> Path:
        """Whoever changes the mission holds this lock."""
        return self.project.lock(f"mission-{self.slug}")

    @property
    def log(self) -> RecordedLog:
        """The mission's event log."""
        return RememberedLog(project=self.project, slug=self.slug, id_of=self._id_in)

    def identity(self) -> MissionIdentity:
        """What `meta.json` says, with what follows from the folder's name where it is silent.

        Raises: StateUnreadable.
        """
        path = self.meta_path
        inside = self.project.missions, self.folder
        seen = _stamp(path, inside=inside)
        known = _identities.get(path)
        if known is not None and seen is not None and known[0] == seen:
            return known[1]
        meta = read_json(path, below=self.project.root, max_bytes=MAX_META_BYTES)
        identity = identity_in(meta, slug=self.slug, path=path)
        if seen is not None and seen.is_settled and seen == _stamp(path, inside=inside):
            _identities[path] = seen, identity
        return identity

    def _id_in(self, folder: str) -> str | None:
        return MissionFiles(self.project, folder).identity().mission_id

    def lanes(self) -> LanesFile | None:
        """The plan of execution lanes; None when it was not computed yet.

        Raises: StateUnreadable.
        """
        self._require_time_for(self.lanes_path)
        content = read_json(self.lanes_path, below=self.project.root)
        if not content:
            return None
        try:
            return LanesFile(
                mission_slug=self.slug,  # Whatever the file calls it: the folder's name counts.
                mission_branch=content["mission_branch"],
                target_branch=content["target_branch"],
                lanes=tuple(execution_lane(lane) for lane in content["lanes"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise _damaged(
                self.lanes_path, 1, f"{error} is missing or of the wrong kind"
            ) from error

    def _require_time_for(self, path: Path) -> None:
        """Raises: NotInBatch in a batch, where reading the file takes long."""
        seen = _stamp(path, inside=(self.project.missions, self.folder))
        if seen is not None and seen.size > _LITTLE:
            batch.require_none()

    def write_lanes(self, content: LanesFile, *, anew: bool = False) -> None:
        """`lanes.json` holds `content`, and, unless it is written `anew`, what others wrote into it beside that.

        Raises: StateUnreadable, StorageFailed.
        """
        data = self.lanes_content(content, anew=anew)
        publish(self.lanes_path, data, below=self.project.root, sweeps=True)

    def lanes_content(self, content: LanesFile, *, anew: bool = False) -> bytes:
        """What `write_lanes` writes. Raises: StateUnreadable."""
        before = {} if anew else read_json(self.lanes_path, below=self.project.root)
        record = before | {"version": 1, "computed_at": clock.timestamp()} | content._asdict()
        record["lanes"] = [_kept(before, it.lane_id) | it._asdict() for it in content.lanes]
        return (json.dumps(record, indent=2) + "\n").encode()


def identity_in(meta: Mapping[str, Any], *, slug: str, path: Path) -> MissionIdentity:
    """Who the mission in the folder `slug` is, whose `path` holds `meta`.

    Raises: StateUnreadable.
    """
    numbered = NUMBERED.fullmatch(slug)
    number = _field(meta, "mission_number", (int, str), path=path)
    return MissionIdentity(
        slug=slug,
        number=_as_number(number, path) if number else int(numbered[1]) if numbered else None,
        mission_type=_first_text(meta, "mission_type", "mission", path=path) or DEFAULT_TYPE,
        mission_id=_field(meta, "mission_id", str, path=path),
        title=_first_text(meta, "title", "friendly_name", path=path) or slug,
        target_branch=_field(meta, "target_branch", str, path=path),
    )


def all_missions(project: Project) -> list[str]:
    """The slugs of the project's missions, sorted.

    Raises: StateUnreadable where their folder is a link; StorageFailed.
    """
    try:
        names = project_files.names_in(project.missions, below=project.root)
        found = [
            name for name in names if is_plain_name(name) and _is_mission(project.missions / name)
        ]
    except OSError as error:
        message = f"cannot list {project.missions}: {error.strerror}; check its permissions"
        raise StorageFailed(message) from error
    return found


def named_mission(project: Project, name: str) -> MissionFiles | None:
    """The mission whose folder has exactly that name; None for anything that is no plain name.

    Raises: StateUnreadable where the folder of missions is a link.
    """
    if project.missions.is_symlink():
        raise project_files.not_followed(project.missions, "is a symbolic link")
    if not is_plain_name(name) or not _is_mission(project.mission(name)):
        return None
    return MissionFiles(project, name)


def is_plain_name(name: str) -> bool:
    """True for a name that can only be a folder's, never a way out of the project."""
    is_short = 0 < len(name) <= LONGEST_NAME and len(name.encode(errors="replace")) <= LONGEST_NAME
    return is_short and name.isprintable() and "/" not in name and not name.startswith(".")


def read_json(path: Path, *, below: Path, max_bytes: int = MAX_JSON_BYTES) -> dict[str, Any]:
    """The JSON object in `path`; empty where there is no file. No link below `below` is followed.

    Raises: StateUnreadable naming file and line.
    """
    try:
        data = project_files.read(path, below=below, max_bytes=max_bytes)
        content = json.loads(data.decode("utf-8-sig"))
    except FileNotFoundError:
        return {}
    except TooLarge as error:
        raise _damaged(path, 1, f"the file {error}") from error
    except json.JSONDecodeError as error:
        raise _damaged(path, error.lineno, error.msg) from error
    except (OSError, ValueError, RecursionError) as error:
        raise _damaged(path, 1, str(error)) from error
    if not isinstance(content, dict):
        raise _damaged(path, 1, "it is not a JSON object")
    return content


def _stamp(path: Path, *, inside: tuple[Path, Path]) -> FileStamp | None:
    """The stamp of the file; None where it is missing, behind a link or cannot be looked at: reading it gives the error."""
    try:
        is_plain = not any(it.is_symlink() for it in inside)
        return stamp(path) if is_plain else None
    except OSError:
        return None


def _is_mission(folder: Path) -> bool:
    try:
        is_folder = stat.S_ISDIR(os.lstat(folder).st_mode)
        return is_folder and not _is_left_behind(folder)
    except (FileNotFoundError, NotADirectoryError):
        return False


def _is_left_behind(folder: Path) -> bool:
    """Whether git, which does not track them, has left nothing but files of the host of a mission."""
    if os.path.lexists(f"{folder}/meta.json"):
        return False
    try:
        names = {name for name in os.listdir(folder) if name[:1] != "."}
    except PermissionError:  # Reading it gives the error.
        return False
    return bool(names) and names <= _HOST_FILES


def _field(meta: Mapping[str, Any], name: str, kind: Any, *, path: Path) -> Any:
    value = meta.get(name)
    if value is not None and (not isinstance(value, kind) or isinstance(value, bool)):
        raise _damaged(path, 1, f"{name} is of the wrong kind: {type(value).__name__}")
    return value


def _first_text(meta: Mapping[str, Any], *names: str, path: Path) -> str | None:
    """The first of the fields that has something; the public tool called some of them otherwise."""
    found = (_field(meta, name, str, path=path) for name in names)
    return next(filter(None, found), None)


def _kept(before: Mapping[str, Any], lane_id: str) -> dict[str, Any]:
    lanes = before.get("lanes")
    known = [lane for lane in lanes if isinstance(lane, dict)] if isinstance(lanes, list) else []
    return next((lane for lane in known if lane.get("lane_id") == lane_id), {})


def _as_number(value: int | str, path: Path) -> int:
    try:
        return int(value)
    except ValueError as error:
        raise _damaged(path, 1, "mission_number is not a number") from error


def execution_lane(record: Mapping[str, Any]) -> ExecutionLane:
    """What `lanes.json` says of one execution lane. Raises: KeyError, TypeError, ValueError."""

    def texts(name: str) -> tuple[str, ...]:
        values: Sequence[Any] = record.get(name) or ()
        return tuple(str(value) for value in values)

    lane_id = str(record["lane_id"])
    if not is_plain_name(lane_id):  # It becomes part of a path.
        raise ValueError(f"lane_id {lane_id[:80]!r}")
    return ExecutionLane(
        lane_id=lane_id,
        wp_ids=texts("wp_ids"),
        write_scope=texts("write_scope"),
        depends_on_lanes=texts("depends_on_lanes"),
        parallel_group=int(record.get("parallel_group") or 0),
    )


def _damaged(path: Path, line: int, complaint: str) -> StateUnreadable:
    return StateUnreadable(
        f"{path}, line {line}: {complaint}; correct it by hand or restore it from git",
        file=str(path),
        line=line,
    )
