"""What the operator of a project has set and granted: light, because every start-up loads it."""

from __future__ import annotations

from dataclasses import dataclass, field

from specify_cli.orchestrator_api.grants import Grant, everything
from specify_cli.storage.settings import HostSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What `config.toml` says; the defaults without the file, and for what it does not mention."""

    settings: HostSettings = field(default_factory=HostSettings)
    grants: tuple[Grant, ...] = field(default_factory=lambda: (everything(),))
