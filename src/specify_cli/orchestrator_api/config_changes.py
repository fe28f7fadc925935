"""Describe what changed between two contents of `config.toml`."""

from __future__ import annotations

from collections.abc import Iterator

from specify_cli.orchestrator_api.config import Config
from specify_cli.orchestrator_api.grants import Grant


def describe(former: Config, now: Config) -> list[str]:
    """Return a text for each orchestrator and each setting that changed; none if nothing changed."""
    return [*_settings(former, now), *_orchestrators(former, now)]


def _settings(former: Config, now: Config) -> Iterator[str]:
    before = former.settings.written
    for name, value in now.settings.written.items():
        if value != before[name]:
            yield f"{name}: {_shown(before[name])} -> {_shown(value)}"


def _shown(value: object) -> str:
    return "none" if value is None else str(value)


def _orchestrators(former: Config, now: Config) -> Iterator[str]:
    before = {grant.identity: grant for grant in former.grants}
    for grant in now.grants:
        known = before.pop(grant.identity, None)
        if known is None:
            yield f"{grant.identity}: added"
        elif changed := _changed(known, grant):
            yield f"{grant.identity}: changed {', '.join(changed)}"
    for identity in before:
        yield f"{identity}: removed"


def _changed(former: Grant, now: Grant) -> list[str]:
    return [name for name in Grant._fields if getattr(former, name) != getattr(now, name)]
