"""What the operator of a project has set and granted: light, because every start-up loads it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from specify_cli.orchestrator_api.grants import Grant, everything
from specify_cli.storage.layout import Layout
from specify_cli.storage.settings import HostSettings


class Config(NamedTuple):
    """What `config.toml` says; the defaults without the file, and for what it does not mention."""

    settings: HostSettings = HostSettings()
    grants: tuple[Grant, ...] = (everything(),)
    digest: str | None = None
    """The SHA-256 of the file; None without one."""


def read(root: Path) -> Config:
    """Settings and grants of the project at `root`, as they are written down now.

    Raises:
        StateUnreadable: the file is damaged.
    """
    try:
        Layout(root).config.lstat()
    except FileNotFoundError:
        return Config()
    except OSError:
        pass  # Something is there: reading it gives the error.
    # Inside the function: most projects have no such file, and validating one loads pydantic.
    from specify_cli.orchestrator_api import config_file

    return config_file.read(root)
