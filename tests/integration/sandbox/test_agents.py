"""An agent in a sandbox sees its workspace, the mirror and its prompt, and nothing else of the project."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from specify_cli.vcs.workspaces import Objects
from tests.integration.sandbox import users
from tests.integration.sandbox.bubblewrap import EXAMPLES
from tests.integration.sandbox.workspaces import PROMPTS, TREES, Workspace, of_all_agents
from tests.integration.stage import SLUG, Outcome, Stage

WORK = "echo work >work.txt && git add work.txt && git commit -q -m work"


@pytest.fixture(params=["its own user", "another user"])
def workspace(request: pytest.FixtureRequest) -> Iterator[Workspace]:
    """A workspace of the user who runs the tests, and one of another user."""
    owner = users.ALICE if request.param == "another user" else None
    if owner and os.geteuid() != 0:
        pytest.skip("only root can act as another user")
    with users.place() as place:
        place.stage.write_mission({"WP01": {}})
        place.stage.git("add", "kitty-specs")
        place.stage.git("commit", "-q", "-m", "plan")
        script = place.carried(EXAMPLES / "in-sandbox.sh")
        yield Workspace(stage=place.stage, owner=owner, script=script)


@pytest.fixture
def made(stage: Stage) -> Workspace:
    """A workspace in the project of the stage."""
    stage.write_mission({"WP01": {}})
    return Workspace(stage=stage)


def test_everyday_git_works_inside(workspace: Workspace):
    hook = workspace.stage.root / ".git" / "hooks" / "pre-commit"
    hook.write_text("#!/bin/sh\nid -u >hook-ran\n")
    hook.chmod(0o755)
    workspace.make()
    workspace.stage.commit({"later.txt": "later\n"})
    workspace.update_mirror()

    script = (
        f"git status --porcelain; git diff --exit-code; {WORK}; cat hook-ran; rm hook-ran"
        " && git fetch -q project && git log --format=%s main.. && git rebase -q main"
        " && git log --format=%s && git status --porcelain && ls"
    )
    ended = workspace.inside(script)

    assert ended.exit_code == 0, ended
    uid = workspace.owner or os.geteuid()
    told = ended.stdout.decode().split("\n")
    assert told[:2] == [str(uid), "work"]
    assert told[2:4] == ["work", "change later.txt"]
    assert "later.txt" in told


def test_prompt_and_mirror_are_read_only(workspace: Workspace):
    workspace.make()

    read = workspace.inside(f"cat '{workspace.prompt}' && git ls-remote project")
    assert read.exit_code == 0, read
    assert b"# WP01" in read.stdout
    for script in (
        f"echo x >>'{workspace.prompt}'",
        f"rm -f '{workspace.prompt}'",
        f"touch '{workspace.mirror}/x'",
        f"mv '{workspace.mirror}' '{workspace.mirror}.old'",
        "git push -q project HEAD:refs/heads/main",
    ):
        assert workspace.inside(script).exit_code != 0, script


def test_no_other_file_of_the_project_is_visible(workspace: Workspace):
    workspace.make()
    stage = workspace.stage
    stage.git("worktree", "add", "-q", str(stage.root / ".worktrees" / "other"))

    own = f"./.worktrees/{SLUG}-lane-a"
    ended = workspace.inside(f"cd '{stage.root}'; find . -path '{own}/*' -prune -o -print")

    found = {it for it in ended.stdout.decode().splitlines() if ".git/" not in it}
    assert found == {
        *(".", "./.worktrees", "./.worktrees/.mirror", f"./.worktrees/.mirror/{SLUG}.git", own),
        *("./kitty-specs", f"./kitty-specs/{SLUG}", f"./kitty-specs/{SLUG}/tasks"),
        f"./kitty-specs/{SLUG}/tasks/WP01-step.md",
    }


def test_network_is_available_only_with_the_network_option(made: Workspace):
    made.make()
    interfaces = "tail -n +3 /proc/net/dev | cut -d: -f1"

    assert made.inside(interfaces).stdout.split() == [b"lo"]
    outside = subprocess.run(["sh", "-c", interfaces], capture_output=True, check=True)
    assert made.inside(interfaces, "--network").stdout == outside.stdout


@pytest.mark.parametrize(
    "given",
    [
        "{root}",
        "{root}/.worktrees",
        "{root}/.worktrees/.mirror",
        "{mirror}",
        "{path}/kitty-specs",
        "{path}/missing",
        "{root}/link",
        "{root}/link/",
        "{root}/001-search-lane-a",
    ],
)
def test_path_that_is_not_a_workspace_is_refused(made: Workspace, given: str):
    made.make()
    (made.stage.root / "link").symlink_to(made.path)
    shutil.copytree(made.path, made.stage.root / made.path.name)

    place = given.format(root=made.stage.root, mirror=made.mirror, path=made.path)

    assert refused(made.start(["--workspace", place, "true"]))


def test_linked_worktree_of_an_earlier_version_is_refused(made: Workspace):
    made.make()
    shutil.rmtree(made.path)
    made.stage.git("worktree", "add", "-q", str(made.path))

    assert b"linked worktree" in refused(made.inside("true"))


@pytest.mark.parametrize("name", [".git", ".git/objects/info/alternates"])
def test_symlinks_in_the_git_folder_are_refused(made: Workspace, name: str):
    made.make()
    path = made.path / name
    if path.exists():
        path.rename(made.stage.root.parent / "moved")
    path.symlink_to(made.stage.root.parent / "moved")

    assert refused(made.inside("true"))


@pytest.mark.parametrize("is_removed", [True, False])
def test_mirror_that_is_missing_or_a_symlink_is_refused(made: Workspace, is_removed: bool):
    made.make()
    made.mirror.rename(made.stage.root.parent / "moved")
    if not is_removed:
        made.mirror.symlink_to(made.stage.root.parent / "moved")

    assert refused(made.inside("true"))


def test_remote_url_set_by_the_agent_is_not_bound_as_the_mirror(made: Workspace):
    made.make()
    outside = made.stage.root.parent / "secret.git"
    made.stage.git("init", "-q", "--bare", str(outside))
    made.stage.git("remote", "set-url", "project", str(outside), folder=made.path)

    assert made.inside(f"test ! -e '{outside}'").exit_code == 0


@pytest.mark.parametrize("planted", [False, True])
def test_workspace_with_shared_objects_is_refused_and_the_advice_works(stage: Stage, planted: bool):
    stage.write_mission({"WP01": {}})
    stage.git("add", "kitty-specs")
    stage.git("commit", "-q", "-m", "plan")
    start = {"mission": SLUG, "wp": "WP01", "actor": "coder"}
    made = Workspace(stage=stage)
    config = stage.root / ".kitty" / "config.toml"
    config.parent.mkdir(exist_ok=True)
    if planted:
        config.write_text('workspace_objects = "copy"\n')
    stage.done("start-implementation", **start)
    if planted:
        made.inside("echo /elsewhere >.git/objects/info/alternates")

    said = refused(made.inside("true")).decode().splitlines()

    [setting] = [line.strip() for line in said if "workspace_objects" in line]
    config.write_text(f"{setting}\n")
    subprocess.run(["sh", "-ec", said[-1]], check=True)
    assert "git" not in said[-1].split()
    stage.done("start-implementation", **start)
    ended = made.inside(f"git fsck --strict; {WORK}; git log --format=%s main..; git fetch project")
    assert (ended.exit_code, ended.stdout) == (0, b"work\n"), ended


def test_mirror_with_shared_objects_is_refused(made: Workspace):
    made.make()
    shutil.rmtree(made.mirror)
    made.update_mirror(Objects.SHARED)

    assert b'workspace_objects = "copy"' in refused(made.inside("true"))


def test_prompt_that_is_a_symlink_or_missing_is_refused(made: Workspace):
    made.make()
    link = made.stage.root / "prompt.md"
    link.symlink_to(made.prompt)

    for prompt in (link, made.stage.root / "missing.md", made.stage.root):
        words = ["--workspace", str(made.path), "--prompt", str(prompt), "true"]
        assert refused(made.start(words)), prompt


def test_prompt_that_the_agent_can_change_is_refused(made: Workspace):
    made.make()
    secrets = made.stage.root.parent / "secrets"
    secrets.mkdir()
    (secrets / "key").write_text("sesame\n")
    (made.path / "link").symlink_to(secrets)
    (made.path / "own.md").write_text("own\n")

    for prompt in ("link/key", "own.md", ".git/HEAD"):
        words = ["--workspace", str(made.path), "--prompt", str(made.path / prompt), "true"]
        assert refused(made.start(words)), prompt


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["inbox", "outbox"],
        ["--workspace"],
        ["--workspace", "{path}"],
        ["--prompt", "{prompt}", "inbox", "outbox", "true"],
        ["--network", "inbox", "outbox", "true"],
        ["--worktree", "{path}", "true"],
    ],
)
def test_wrong_arguments_print_both_usage_forms(made: Workspace, words: list[str]):
    made.make()

    ended = made.start([it.format(path=made.path, prompt=made.prompt) for it in words])

    assert b"INBOX OUTBOX" in refused(ended)
    assert b"--workspace" in ended.stderr


@pytest.mark.parametrize("name", ["with space", "it's", 'quote"d', "-dash", "glob*", "$HOME"])
def test_project_path_may_contain_special_characters(tmp_path: Path, name: str):
    stage = Stage(root=tmp_path / name / "project")
    stage.make_repository()
    stage.write_mission({"WP01": {}})
    made = Workspace(stage=stage).make()

    ended = made.inside(f"{WORK}; git fetch -q project; pwd")

    assert (ended.exit_code, ended.stdout.decode().strip()) == (0, str(made.path)), ended


def test_agents_in_an_orchestrators_sandbox_reach_only_the_workspaces(
    workspace: Workspace,
):
    workspace.make()
    trees = workspace.stage.root / ".worktrees"
    mailbox = workspace.stage.root.parent / "mailbox"
    mailbox.mkdir(mode=0o777)
    script = f"""
        cd {TREES}/{SLUG}-lane-a && {WORK} && git fetch -q project && test -d {PROMPTS}/{SLUG}
        ! touch {TREES}/.mirror/{SLUG}.git/x
        ! mv {TREES}/.mirror {TREES}/mirror
        ! mv {TREES}/.making {TREES}/making
        touch {TREES}/.making/x {TREES}/.trash/x || true
    """

    ended = workspace.start(
        [str(mailbox), str(mailbox), *of_all_agents(workspace.stage), "sh", "-ec", script]
    )

    assert ended.exit_code == 0, ended
    assert [*(trees / ".making").iterdir(), *(trees / ".trash").iterdir()] == []
    assert (workspace.path / "work.txt").exists()


def refused(ended: Outcome) -> bytes:
    """Check that the command was refused before it started anything; return its stderr."""
    assert (ended.exit_code, ended.stdout) == (2, b""), ended
    return ended.stderr
