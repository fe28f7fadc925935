"""write-backup: write a backup of the host's data to a file."""

from __future__ import annotations

from pathlib import Path

from specify_cli.orchestrator_api.arguments import Params
from specify_cli.orchestrator_api.command import Cause, Command, Result, UseCases
from specify_cli.orchestrator_api.texts import Name
from specify_cli.orchestrator_api.values import argument


class BackupParams(Params):
    """Arguments of write-backup."""

    file: Name = argument("Absolute path of the new file.")


class BackupResult(Result):
    """Data of write-backup."""

    file: str
    bytes: int
    at: str
    head: str
    files: tuple[str, ...]
    left_out: tuple[str, ...]


def handle(params: BackupParams, cause: Cause, services: UseCases) -> BackupResult:
    """Write the backup; return what it has."""
    written = services().backups.write(Path(params.file))
    return BackupResult(
        file=str(written.path),
        bytes=written.bytes,
        at=written.manifest.at,
        head=str(written.manifest.head),
        files=tuple(it.name for it in written.manifest.members),
        left_out=tuple(written.left_out),
    )


COMMAND = Command(
    name="write-backup",
    params=BackupParams,
    handle=handle,
    is_for_people=True,
    example="spec-kitty backup /backups/project.backup",
)
