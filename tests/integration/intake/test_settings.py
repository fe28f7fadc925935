"""Git settings that name a program or a file, and hooks, planted by the agent, have no effect."""

from __future__ import annotations

import fnmatch
import re
import subprocess
from pathlib import Path

import pytest

from tests.campaign import sampled
from tests.integration.intake.attacks import World, look, take
from tests.integration.intake.conftest import Note
from tests.integration.intake.settings import HARMLESS, HOOKS, PROGRAMS
from tests.integration.intake.workspaces import git

SOUNDING = re.compile(
    r"command|cmd|program|helper|hook|editor|pager|proxy|textconv|driver|clean|smudge|process"
    r"|external|askpass|tunnel|browser|uploadpack|receivepack|vcs|include|path$|template"
    r"|target|fsmonitor|file$|tool$|exec|insteadof|uri",
    re.IGNORECASE,
)
PARTS = 4
MODES = pytest.mark.parametrize("is_sandboxed", [True, False], ids=["boxed", "not boxed"])


def planted(world: World, key: str, value: str) -> World:
    scene = world.scene
    hooks = scene.git_dir / "evil-hooks"
    hooks.mkdir(exist_ok=True)
    for name in HOOKS:
        (hooks / name).write_bytes(world.evil.read_bytes())
        (hooks / name).chmod(0o755)
    words = {
        "evil": world.evil,
        "evil_folder": hooks,
        "secret": world.secret,
        "victim": world.victim,
    }
    # Every kind of driver.
    everything = "* filter=evil diff=evil merge=evil working-tree-encoding=UTF-16 ident text\n"
    (scene.workspace / ".gitattributes").write_text(everything)
    (scene.git_dir / "info/attributes").write_text(everything)
    (scene.workspace / "a.txt").write_text("changed\n")
    git(scene.workspace, "config", "--add", key.format(**words), value.format(**words))
    return world


@pytest.mark.parametrize("part", sampled(range(PARTS), every=PARTS))
@pytest.mark.parametrize("is_sandboxed", sampled([True, False], every=2))
def test_each_git_setting_of_the_workspace_runs_and_reads_nothing(
    template: World, tmp_path: Path, is_sandboxed: bool, part: int, note: Note
) -> None:
    """Each setting alone; a build tests a sample here, and all of them in the next test."""
    found = {}
    for number, (key, value) in enumerate([*PROGRAMS.items()][part::PARTS]):
        world = template.copy(tmp_path / str(number), is_sandboxed=is_sandboxed)
        planted(world, key, value)
        found[key] = f"{world.outcome(take)}, {world.outcome(look)}"
    # Each alone, so that a setting that git rejects hides no other.
    assert all(outcome.endswith(", seen") for outcome in found.values())
    if is_sandboxed:
        note("settings", found)


@MODES
def test_all_git_settings_of_the_workspace_together_run_nothing(
    template: World, tmp_path: Path, is_sandboxed: bool
) -> None:
    world = template.copy(tmp_path / "all", is_sandboxed=is_sandboxed)
    for key, value in PROGRAMS.items():
        if key not in ("extensions.partialClone",):
            planted(world, key, value)
    world.outcome(take)
    assert world.outcome(look) == "seen"


@MODES
def test_partial_clone_fetches_nothing_from_its_promisor_remote(
    template: World, tmp_path: Path, is_sandboxed: bool
) -> None:
    world = template.copy(tmp_path / "partial", is_sandboxed=is_sandboxed)
    at = world.scene.workspace
    for key, value in (
        ("core.repositoryFormatVersion", "1"),
        ("extensions.partialClone", "origin"),
        ("remote.origin.promisor", "true"),
        ("remote.origin.partialCloneFilter", "blob:none"),
        ("remote.origin.url", str(world.victim)),
        ("remote.origin.uploadPack", str(world.evil)),
    ):
        git(at, "config", key, value)
    blob = git(at, "rev-parse", "HEAD:loose.txt")
    (world.scene.git_dir / "objects" / blob[:2] / blob[2:]).unlink()
    assert world.outcome(take) == "unreadable"


@MODES
def test_no_hook_of_the_workspace_runs(template: World, tmp_path: Path, is_sandboxed: bool) -> None:
    world = template.copy(tmp_path / "hooks", is_sandboxed=is_sandboxed)
    for name in HOOKS:
        hook = world.scene.git_dir / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_bytes(world.evil.read_bytes())
        hook.chmod(0o755)
    assert world.outcome(take) == "taken"
    assert world.outcome(look) == "seen"


def test_plain_git_runs_the_planted_program(template: World, tmp_path: Path) -> None:
    for key in ("core.fsmonitor", "filter.evil.clean", "diff.external"):
        world = template.copy(tmp_path / key)
        planted(world, key, PROGRAMS[key])
        command = ["git", "-C", str(world.scene.workspace), "diff", "HEAD"]
        subprocess.run(command, capture_output=True, check=False)
        assert world.mark.exists()


def test_list_of_settings_covers_all_that_may_name_a_program() -> None:
    known = subprocess.run(["git", "help", "--config"], capture_output=True, text=True, check=True)
    planted_here = {_pattern(key) for key in PROGRAMS}
    missing = [
        key
        for key in known.stdout.split()
        if SOUNDING.search(key)
        and _pattern(key) not in planted_here
        and not any(fnmatch.fnmatch(key, pattern) for pattern in HARMLESS)
    ]
    assert missing == []


def _pattern(key: str) -> tuple[str, str]:
    """The first and the last part; the name between them is arbitrary."""
    return key.partition(".")[0].lower(), key.rpartition(".")[2].lower()
