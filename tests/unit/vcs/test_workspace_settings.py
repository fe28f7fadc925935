"""Tests of the settings of a project that are copied into a workspace."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from specify_cli.vcs.git import GitFailed, within
from specify_cli.vcs.workspace_settings import Setting, text_of
from tests.unit.vcs.conftest import Project
from tests.unit.vcs.workspace_stage import Workspace, remains, workspace

pytestmark = pytest.mark.long

TAKEN = {
    "commit.gpgsign": "true",
    "core.autocrlf": "input",
    "core.eol": "lf",
    "core.filemode": "false",
    "core.ignorecase": "true",
    "core.symlinks": "true",
    "diff.words.wordRegex": r"[^[:space:]\"]+	;#x",
    "filter.lfs.process": "git-lfs filter-process",
    "filter.lfs.required": "false",
    "filter.odd name.clean": 'sed "s/a/b/" \\; #x ',
    "gpg.format": "ssh",
    "gpg.ssh.program": "/usr/bin/x",
    "lfs.concurrenttransfers": "3",
    "user.email": "me@example.org",
    "user.name": 'Mé "The" Person; #1',
    "user.signingkey": "~/.ssh/id",
}
LEFT = {
    "alias.x": "!sh",
    "branch.main.remote": "origin",
    "core.askPass": "x",
    "core.attributesFile": "/x",
    "core.editor": "x",
    "core.excludesFile": "/x",
    "core.fsmonitor": "x",
    "core.gitProxy": "x",
    "core.pager": "x",
    "core.sshCommand": "ssh -i secret",
    "core.worktree": "/x",
    "credential.helper": "store",
    "credential.https://example.org.username": "me",
    "http.extraHeader": "Authorization: secret",
    "http.https://example.org/.extraheader": "secret",
    "http.proxy": "http://me:secret@proxy",
    "include.path": "/nonexistent",
    "includeIf.gitdir:/.path": "/nonexistent",
    "merge.x.driver": "x",
    "protocol.ext.allow": "always",
    "receive.denyCurrentBranch": "ignore",
    "remote.origin.proxy": "http://me:secret@proxy",
    "remote.origin.receivepack": "x",
    "remote.origin.uploadpack": "x",
    "remote.origin.vcs": "x",
    "submodule.lib.update": "!x",
    "uploadpack.packObjectsHook": "x",
    "url.https://me:secret@example.org/.insteadOf": "x:",
    "user.password": "secret",
}


def settings(made: Workspace) -> dict[str, str]:
    fields = made.git("config", "--local", "-z", "--list").split("\0")
    return dict(it.partition("\n")[::2] for it in fields if it)


def lowered(key: str) -> str:
    head, _, rest = key.partition(".")
    middle, dot, tail = rest.rpartition(".")
    return f"{head.lower()}.{middle}{dot}{tail.lower()}"


def configure(project: Project, wanted: dict[str, str]) -> None:
    for key, value in wanted.items():
        project.git("config", key, value)


def test_harmless_settings_are_copied_unchanged(project: Project) -> None:
    configure(project, TAKEN)
    found = settings(workspace(project))
    assert {lowered(key): value for key, value in TAKEN.items()}.items() <= found.items()


def test_secrets_and_programs_are_not_copied(project: Project) -> None:
    (project.root / ".gitmodules").touch()
    project.git("remote", "add", "origin", "https://me:secret@example.org/x.git")
    configure(project, {key: value for key, value in LEFT.items() if key != "core.worktree"})
    project.git("config", "core.worktree", str(project.root))
    made = workspace(project)
    found = settings(made)
    assert found.keys().isdisjoint(map(lowered, LEFT))
    text = (made.path / ".git" / "config").read_text()
    assert "secret" not in text
    assert not any(section in text for section in ("credential", "[http", "[url", "include"))


def test_global_settings_are_not_copied_except_the_identity(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An agent without the home folder of the user gets only the name and address from there."""
    file = tmp_path / "global"
    file.write_text("[user]\n\tname = Me\n\temail = me@x\n[commit]\n\tgpgSign = true\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(file))
    found = settings(workspace(project))
    assert (found["user.name"], found["user.email"]) == ("Me", "me@x")
    assert "commit.gpgsign" not in found


@pytest.mark.parametrize(
    ("own", "variables", "expected"),
    [
        ({"user.name": "P", "user.email": "p@x"}, {"GIT_AUTHOR_NAME": "E"}, ("P", "p@x")),
        ({}, {"GIT_AUTHOR_NAME": "E", "GIT_AUTHOR_EMAIL": "e@x"}, ("E", "e@x")),
        ({"user.name": "P"}, {"EMAIL": "e@x"}, ("P", "e@x")),
        ({"user.useConfigOnly": "true"}, {}, ("spec-kitty", "spec-kitty@localhost")),
    ],
)
def test_commits_have_the_identity_that_git_would_use_in_the_project(
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    own: dict[str, str],
    variables: dict[str, str],
    expected: tuple[str, str],
) -> None:
    for name in ("AUTHOR_NAME", "AUTHOR_EMAIL", "COMMITTER_NAME", "COMMITTER_EMAIL"):
        monkeypatch.delenv(f"GIT_{name}")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    configure(project, own)
    made = workspace(project)
    for name in variables:
        monkeypatch.delenv(name)
    assert (settings(made)["user.name"], settings(made)["user.email"]) == expected
    made.commit({"x": "x"})
    assert made.git("log", "-1", "--format=%an|%ae") == "|".join(expected)


def test_remotes_are_copied_without_credentials(project: Project) -> None:
    project.git("remote", "add", "origin", "https://me:secret@example.org/x.git")
    project.git("remote", "add", "backup", "../backup.git")
    project.git("remote", "add", "helper", "ext::sh -c x")
    project.git("remote", "add", "project", "/somebody/else's")
    project.git("config", "--add", "remote.origin.pushurl", "ssh://git:secret@example.org/x.git")
    made = workspace(project)
    assert made.git("remote").split() == ["backup", "origin", "project"]
    assert made.git("remote", "get-url", "origin") == "https://example.org/x.git"
    assert made.git("remote", "get-url", "--push", "origin") == "ssh://git@example.org/x.git"
    assert made.git("remote", "get-url", "backup") == str(project.root.parent / "backup.git")
    assert made.git("remote", "get-url", "project") == "../.mirror/demo.git"


@pytest.mark.parametrize(
    ("remotes", "default"),
    [(["origin", "other"], "origin"), (["other"], "other"), (["a", "b"], None), ([], None)],
)
def test_pushes_go_to_the_only_remote_or_origin_by_default(
    project: Project, tmp_path: Path, remotes: list[str], default: str | None
) -> None:
    for name in remotes:
        project.git("init", "-q", "--bare", str(tmp_path / name))
        project.git("remote", "add", name, str(tmp_path / name))
    made = workspace(project)
    assert settings(made).get("remote.pushdefault") == default
    if default:
        made.git("push", "-q")
        pushed = project.git("rev-parse", made.order.branch, at=tmp_path / default)
        assert pushed == made.order.commit


@pytest.fixture
def hooked(project: Project) -> Project:
    for name, content in (("pre-commit", "#!/bin/sh\necho ran >>ran\n"), ("x.sample", "")):
        project.write(f".git/hooks/{name}", content).chmod(0o755)
    return project


def test_hooks_run_in_a_workspace(hooked: Project) -> None:
    (hooked.root / ".git/hooks/post-commit").symlink_to("../../tracked-hook")
    (hooked.root / ".git/hooks/commit-msg").symlink_to("/nonexistent")
    hooked.write("tracked-hook", "#!/bin/sh\necho linked >>ran\n").chmod(0o755)
    hooked.git("add", "--all")
    hooked.git("commit", "-q", "--no-verify", "-m", "hook")
    (hooked.root / "ran").unlink()
    made = workspace(hooked)
    assert {it.name for it in (made.path / ".git/hooks").iterdir()} == {
        "commit-msg",
        "post-commit",
        "pre-commit",
    }
    made.commit({"x": "x"})
    assert (made.path / "ran").read_text() == "ran\nlinked\n"
    assert not (hooked.root / "ran").exists()


def test_hooks_that_are_not_small_files_are_left_out_and_reported(hooked: Project) -> None:
    os.mkfifo(hooked.root / ".git/hooks/pre-push")
    (hooked.root / ".git/hooks/lib").mkdir()
    hooked.write(".git/hooks/commit-msg", "x" * (1024 * 1024 + 1))
    made = workspace(hooked)
    assert list(made.made.left_out) == ["commit-msg", "lib", "pre-push"]
    assert [it.name for it in (made.path / ".git/hooks").iterdir()] == ["pre-commit"]


def test_has_hooks_false_leaves_hooks_out(hooked: Project) -> None:
    hooked.commit({".hooks/pre-commit": "#!/bin/sh\nexit 1\n"})
    made = workspace(hooked, has_hooks=False)
    assert list((made.path / ".git/hooks").iterdir()) == []
    hooked.git("config", "core.hooksPath", ".hooks")
    made = workspace(hooked, "demo-lane-b", has_hooks=False)
    assert "core.hookspath" not in settings(made)


@pytest.mark.parametrize("path", [".hooks", "./.hooks/"])
def test_a_relative_hooks_path_applies_to_the_folder_in_the_workspace(
    hooked: Project, path: str
) -> None:
    hooked.write(".hooks/pre-commit", "#!/bin/sh\necho tracked >>ran\n").chmod(0o755)
    hooked.git("add", ".hooks")
    hooked.git("commit", "-q", "--no-verify", "-m", "hook")
    hooked.git("config", "core.hooksPath", path)
    made = workspace(hooked)
    made.commit({"x": "x"})
    assert (made.path / "ran").read_text() == "tracked\n"
    assert list((made.path / ".git/hooks").iterdir()) == []


@pytest.mark.parametrize("path", ["/abs/hooks", "../hooks", "a/../../hooks", "~/hooks"])
def test_a_hooks_path_outside_the_project_is_not_copied(hooked: Project, path: str) -> None:
    hooked.git("config", "core.hooksPath", path)
    made = workspace(hooked)
    assert "core.hookspath" not in settings(made)
    assert list((made.path / ".git/hooks").iterdir()) == []


@pytest.mark.parametrize("path", [".git/hooks", "./.git/hooks/", "{root}/.git/hooks"])
def test_a_hooks_path_that_names_the_default_folder_copies_its_hooks(
    hooked: Project, path: str
) -> None:
    hooked.git("config", "core.hooksPath", path.format(root=hooked.root))
    made = workspace(hooked)
    made.commit({"x": "x"})
    assert (made.path / "ran").read_text() == "ran\n"


def test_a_hooks_folder_that_is_a_link_is_not_followed(hooked: Project, tmp_path: Path) -> None:
    (hooked.root / ".git/hooks").rename(tmp_path / "hooks")
    (hooked.root / ".git/hooks").symlink_to(tmp_path / "hooks")
    assert list((workspace(hooked).path / ".git/hooks").iterdir()) == []


def test_exclude_and_attributes_files_are_copied(project: Project) -> None:
    project.write(".git/info/exclude", "*.log\n")
    project.write(".git/info/attributes", "*.txt -text\n")
    made = workspace(project)
    (made.path / "x.log").touch()
    assert made.git("status", "--porcelain") == ""
    assert made.git("check-attr", "text", "a.txt") == "a.txt: text: unset"


def test_exclude_and_attributes_files_that_are_links_or_too_large_are_not_read(
    project: Project, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("secret")
    (project.root / ".git/info/attributes").symlink_to(tmp_path / "secret")
    project.write(".git/info/exclude", "x" * (1024 * 1024 + 1))
    made = workspace(project)
    assert (made.path / ".git/info/attributes").readlink() == tmp_path / "secret"
    assert not (made.path / ".git/info/exclude").exists()


def test_a_fifo_that_git_reads_is_aborted_at_the_deadline(project: Project) -> None:
    (project.root / ".git/info/exclude").unlink()
    os.mkfifo(project.root / ".git/info/exclude")
    with within(2), pytest.raises(GitFailed):
        workspace(project)
    assert remains(project) == []


NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)


@given(
    st.lists(
        st.tuples(NAMES, TEXTS.map(lambda it: it.replace("\n", "")), NAMES, st.none() | TEXTS),
        max_size=8,
    )
)
def test_written_settings_are_read_by_git_unchanged(
    tmp_path_factory: pytest.TempPathFactory, parts: list[tuple[str, str, str, str | None]]
) -> None:
    wanted = [
        Setting(key=f"{top}.{sub}.{name}" if sub else f"{top}.{name}", value=value)
        for top, sub, name, value in parts
        if top not in ("include", "includeif")
    ]
    file = tmp_path_factory.getbasetemp() / f"config-{os.getpid()}"
    file.write_bytes(text_of(wanted))
    command = ["git", "config", "-z", "--list", "--file", str(file)]
    printed = subprocess.run(command, check=True, capture_output=True).stdout
    expected = [it.key if it.value is None else f"{it.key}\n{it.value}" for it in wanted]
    assert printed == os.fsencode("".join(f"{it}\0" for it in expected))
