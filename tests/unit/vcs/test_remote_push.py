"""Tests of pushes with known and unknown outcomes."""

from __future__ import annotations

from pathlib import Path

import pytest

from specify_cli.vcs import remote_push
from specify_cli.vcs.remote_push import PushFailed, PushUnknown
from tests.unit.vcs.conftest import Project

pytestmark = pytest.mark.long

HOOK_WAITS = "#!/bin/sh\nwhile test ! -e {gate}; do sleep 0.02; done\n"


def push(project: Project, commit: str, *, again: bool = False, timeout_s: float = 30) -> None:
    remote_push.push(
        project.repo, commit=commit, target="main", may_be_there=again, timeout_s=timeout_s
    )


@pytest.fixture
def remote(project: Project, tmp_path: Path) -> Path:
    made = tmp_path / "remote"
    project.git("init", "-q", "--bare", "-b", "main", str(made))
    project.git("remote", "add", "origin", str(made))
    project.git("push", "-q", "origin", "main")
    return made


def new_commit(project: Project) -> str:
    return project.git("commit-tree", "-p", "main", "-m", "merge", "main^{tree}")


def hook(folder: Path, name: str, text: str) -> None:
    path = folder / "hooks" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def tip(project: Project, remote: Path) -> str:
    return project.git("rev-parse", "main", at=remote)


def test_a_push_brings_the_commit_to_the_remote(project: Project, remote: Path) -> None:
    commit = new_commit(project)
    push(project, commit)
    push(project, commit)
    assert tip(project, remote) == commit


def test_a_push_without_a_remote_fails(project: Project) -> None:
    with pytest.raises(PushFailed) as caught:
        push(project, new_commit(project))
    assert caught.value.reason


def test_a_first_push_to_a_missing_remote_fails(project: Project, remote: Path) -> None:
    remote.rename(remote.with_name("moved"))
    with pytest.raises(PushFailed):
        push(project, new_commit(project))


def test_a_repeated_push_to_a_missing_remote_has_an_unknown_outcome(
    project: Project, remote: Path
) -> None:
    remote.rename(remote.with_name("moved"))
    with pytest.raises(PushUnknown):
        push(project, new_commit(project), again=True)


@pytest.mark.parametrize("where", ["pre-receive", "update", "pre-push"])
def test_a_push_that_a_hook_refuses_fails(project: Project, remote: Path, where: str) -> None:
    folder = project.root / ".git" if where == "pre-push" else remote
    hook(folder, where, "#!/bin/sh\necho not today >&2\nexit 1\n")
    before = tip(project, remote)
    with pytest.raises(PushFailed) as caught:
        push(project, new_commit(project))
    assert "not today" in caught.value.reason
    assert tip(project, remote) == before


def test_a_push_to_a_diverged_remote_fails(project: Project, remote: Path) -> None:
    project.git("push", "-q", "origin", f"{new_commit(project)}:refs/heads/main")
    other = project.git("commit-tree", "-p", "main", "-m", "other", "main^{tree}")
    with pytest.raises(PushFailed) as caught:
        push(project, other)
    assert "rejected" in caught.value.reason


def test_a_push_succeeds_if_the_remote_is_already_ahead_of_the_commit(
    project: Project, remote: Path, tmp_path: Path
) -> None:
    commit = new_commit(project)
    project.git("push", "-q", "origin", f"{commit}:refs/heads/main")
    project.git("clone", "-q", str(remote), str(tmp_path / "colleague"))
    project.commit({"theirs.txt": "t\n"}, at=tmp_path / "colleague")
    project.git("push", "-q", at=tmp_path / "colleague")
    push(project, commit, again=True)
    push(project, commit)
    assert not (project.root / ".git" / "FETCH_HEAD").exists()


def test_a_push_that_times_out_has_an_unknown_outcome(
    project: Project, remote: Path, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    # The hook has a session of its own, as on another machine: it survives the end of the push.
    waits = HOOK_WAITS.format(gate=gate)
    hook(remote, "waits", waits)
    hook(remote, "pre-receive", f"#!/bin/sh\nexec setsid {remote}/hooks/waits\n")
    commit = new_commit(project)
    before = tip(project, remote)
    with pytest.raises(PushUnknown):
        push(project, commit, timeout_s=0.5)
    assert tip(project, remote) == before
    gate.touch()
    push(project, commit, again=True)
    assert tip(project, remote) == commit


def test_a_remote_killed_before_it_took_the_commit_leaves_the_outcome_unknown(
    project: Project, remote: Path
) -> None:
    hook(remote, "pre-receive", "#!/bin/sh\nkill -KILL $PPID\n")
    with pytest.raises(PushUnknown):
        push(project, new_commit(project))


def test_a_push_succeeds_if_the_remote_is_killed_after_it_took_the_commit(
    project: Project, remote: Path
) -> None:
    hook(remote, "post-update", "#!/bin/sh\nkill -KILL $PPID\n")
    hook(remote, "post-receive", "#!/bin/sh\nkill -KILL $PPID\n")
    commit = new_commit(project)
    push(project, commit)
    assert tip(project, remote) == commit


def test_a_push_uses_the_push_url_and_is_verified_there(
    project: Project, remote: Path, tmp_path: Path
) -> None:
    project.git("init", "-q", "--bare", "-b", "main", str(tmp_path / "other"))
    project.git("remote", "set-url", "--push", "origin", str(tmp_path / "other"))
    commit = new_commit(project)
    push(project, commit)
    push(project, commit, again=True)
    assert tip(project, tmp_path / "other") == commit
    assert tip(project, remote) != commit


def test_a_refused_push_does_not_settle_an_earlier_push_that_may_still_arrive(
    project: Project, remote: Path, tmp_path: Path
) -> None:
    gate, commit = tmp_path / "gate", new_commit(project)
    hook(remote, "waits", HOOK_WAITS.format(gate=gate))
    hook(remote, "pre-receive", f"#!/bin/sh\nexec setsid {remote}/hooks/waits\n")
    with pytest.raises(PushUnknown):
        push(project, commit, timeout_s=0.5)
    hook(remote, "pre-receive", "#!/bin/sh\nexit 1\n")
    with pytest.raises(PushUnknown):
        push(project, commit, again=True)
    gate.touch()
    (remote / "hooks" / "pre-receive").unlink()
    push(project, commit, again=True)
    assert tip(project, remote) == commit


def test_a_diverged_remote_settles_an_earlier_push(project: Project, remote: Path) -> None:
    other = project.git("commit-tree", "-p", "main", "-m", "other", "main^{tree}")
    project.git("push", "-q", "origin", f"{other}:refs/heads/main")
    with pytest.raises(PushFailed):
        push(project, new_commit(project), again=True)
