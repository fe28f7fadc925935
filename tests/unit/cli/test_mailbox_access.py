"""`spec-kitty mailbox access` with various configurations."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from specify_cli import clock
from specify_cli.cli.mailbox import mailbox
from specify_cli.mailbox.layout import MailboxLayout

GRANTS = f"""
[orchestrators.nightly]
commands = ["read-only", "append-history"]
missions = ["034-*"]
actors = ["nightly-*"]
uid = {os.geteuid()}
policy = {{network_mode = ["none"]}}
quota = {{max_waiting = 7}}
paths = {{"kitty-specs" = "/work"}}
"""
OTHER = '[orchestrators.other]\ncommands = ["all"]\n'
DEFAULT = '[orchestrators.default]\ncommands = ["all"]\n'


def run(*words: str) -> Result:
    return CliRunner().invoke(mailbox, ["access", *words])


def report() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run("--json").stdout)["data"]
    return found


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MailboxLayout:
    """A project with an unused mailbox, as the working directory."""
    (tmp_path / "kitty-specs").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SPECIFY_REPO_ROOT", raising=False)
    return MailboxLayout(tmp_path)


def configure(layout: MailboxLayout, text: str) -> Path:
    layout.kitty.mkdir(mode=0o755, exist_ok=True)
    path = layout.kitty / "config.toml"
    path.write_text(text)
    path.chmod(0o600)
    return path


def beat(layout: MailboxLayout) -> None:
    """Write the heartbeat of a worker that has just started."""
    layout.ensure()
    beat = {"state": "running", "interval_s": 60, "started_at": clock.timestamp()}
    layout.heartbeat.write_text(json.dumps(beat))


def test_access_without_a_config_shows_the_defaults(layout: MailboxLayout) -> None:
    found = report()
    assert found["config"] is None
    [default] = found["orchestrators"]
    assert default["identity"] == "default"
    assert len(default["commands"]) == 16
    assert default["missions"] is default["actors"] is default["uid"] is None
    assert default["inbox"]["exists"] is False
    assert found["warnings"] == []
    assert not layout.kitty.exists()


def test_access_shows_the_grants_of_an_orchestrator(layout: MailboxLayout) -> None:
    configure(layout, GRANTS)
    (layout.inbox / "nightly").mkdir(mode=0o700, parents=True)
    [nightly] = report()["orchestrators"]
    assert nightly["commands"][-4:] == [
        "append-history",
        "list-missions",
        "show-prompt",
        "package-history",
    ]
    assert (nightly["missions"], nightly["actors"]) == (["034-*"], ["nightly-*"])
    assert nightly["uid"] == os.geteuid()
    assert nightly["user"] == nightly["inbox"]["owner"]
    assert nightly["policy"] == {"network_mode": ["none"]}
    assert nightly["quota"]["max_waiting"] == 7
    assert nightly["paths"] == {str(layout.root / "kitty-specs"): "/work"}
    assert nightly["inbox"]["path"] == str(layout.inbox / "nightly")
    assert (nightly["inbox"]["exists"], nightly["inbox"]["mode"]) == (True, "drwx------")
    assert nightly["outbox"]["exists"] is False


def test_access_prints_the_grants_without_colors_when_not_at_a_terminal(
    layout: MailboxLayout,
) -> None:
    configure(layout, GRANTS + DEFAULT + OTHER)
    done = run()
    assert done.exit_code == 0
    for word in ("nightly", "034-*", "nightly-*", "network_mode: none", "7 waiting", "/work"):
        assert word in done.stdout
    assert "warning: " in done.stdout
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize(
    ("config", "warnings"),
    [
        (GRANTS + DEFAULT, 0),
        (OTHER, 0),
        (DEFAULT + OTHER, 1),
        (OTHER + 'paths = {"kitty-specs" = "work"}\n', 1),
        (OTHER + 'paths = {"nowhere" = "/work"}\n', 1),
        (OTHER + 'paths = {"nowhere" = "work"}\n', 2),
    ],
)
def test_access_warns_of_probable_mistakes(
    layout: MailboxLayout, config: str, warnings: int
) -> None:
    configure(layout, config)
    assert len(report()["warnings"]) == warnings
    assert run().exit_code == 0


def test_access_does_not_warn_of_a_config_that_the_worker_has_read(
    layout: MailboxLayout,
) -> None:
    configure(layout, OTHER)
    beat(layout)
    assert report()["warnings"] == []


def test_access_and_worker_report_a_damaged_config_the_same(layout: MailboxLayout) -> None:
    configure(layout, OTHER + "uid = -1\n")
    mine, workers = run(), CliRunner().invoke(mailbox, ["serve", "--once"])
    assert (mine.exit_code, workers.exit_code) == (2, 1)
    assert mine.stdout == ""
    assert (
        workers.stderr.partition(" ")[2] == mine.stderr
    )  # The worker's line begins with the time.
    assert "orchestrators.other.uid" in mine.stderr


def test_access_reports_an_inbox_that_is_a_symlink_as_missing(layout: MailboxLayout) -> None:
    layout.ensure()
    layout.inbox.rmdir()
    layout.inbox.symlink_to(layout.outbox)
    [default] = report()["orchestrators"]
    assert (default["inbox"]["exists"], default["outbox"]["exists"]) == (False, True)


@pytest.mark.parametrize("words", [("access",), ("status",)])
def test_a_config_that_the_worker_has_not_read_is_reported_with_the_reload_command(
    layout: MailboxLayout, words: tuple[str, ...]
) -> None:
    beat(layout)
    used = {"config": {"digest": None}, "state": "running", "interval_s": 60}
    layout.worker_status.write_text(json.dumps(used))
    before = json.loads(CliRunner().invoke(mailbox, [*words, "--json"]).stdout)["data"]["warnings"]
    # A config with an old date counts as well: it may have been moved here just now.
    os.utime(configure(layout, DEFAULT), (1, 1))

    asked = CliRunner().invoke(mailbox, [*words, "--json"])
    told = CliRunner().invoke(mailbox, list(words))

    assert before == []
    [warning] = json.loads(asked.stdout)["data"]["warnings"]
    assert "still uses the former settings" in warning
    assert warning in told.output
    assert "spec-kitty mailbox reload" in told.output


def test_access_shows_the_settings_of_the_host(layout: MailboxLayout) -> None:
    configure(layout, 'self_review = "refuse"\nstale_after_s = 60\n')

    assert report()["settings"]["self_review"] == "refuse"
    assert report()["settings"]["stale_after_s"] == 60
    assert re.search(r"self_review +refuse", run().stdout)
    assert re.search(r"targets +any", run().stdout)


@pytest.mark.parametrize(
    ("text", "in_words", "shares"),
    [
        ("trash_days = 3\n", "auto: share", True),
        (OTHER, "auto: copy", False),
        (f'workspace_objects = "share"\n{OTHER}', "share", True),
        ('workspace_objects = "copy"\n', "copy", False),
    ],
)
def test_access_shows_whether_workspaces_share_objects(
    layout: MailboxLayout, text: str, in_words: str, shares: bool
) -> None:
    configure(layout, text)

    assert report()["shares_objects"] is shares
    assert re.search(rf"workspace_objects +{in_words}$", run().stdout, re.MULTILINE)


@pytest.mark.parametrize(
    ("text", "in_words"),
    [
        ("trash_days = 3\n", "any"),
        ("filters = []\n", "none"),
        ('filters = ["lfs", "x"]\n', "lfs, x"),
    ],
)
def test_access_shows_the_filters_of_workspaces(
    layout: MailboxLayout, text: str, in_words: str
) -> None:
    configure(layout, text)
    assert re.search(rf"filters +{in_words}$", run().stdout, re.MULTILINE)
