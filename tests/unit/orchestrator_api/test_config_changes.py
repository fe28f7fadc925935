"""The description of a changed `config.toml` for the operator."""

from __future__ import annotations

from specify_cli.orchestrator_api.config import Config
from specify_cli.orchestrator_api.config_changes import describe
from specify_cli.orchestrator_api.grants import Grant, Quota
from specify_cli.storage.settings import HostSettings

CI = Grant(identity="ci", commands=("list-ready",))


def test_an_unchanged_config_has_no_changes() -> None:
    assert describe(Config(), Config()) == []


def test_every_changed_setting_and_orchestrator_is_listed() -> None:
    former = Config(grants=(CI, Grant(identity="old", commands=())))
    changed = CI._replace(quota=Quota(max_waiting=1), push=True)
    settings = HostSettings(reads_days=7, stale_after_s=60)
    now = Config(settings=settings, grants=(changed, Grant(identity="new", commands=())))
    assert describe(former, now) == [
        "stale_after_s: none -> 60",
        "reads_days: 30 -> 7",
        "ci: changed push, quota",
        "new: added",
        "old: removed",
    ]
