"""The packages of a mission with many prompts, stored in the record for later processes.

They are valid while the prompts are the same. Answers do not depend on them; they only save time.
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
"""The stamp of each file, by its path in the mission's folder."""


class PackageStore(NamedTuple):
    """The stored packages of the mission in the folder `slug`."""

    project: Layout
    slug: str

    def get(self, seen: Seen) -> dict[str, WorkPackage] | None:
        """Return the packages for files with these stamps; None if they are not stored.

        Raises:
            StateUnreadable: the record is damaged or has a newer format.
            StorageFailed: the disk fails.
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
        """Store the packages for files with these stamps; the caller holds the mission's lock."""
        digest = _digest(seen)
        if digest is None:
            return
        said = json.dumps([_as_json(it) for it in packages.values()], separators=(",", ":"))
        # Without it, later processes read the files.
        with suppress(SpecKittyError), records.made(self.project).noting() as connection:
            order = "INSERT OR REPLACE INTO prompts VALUES (?, ?, ?)"
            connection.execute(order, (json.dumps(self.slug), digest, said))


def _digest(seen: Seen) -> bytes | None:
    """Return a digest that changes with a file, the boot or the version; None if the boot is unknown."""
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
