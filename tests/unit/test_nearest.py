"""For a misspelled name the nearest one is suggested, everywhere in the same words."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from specify_cli.cli.main import root
from specify_cli.errors import StateUnreadable
from specify_cli.nearest import guess
from specify_cli.orchestrator_api import config_file


@pytest.mark.parametrize(
    ("name", "known", "meant"),
    [
        ("statsu", ["status", "specify"], "'status'"),
        ("WP1", ["WP01", "WP02"], "'WP01'"),
        ("001-serch", ["001-search", "002-other"], "'001-search'"),
    ],
)
def test_nearest_name_is_suggested(name: str, known: list[str], meant: str):
    assert meant in guess(name, known)


def test_nothing_is_suggested_if_no_name_is_near():
    assert guess("x", ["status"]) == guess("status", []) == ""


def test_misspelled_command_is_refused_with_the_nearest_one():
    with pytest.raises(click.UsageError) as refused:
        CliRunner().invoke(root, ["statsu"], standalone_mode=False, catch_exceptions=False)

    assert "'status'" in refused.value.message


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ('self_reveiw = "warn"', "'self_review'"),
        ("stale_after = 1", "'stale_after_s'"),
        ('[orchestrator.x]\ncommands = ["all"]', "'orchestrators'"),
        ('[orchestrators.x]\ncommands = ["all"]\nmision = ["1"]', "'missions'"),
        ('[orchestrators.x]\ncommands = ["all"]\nquota = {max_wating = 1}', "'max_waiting'"),
    ],
)
def test_misspelled_key_of_the_config_is_refused_with_the_nearest_one(
    tmp_path: Path, text: str, meant: str
):
    folder = tmp_path / ".kitty"
    folder.mkdir(mode=0o700)
    (folder / "config.toml").write_text(text)
    (folder / "config.toml").chmod(0o600)

    with pytest.raises(StateUnreadable) as refused:
        config_file.read(tmp_path)

    assert f"did you mean {meant}" in refused.value.message
