"""A request is completed under the grants that it began with."""

from __future__ import annotations

import json
from typing import Any

import pytest

from specify_cli import bootstrap
from specify_cli.errors import StateUnreadable
from specify_cli.orchestrator_api.config import Config
from specify_cli.orchestrator_api.dispatcher import Dispatcher
from specify_cli.workflow.services import Services
from tests.integration.stage import SLUG, Stage

GRANT = """
[orchestrators.nightly]
commands = ["read-only"]
missions = ["001-*"]
paths = { "." = "/seen" }
"""


class ReloadedHost(bootstrap.ProjectHost):
    """A host whose operator withdraws every grant as soon as a request is executed."""

    def services(self) -> Services:
        self.project.config.write_text(GRANT.replace("nightly", "other"))
        self.reload()
        return super().services()


def ask(host: bootstrap.ProjectHost, stem: str) -> dict[str, Any]:
    request = {"correlation_id": stem, "command": "mission-state", "args": {"mission": SLUG}}
    raw = json.dumps({"contract_version": "1.3.0", **request}).encode()
    return dict(Dispatcher(host).answer_bytes(raw, stem=stem, identity="nightly").envelope)


def test_a_request_is_answered_with_the_path_mapping_it_began_with(project: Stage) -> None:
    config = project.root / ".kitty" / "config.toml"
    config.parent.mkdir(exist_ok=True)
    config.write_text(GRANT)
    host = ReloadedHost(project.root)
    answered, refused = ask(host, "first"), ask(host, "second")
    assert answered["success"]
    path = answered["data"]["work_packages"][0]["prompt_path"]
    assert path.startswith(f"/seen/kitty-specs/{SLUG}/")
    assert refused["error_code"] == "NOT_AUTHORIZED"


def test_reload_keeps_the_settings_if_the_config_is_invalid(project: Stage) -> None:
    config = project.root / ".kitty" / "config.toml"
    config.parent.mkdir(exist_ok=True)
    config.write_text("reads_days = 7\n")
    host = bootstrap.ProjectHost(project.root)
    assert host.project.settings.reads_days == 7
    config.write_text("reads_days = -7\n")
    with pytest.raises(StateUnreadable, match="reads_days"):
        host.reload()
    assert host.project.settings.reads_days == 7
    config.unlink()
    former, new = host.reload()
    assert (former.settings.reads_days, new) == (7, Config())
