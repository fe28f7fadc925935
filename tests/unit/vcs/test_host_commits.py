"""Tests of commits of the host's own files, which keep the user's changes as they are."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from specify_cli.vcs import host_commits, lock_ownership
from specify_cli.vcs.git import Git, GitFailed, GitResult
from specify_cli.vcs.host_commits import commit_files
from tests.unit.vcs.conftest import LOG, Project

pytestmark = pytest.mark.long


def held(*paths: Path) -> dict[Path, bytes | None]:
    """The content of the files; None for a missing one."""
    return {path: path.read_bytes() if path.exists() else None for path in paths}


def files_of(project: Project, commit: str) -> list[str]:
    answer = project.git("show", "--name-only", "--format=", "-z", commit)
    return [path for path in answer.split("\0") if path]


def test_only_the_given_files_are_committed(project: Project) -> None:
    log = project.write(LOG, "one\ntwo\n")
    odd = project.write("kitty-specs/sp ace/\u00fc\n.json", "{}")
    commit = commit_files(project.repo, held(log, odd), message="record")
    assert commit == project.git("rev-parse", "main")
    assert files_of(project, commit) == [LOG, "kitty-specs/sp ace/\u00fc\n.json"]
    assert project.status() == []


def test_unchanged_files_make_no_commit(project: Project) -> None:
    before = project.refs()
    assert commit_files(project.repo, held(project.root / LOG), message="record") is None
    assert project.refs() == before


def test_staged_and_unstaged_changes_are_kept(project: Project) -> None:
    project.write("a.txt", "staged\n")
    project.write("new.txt", "new\n")
    project.git("add", "a.txt", "new.txt")
    project.write("a.txt", "unstaged\n")
    project.write("untracked.txt", "u\n")
    log = project.write(LOG, "two\n")
    status = [entry for entry in project.status() if LOG not in entry]
    commit = commit_files(project.repo, held(log), message="record")
    assert files_of(project, commit or "") == [LOG]
    assert project.status() == status
    assert project.git("show", ":a.txt") == "staged"
    assert (project.root / "a.txt").read_text() == "unstaged\n"


def test_unborn_branch_gets_its_first_commit(empty: Project) -> None:
    empty.write("mine.txt", "m\n")
    empty.git("add", "mine.txt")
    log = empty.write(LOG, "one\n")
    commit = commit_files(empty.repo, held(log), message="record")
    assert commit == empty.git("rev-parse", "refs/heads/main")
    assert files_of(empty, commit) == [LOG]
    assert empty.status() == ["A  mine.txt"]


def test_detached_head_moves_and_no_branch_does(project: Project) -> None:
    project.git("checkout", "-q", "--detach")
    refs = project.refs()
    commit = commit_files(project.repo, held(project.write(LOG, "two\n")), message="record")
    assert project.git("rev-parse", "HEAD") == commit
    assert project.refs() == refs


def test_missing_file_is_removed_by_the_commit(project: Project) -> None:
    (project.root / LOG).unlink()
    commit = commit_files(project.repo, held(project.root / LOG), message="record")
    assert LOG not in project.git("ls-tree", "-r", "--name-only", commit or "")
    assert project.status() == []


def test_ignored_files_of_the_host_are_committed(project: Project) -> None:
    project.commit({".gitignore": "*.jsonl\n"})
    commit = commit_files(project.repo, held(project.write(LOG, "two\n")), message="record")
    assert files_of(project, commit or "") == [LOG]


def test_hooks_and_signing_are_not_used(project: Project) -> None:
    for name in ("pre-commit", "commit-msg", "reference-transaction", "post-commit"):
        project.write(f".git/hooks/{name}", "#!/bin/sh\nexit 1\n").chmod(0o755)
    project.git("config", "commit.gpgSign", "true")
    assert commit_files(project.repo, held(project.write(LOG, "two\n")), message="record")


def test_project_may_be_named_through_a_link(project: Project, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(project.root)
    project.write(LOG, "two\n")
    commit = commit_files(project.repo, held(tmp_path / "link" / LOG), message="record")
    assert files_of(project, commit or "") == [LOG]


def test_file_outside_the_project_is_refused(project: Project, tmp_path: Path) -> None:
    (tmp_path / "other").write_text("x")
    with pytest.raises(ValueError, match="other"):
        commit_files(project.repo, held(tmp_path / "other"), message="record")


def test_files_of_the_user_are_stored_as_git_add_would(project: Project) -> None:
    project.git("config", "core.autocrlf", "true")
    project.git("config", "core.safecrlf", "true")
    spec = project.write("kitty-specs/001/spec.md", "one\r\ntwo\r\n")
    commit = commit_files(project.repo, {}, authored=[spec], message="record")
    assert project.show(commit or "", "kitty-specs/001/spec.md") == "one\ntwo\n"
    assert project.status() == []


@pytest.mark.parametrize(
    "attributes",
    [
        "working-tree-encoding=UTF-16",
        "text eol=crlf",
        "ident",
        "filter=broken",
        "merge=broken diff=broken",
    ],
)
def test_attributes_do_not_change_how_the_files_of_the_host_are_stored(
    project: Project, attributes: str
) -> None:
    project.git("config", "filter.broken.clean", "false")
    project.git("config", "filter.broken.required", "true")
    project.write(".gitattributes", f"*.jsonl {attributes}\n")
    log = project.write(LOG, "one $Id$\ntwo\n")
    commit = commit_files(project.repo, held(log), message="record")
    assert project.git("cat-file", "blob", f"{commit}:{LOG}") == "one $Id$\ntwo"
    assert log.read_bytes() == b"one $Id$\ntwo\n"


def test_locked_index_fails_before_head_moves(project: Project) -> None:
    log = project.write(LOG, "two\n")
    (project.root / ".git/index.lock").touch()
    head = project.repo.head()
    with pytest.raises(GitFailed):
        commit_files(project.repo, held(log), message="record")
    assert project.repo.head() == head


def test_an_io_error_before_the_commit_fails_the_commit(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, head = project.write(LOG, "one\nand more\n"), project.git("rev-parse", "main")

    def refuse(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(lock_ownership, "note_ref", refuse)
    with pytest.raises(GitFailed, match="Input/output error"):
        commit_files(project.repo, held(log), message="record")
    assert project.git("rev-parse", "main") == head


@pytest.mark.parametrize("in_the_way", ["refs/heads/main.lock", "HEAD.lock"])
def test_a_failed_commit_leaves_the_index_unchanged(project: Project, in_the_way: str) -> None:
    log = project.write(LOG, "staged by hand\n")
    project.git("add", LOG)
    log.write_text("two\n")
    (project.root / ".git" / in_the_way).touch()
    index = (project.root / ".git/index").read_bytes()
    with pytest.raises(GitFailed, match="lock"):
        commit_files(project.repo, held(log), message="record")
    assert (project.root / ".git/index").read_bytes() == index
    assert not list((project.root / ".git").glob("spec-kitty-index*"))
    (project.root / ".git" / in_the_way).unlink()
    assert commit_files(project.repo, held(log), message="record")
    assert project.git("show", f"HEAD:{LOG}") == "two"


def test_a_failed_first_commit_leaves_no_index(empty: Project) -> None:
    log = empty.write(LOG, "one\n")
    (empty.root / ".git/HEAD.lock").touch()
    with pytest.raises(GitFailed, match="lock"):
        commit_files(empty.repo, held(log), message="record")
    assert not (empty.root / ".git/index").exists()


def test_an_error_reported_after_head_moved_keeps_the_commit_and_its_index(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, run = project.write(LOG, "two\n"), Git.run

    def refuse_late(git: Git, *args: str, **more: Any) -> GitResult:
        done = run(git, *args, **more)
        if args[0] == "update-ref":
            raise GitFailed(args, returncode=-1, stderr="Input/output error")
        return done

    monkeypatch.setattr(Git, "run", refuse_late)
    commit_files(project.repo, held(log), message="record")
    assert project.git("show", f"HEAD:{LOG}") == "two"
    assert project.status() == []


def test_an_io_error_after_the_commit_keeps_the_commit(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(host_commits, "refresh_index", refuse)
    commit = commit_files(
        project.repo, held(project.write(LOG, "one\nand more\n")), message="record"
    )
    assert commit == project.git("rev-parse", "main")


def test_a_commit_that_lost_a_race_for_head_stages_nothing(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, run = project.write(LOG, "two\n"), Git.run

    def overtaken(git: Git, *args: str, **more: Any) -> GitResult:
        if args[0] == "update-ref":
            tree, head = project.git("rev-parse", "HEAD^{tree}", "HEAD").split()
            others = project.git("commit-tree", "-p", head, "-m", "somebody else's", tree)
            project.git("update-ref", "HEAD", others)
        return run(git, *args, **more)

    monkeypatch.setattr(Git, "run", overtaken)
    with pytest.raises(GitFailed):
        commit_files(project.repo, held(log), message="record")
    assert project.git("diff", "--cached", "--name-only") == ""


def test_a_split_index_and_its_shared_index_are_kept(project: Project) -> None:
    for setting in ("core.splitIndex=true", "splitIndex.sharedIndexExpire=now"):
        project.git("config", *setting.split("="))
    project.write("staged.txt", "staged\n")
    project.git("add", "staged.txt")
    project.git("update-index", "--split-index")
    (project.root / ".git/HEAD.lock").touch()
    log = project.write(LOG, "two\n")
    with pytest.raises(GitFailed, match="lock"):
        commit_files(project.repo, held(log), message="record")
    assert project.git("diff", "--cached", "--name-only") == "staged.txt"
    (project.root / ".git/HEAD.lock").unlink()
    assert commit_files(project.repo, held(log), message="record")
    assert project.git("diff", "--cached", "--name-only") == "staged.txt"


def test_the_index_keeps_its_mode_and_owner(project: Project) -> None:
    index = project.root / ".git/index"
    index.chmod(0o660)
    owner = 54_321 if os.geteuid() == 0 else os.geteuid()
    os.chown(index, owner, -1)
    assert commit_files(project.repo, held(project.write(LOG, "two\n")), message="record")
    found = index.stat()
    assert (stat.S_IMODE(found.st_mode), found.st_uid) == (0o660, owner)
