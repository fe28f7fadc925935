"""The packages of a mission with many prompts, as the record keeps them for a process that begins.

They are what the prompts said, as long as these files are the same. Everything answers the same without it, more slowly.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from specify_cli import __version__, processes
from specify_cli.errors import SpecKittyError
from specify_cli.files.stamps import FileStamp
from specify_cli.storage import records
from specify_cli.storage.layout import Layout
from specify_cli.storage.package_files import Subtask, WorkPackage

Seen: TypeAlias = Mapping[str, FileStamp]
"""The stamp of each file, by its name in the mission's folder."""


class PackageStore(NamedTuple):
    """The packages of the mission in the folder `slug`."""

    project: Layout
    slug: str

    def get(self, seen: Seen) -> dict[str, WorkPackage] | None:
        """What the files said, which are those; None where that is not known.

        Raises:
            StateUnreadable, StorageFailed: the record is damaged, or the disk refused.
        """
        record, digest = records.found(self.project), _digest(seen)
        if record is None or digest is None:
            return None
        with record.at_one_moment() as connection:
            query = "SELECT packages FROM prompts WHERE folder = ? AND seen = ?"
            row = connection.execute(query, (json.dumps(self.slug), digest)).fetchone()
        if row is None:
            return None
        tasks = self.project.mission(self.slug) / "tasks"
        return {one[0]: _package_in(one, tasks) for one in json.loads(row[0])}

    def put(self, seen: Seen, packages: Mapping[str, WorkPackage]) -> None:
        """This is what these files say; call it under the mission's lock."""
        digest = _digest(seen)
        if digest is None:
            return
        said = json.dumps([_as_json(it) for it in packages.values()], separators=(",", ":"))
        # Without it, the files are read.
        with suppress(SpecKittyError), records.made(self.project).noting() as connection:
            order = "INSERT OR REPLACE INTO prompts VALUES (?, ?, ?)"
            connection.execute(order, (json.dumps(self.slug), digest, said))


def _digest(seen: Seen) -> bytes | None:
    """What is another one where a file, the start of the machine, or what reads files is; None where a system names no start."""
    boot = processes.this_process().boot
    text = json.dumps([__version__, boot, sorted(seen.items())])
    return sha256(text.encode("ascii")).digest() if boot else None


def _as_json(package: WorkPackage) -> list[Any]:
    return [
        package.wp_id,
        package.title,
        package.prompt_path.name,
        package.dependencies,
        package.states_dependencies,
        package.owned_files,
        [[it.subtask_id, it.is_ticked] for it in package.subtasks],
    ]


def _package_in(said: list[Any], tasks: Path) -> WorkPackage:
    wp_id, title, name, dependencies, states, owned, subtasks = said
    return WorkPackage(
        wp_id=wp_id,
        title=title,
        prompt_path=tasks / name,
        dependencies=tuple(dependencies),
        states_dependencies=states,
        owned_files=tuple(owned),
        subtasks=tuple(Subtask(subtask_id=it, is_ticked=done) for it, done in subtasks),
    )
