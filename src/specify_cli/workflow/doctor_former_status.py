"""Status in the form of earlier tools: `lane` in the front matter of prompts, or a folder per lane.

Where the log records no move, `doctor --fix` imports that status. It appends the moves to the log
in one write and moves prompts up to `tasks/`. The next repair completes one that was killed.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from specify_cli import clock, ids
from specify_cli.core.events import Transitioned
from specify_cli.core.lanes import Lane, lane_named
from specify_cli.core.package_references import number_of
from specify_cli.errors import StateUnreadable
from specify_cli.files import folders, locks
from specify_cli.storage import front_matter, package_files
from specify_cli.storage.mission_files import MissionFiles
from specify_cli.storage.project import Project
from specify_cli.storage.renaming import rename_new
from specify_cli.workflow.context import RequestContext
from specify_cli.workflow.doctor_findings import Finding, fixable, warning

UNCLEAR = "correct it by hand, then run 'spec-kitty doctor --fix'"


@dataclass(frozen=True, slots=True, kw_only=True)
class FormerStatus:
    """The status of one package by an earlier tool; `folder` is the lane that its folder is named after."""

    path: Path
    wp_id: str
    folder: Lane | None = None
    header: Lane | None = None
    fault: str = ""

    @property
    def lane(self) -> Lane:
        """The status lane of the package."""
        return self.folder or self.header or Lane.PLANNED

    @property
    def source(self) -> str:
        """The source of the lane, for messages."""
        return f"the folder tasks/{self.path.parent.name}" if self.folder else "the front matter"


def examine_former_status(files: MissionFiles, *, has_moves: bool) -> Iterator[Finding]:
    """Report status that only an earlier tool's files have, and prompts in folders of status lanes."""
    tasks = files.folder / "tasks"
    known = former_status(tasks)
    in_folders = [it for it in known if it.folder]
    for one in known:
        if one.fault and (one.folder or not has_moves):
            yield warning("former-status", one.path, one.fault, repair=UNCLEAR)
    if any(it.fault for it in known if it.folder or not has_moves):
        return
    if in_folders:
        what = f"{len(in_folders)} prompts are in folders of status lanes, where the host does not read them"
        yield fixable("former-status", tasks, what)
    elif not has_moves and any(it.lane is not Lane.PLANNED for it in known):
        count = sum(it.lane is not Lane.PLANNED for it in known)
        what = f"the front matter of {count} prompts has a status, and the event log has none"
        yield fixable("former-status", tasks, what)


def take_over(project: Project, tasks: Path, *, actor: str, cause: RequestContext | None) -> bool:
    """Record the former status in the log, and move prompts up to `tasks`.

    The log is written first: after a crash, its moves tell the next repair that only files are left to move.

    Raises:
        StateUnreadable: the log or a prompt is damaged.
        StorageFailed: the disk refused.
    """
    files = MissionFiles(project, tasks.parent.name)
    with locks.held(files.lock), folders.opened(tasks, below=project.root) as above:
        known = former_status(tasks)
        if any(it.fault for it in known):
            return False
        recorded = files.log.read().events
        if not any(isinstance(event, Transitioned) for event in recorded):
            events = [_moved(it, actor, cause) for it in known if it.lane is not Lane.PLANNED]
            if events:
                files.log.append(events)
            if cause:
                cause.effects.note(events)
        for one in known:
            if one.folder:
                _move_up(one.path, above=above, below=project.root)
    return True


def former_status(tasks: Path) -> list[FormerStatus]:
    """Read the status that earlier tools left in a mission's `tasks` folder; links are not followed."""
    found = [_status_of(path, None) for path in _prompts(tasks)]
    for lane, folder in lane_folders(tasks).items():
        found += [_status_of(path, lane) for path in _prompts(folder)]
    first: dict[int, FormerStatus] = {}
    for index, one in enumerate(found):
        other = first.setdefault(number_of(one.wp_id), one) if one.wp_id else one
        is_in_folder = one.folder or other.folder
        if other is not one and is_in_folder:
            where = os.path.relpath(other.path, tasks)
            fault = f"{one.wp_id} has another prompt, tasks/{where}"
            found[index] = FormerStatus(path=one.path, wp_id="", folder=one.folder, fault=fault)
    return found


def _prompts(folder: Path) -> list[Path]:
    if folder.is_symlink():
        return []
    paths = package_files.prompt_files(folder, below=folder)
    return [path for path in paths if path.is_file() and not path.is_symlink()]


def lane_folders(tasks: Path) -> Mapping[Lane, Path]:
    """Return the folders that are named after a status lane; links are not followed."""
    if tasks.is_symlink() or not tasks.is_dir():
        return {}
    named = ((lane_named(path.name), path) for path in sorted(tasks.iterdir()))
    return {lane: path for lane, path in named if lane and path.is_dir()}


def _status_of(path: Path, folder: Lane | None) -> FormerStatus:
    try:
        header = front_matter.parse(package_files.read_text(path, below=path.parent), path)
        wp_id = package_files.package_id(header, path)
    except (StateUnreadable, OSError) as error:
        what = f"its front matter cannot be read ({error})" if folder else ""
        return FormerStatus(path=path, wp_id="", folder=folder, fault=what)
    # Other tools have a `status` that means something else.
    said = header.get("lane")
    lane = lane_named(str(header.get("status") if said is None else said))
    fault = ""
    if said is not None and lane is None:
        fault = f"its front matter says {str(said)[:40]!r}, which is not one of {', '.join(Lane)}"
    elif folder and lane and lane is not folder:
        fault = f"it is in the folder {path.parent.name}, and its front matter says {lane}"
    return FormerStatus(path=path, wp_id=wp_id, folder=folder, header=lane, fault=fault)


def _moved(status: FormerStatus, actor: str, cause: RequestContext | None) -> Transitioned:
    return Transitioned(
        event_id=ids.ulid(),
        at=clock.timestamp(),
        actor=actor,
        wp_id=status.wp_id,
        from_lane=Lane.PLANNED,
        to_lane=status.lane,
        force=True,
        reason=f"taken over by doctor --fix: {status.source} says {status.lane}",
        correlation_id=cause.correlation_id if cause else None,
        identity=cause.identity if cause else None,
        request_digest=cause.request_digest if cause else None,
    )


def _move_up(path: Path, *, above: int, below: Path) -> None:
    """Move the prompt to the folder above, and remove its folder if that is empty now."""
    with folders.opened(path.parent, below=below) as folder:
        rename_new(path.name, path.name, src_dir_fd=folder, dst_dir_fd=above)
        # The new name must be on the disk before the old folder is removed.
        os.fsync(above)
        os.fsync(folder)
    with contextlib.suppress(OSError):  # The folder has other files.
        os.rmdir(path.parent.name, dir_fd=above)
