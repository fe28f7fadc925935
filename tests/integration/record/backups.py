"""Copy the record of a project, and put the copy back as a restore by hand does."""

from __future__ import annotations

import shutil
from pathlib import Path

from specify_cli.storage import records
from specify_cli.storage.layout import Layout
from specify_cli.storage.record_database import DATABASE
from tests.copies import copied
from tests.integration.stage import Stage
from tests.records import forget


def back_up(stage: Stage, folder: Path) -> None:
    """Copy the folder of the record to `folder`."""
    copied(_closed(stage).parent, folder)


def put_back(stage: Stage, folder: Path) -> None:
    """Replace the record with the copy in `folder`."""
    record = _closed(stage)
    forget(stage.root)
    shutil.copy(folder / DATABASE, record)


def _closed(stage: Stage) -> Path:
    """The path of the record, which this process no longer has open."""
    record = records.found(Layout(stage.root))
    assert record is not None
    record.close()
    return record.path
