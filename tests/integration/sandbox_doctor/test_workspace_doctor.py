"""`doctor --sandbox` checks the sandbox of an agent from inside."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from specify_cli.cli import sandbox_walls
from specify_cli.vcs.workspaces import Objects
from tests.integration.sandbox.workspaces import Workspace
from tests.integration.sandbox_doctor.bubble import CONTRACT
from tests.integration.stage import SOURCE, Outcome, Stage

LINES = {
    *("workspace", "writable", "room", "objects", "mirror", "identity", "repository"),
    *("workspaces", "host", "network", "home", "git"),
}
DOCTOR = f"{sys.executable} -m specify_cli doctor --sandbox . --json"
PROGRAMS = [
    *(it for path in (sys.base_prefix, sys.prefix) for it in ("--ro-bind", path, path)),
    *(it for path in map(str, (SOURCE, CONTRACT)) for it in ("--ro-bind", path, path)),
    *("--setenv", "PYTHONPATH", str(SOURCE), "--setenv", "PYTHONDONTWRITEBYTECODE", "1"),
]


@pytest.fixture
def made(stage: Stage) -> Workspace:
    """A workspace in the project of the stage."""
    stage.write_mission({"WP01": {}})
    return Workspace(stage=stage)


def look(workspace: Workspace, *options: str, before: str = "true") -> dict[str, dict[str, str]]:
    """The findings that are not ok, by check; asserts that the exit code agrees."""
    ended = workspace.inside(f"{before}; {DOCTOR}", *PROGRAMS, *options)
    return not_ok(ended)


def not_ok(ended: Outcome) -> dict[str, dict[str, str]]:
    assert ended.stdout, ended
    report = ended.envelope["data"]
    checks = {it["check"]: it for it in report["checks"]}
    assert checks.keys() <= LINES | {"sandbox"}
    for it in report["checks"]:
        assert (it["repair"] is None) == (it["verdict"] == "ok"), it
    bad = any(it["verdict"] == "no" for it in report["checks"])
    assert (ended.exit_code, report["can_work"]) == (int(bad), not bad)
    return {name: it for name, it in checks.items() if it["verdict"] != "ok"}


def verdicts(found: dict[str, dict[str, str]]) -> dict[str, str]:
    return {name: it["verdict"] for name, it in found.items()}


def outside(workspace: Workspace, *options: str, place: Path | None = None) -> Outcome:
    """Run the doctor in a bubblewrap sandbox other than that of the script."""
    walls = [
        *("bwrap", "--unshare-all", "--die-with-parent", "--clearenv", "--ro-bind", "/usr", "/usr"),
        *("--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib"),
        *("--symlink", "usr/lib64", "/lib64", "--proc", "/proc", "--dev", "/dev"),
        *("--tmpfs", "/tmp", "--dir", "/home/sandbox"),
        *("--setenv", "HOME", "/home/sandbox", "--setenv", "PATH", "/usr/bin:/bin"),
    ]
    words = [*options, "--chdir", str(place or workspace.path), "sh", "-c", DOCTOR]
    done = subprocess.run([*walls, *PROGRAMS, *words], capture_output=True, check=False)
    return Outcome(exit_code=done.returncode, stdout=done.stdout, stderr=done.stderr)


def bind(path: Path, how: str = "--bind") -> list[str]:
    return [how, str(path), str(path)]


def test_documented_sandbox_passes_all_checks_and_is_left_unchanged(made: Workspace):
    before = sorted(made.make().path.rglob("*"))

    ended = made.inside(DOCTOR, *PROGRAMS)

    assert not_ok(ended) == {}
    assert {it["check"] for it in ended.envelope["data"]["checks"]} == LINES
    assert sorted(made.path.rglob("*")) == before
    words = made.inside(DOCTOR.removesuffix(" --json"), *PROGRAMS)
    assert {
        line.split()[1].removesuffix(":") for line in words.stdout.decode().splitlines()
    } == LINES


def test_owner_check_does_not_claim_to_know_uids_outside_the_sandbox(made: Workspace):
    """A sandbox started by a user with uid 1777 has the same uid map `1777 0 1`."""
    made.make()

    ended = outside(made, *bind(made.path), *bind(made.mirror, "--ro-bind"), "--uid", "1777")

    [line] = [it for it in ended.envelope["data"]["checks"] if it["check"] == "writable"]
    assert line["what"] == "files belong to uid 1777 as seen here, as the folder does"


@pytest.mark.skipif(os.geteuid() != 0, reason="nobody else can be played")
def test_workspace_of_another_user_fails_the_check(stage: Stage):
    stage.write_mission({"WP01": {}})
    made = Workspace(stage=stage, owner=61_011).make()

    found = not_ok(outside(made, *bind(made.path)))

    assert verdicts(found) == {"writable": "no", "mirror": "warn"}
    line = found["writable"]
    assert line["what"].endswith("; its owner is not visible in this sandbox")
    assert line["repair"] == "bind it writable, and start the sandbox as the owner of the folder"


def test_read_only_workspace_fails_the_check(made: Workspace):
    made.make()

    found = look(made, *bind(made.path, "--ro-bind"), "--chdir", str(made.path))

    assert verdicts(found) == {"writable": "no"}
    assert found["writable"]["repair"] == "bind it writable"


def test_missing_mirror_gives_a_warning_and_the_advice_works(made: Workspace):
    made.make()

    found = not_ok(outside(made, *bind(made.path)))

    assert verdicts(found) == {"mirror": "warn"}
    words = found["mirror"]["repair"].partition("bubblewrap ")[2].partition(",")[0].split()
    assert not_ok(outside(made, *bind(made.path), *words)) == {}


def test_writable_mirror_gives_a_warning_and_the_advice_works(made: Workspace):
    made.make()
    options = [*bind(made.path), *bind(made.mirror)]

    found = not_ok(outside(made, *options))

    assert verdicts(found) == {"mirror": "warn"}
    words = found["mirror"]["repair"].partition("bubblewrap ")[2].split()
    assert not_ok(outside(made, *options, *words)) == {}


@pytest.mark.skipif(os.geteuid() != 0, reason="nobody else can be played")
def test_mirror_of_another_user_gives_a_warning_and_the_advice_works(made: Workspace):
    made.make()
    subprocess.run(["chown", "-R", "61011", str(made.mirror)], check=True)
    # Without the script's own git settings.
    empty = made.stage.root.parent / "empty"
    empty.touch()
    cover = ["--ro-bind", str(empty), "/etc/gitconfig"]

    found = look(made, *cover)
    assert verdicts(found) == {"mirror": "warn"}
    assert "mirror" not in look(made, *cover, before=found["mirror"]["repair"])
    fetch = f"git fetch -q project 2>/dev/null && exit 3; {found['mirror']['repair']}; git fetch -q project"
    assert made.inside(fetch, *cover).exit_code == 0


def test_missing_shared_objects_fail_the_check(made: Workspace):
    made.make(Objects.SHARED)

    found = not_ok(outside(made, *bind(made.path), *bind(made.mirror, "--ro-bind")))

    assert verdicts(found) == {"objects": "no"}
    assert 'workspace_objects = "copy"' in found["objects"]["repair"]


def test_visible_shared_objects_give_a_warning(made: Workspace):
    made.make(Objects.SHARED)
    objects = made.stage.root / ".git" / "objects"
    options = [*bind(made.path), *bind(made.mirror, "--ro-bind"), *bind(objects, "--ro-bind")]

    assert verdicts(not_ok(outside(made, *options))) == {"objects": "warn", "repository": "warn"}


@pytest.mark.parametrize(("how", "verdict"), [("--ro-bind", "warn"), ("--bind", "no")])
@pytest.mark.parametrize("at", ["", "/elsewhere"])
def test_reachable_project_repository_is_reported(made: Workspace, how: str, verdict: str, at: str):
    made.make()
    git = str(made.stage.root / ".git")

    assert verdicts(look(made, how, git, at or git)) == {"repository": verdict}


def test_reachable_mailboxes_give_a_warning(made: Workspace):
    made.make()
    (made.stage.root / ".kitty" / "host").mkdir(parents=True)

    assert verdicts(look(made, *bind(made.stage.root / ".kitty"))) == {"host": "warn"}


def test_other_reachable_workspaces_give_a_warning(made: Workspace):
    made.make()
    other = made.path.with_name("001-search-lane-b")
    shutil.copytree(made.path, other)

    assert verdicts(look(made, *bind(other))) == {"workspaces": "warn"}


def test_writable_folder_of_workspaces_fails_the_check_and_the_advice_works(made: Workspace):
    made.make()
    trees = made.path.parent
    (trees / ".trash").mkdir(mode=0o700, exist_ok=True)
    options = ["--bind", str(trees), "/trees"]

    found = not_ok(outside(made, *options, place=Path("/trees") / made.path.name))
    # The mirror is the same folder, writable.
    assert verdicts(found) == {"mirror": "warn", "workspaces": "no"}
    options += found["workspaces"]["repair"].partition("bubblewrap ")[2].split()
    found = not_ok(outside(made, *options, place=Path("/trees") / made.path.name))
    assert verdicts(found) == {"mirror": "warn", "workspaces": "warn"}
    options += ["--ro-bind", str(trees / ".mirror"), "/trees/.mirror"]
    assert not_ok(outside(made, *options, place=Path("/trees") / made.path.name)) == {}


def test_missing_git_identity_gives_a_warning_and_the_advice_works(made: Workspace):
    made.make()
    unset = "git config --remove-section user"

    found = look(made, before=unset)

    assert verdicts(found) == {"identity": "warn"}
    assert look(made, before=found["identity"]["repair"]) == {}


def test_linked_or_missing_git_folder_fails_the_check(stage: Stage):
    tree = stage.root / ".worktrees" / "001-search-lane-a"
    stage.git("worktree", "add", "-q", str(tree))
    workspace = Workspace(stage=stage)
    assert verdicts(not_ok(outside(workspace, *bind(tree)))) == {"workspace": "no"}

    (tree / ".git").unlink()
    assert verdicts(not_ok(outside(workspace, *bind(tree)))) == {"workspace": "no"}


def test_project_itself_is_not_accepted_as_a_workspace(made: Workspace):
    made.make()
    root = made.stage.root
    (root / ".kitty" / "host").mkdir(parents=True)

    found = not_ok(outside(made, *bind(root), place=root))

    assert verdicts(found) == {"workspace": "no", "repository": "no", "host": "warn"}
    assert f"{root} is the project, not a workspace" in found["workspace"]["what"]


def test_another_repository_is_not_accepted_as_a_workspace(made: Workspace, tmp_path: Path):
    other = tmp_path / "other"
    made.stage.git("clone", "-q", str(made.stage.root), str(other))
    shutil.rmtree(other / "kitty-specs", ignore_errors=True)

    found = not_ok(outside(made, *bind(other), place=other))

    assert verdicts(found) == {"workspace": "no", "repository": "no"}
    assert f"{other} is a repository, not a workspace" in found["workspace"]["what"]


@pytest.mark.skipif(sandbox_walls.is_confined(), reason="the tests are in a container themselves")
def test_process_outside_any_sandbox_gets_a_warning(made: Workspace):
    made.make()

    for place in (made.stage.root, made.path):
        found = not_ok(made.stage.run("doctor", "--sandbox", ".", "--json", cwd=place))
        assert verdicts(found)["sandbox"] == "warn"
        assert "there is no sandbox" in found["sandbox"]["what"]


def test_symlink_in_place_of_the_git_folder_fails_the_check(made: Workspace):
    made.make()
    (made.path / ".git").rename(made.path / "moved")
    (made.path / ".git").symlink_to("moved")

    options = [*bind(made.path), *bind(made.mirror, "--ro-bind")]
    assert verdicts(not_ok(outside(made, *options))) == {"workspace": "no"}


def test_network_gives_a_warning(made: Workspace):
    made.make()

    found = not_ok(made.inside(DOCTOR, "--network", *PROGRAMS))
    assert set(found) <= {"network"}  # Empty on a machine without a network.
