"""Files that a filter wrote are distinguished from changes of an agent, which no filter reads."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from specify_cli.vcs.uncommitted_changes import uncommitted_changes
from tests.campaign import sampled
from tests.integration.workspace_kinds.projects import filters, lfs
from tests.large_files import needs_git_lfs
from tests.unit.vcs.conftest import Project
from tests.unit.vcs.workspace_stage import Workspace, workspace


def changed(project: Project, made: Workspace, **more: object) -> tuple[str, ...]:
    commit = project.git("rev-parse", "main")
    return uncommitted_changes(project.repo, made.path, commit=commit, **more).changed  # type: ignore[arg-type]


def another(path: Path) -> None:
    path.write_bytes(path.read_bytes()[::-1])


def longer(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"more")


def executable(path: Path) -> None:
    path.chmod(0o755)


def linked(path: Path) -> None:
    path.rename(path.with_name("kept"))
    path.symlink_to("kept")


def behind_a_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def piped(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


SPOILED = pytest.mark.parametrize(
    "spoil", sampled([another, longer, executable, linked, behind_a_link, piped], every=3)
)


@SPOILED
def test_changed_file_that_a_filter_wrote_is_reported(
    tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    project = filters(tmp_path).project
    made = workspace(project)
    assert changed(project, made) == ()
    spoil(made.path / "x.up")
    assert changed(project, made) == ("x.up",)


@needs_git_lfs
@SPOILED
def test_changed_lfs_file_is_reported(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    project = lfs(tmp_path).project
    made = workspace(project)
    assert changed(project, made) == ()
    spoil(made.path / "large.bin")
    assert changed(project, made) == ("large.bin",)


@needs_git_lfs
def test_unchanged_lfs_files_are_recognized_without_git_lfs(tmp_path: Path) -> None:
    project = lfs(tmp_path).project
    made = workspace(project)
    project.git("config", "--remove-section", "filter.lfs")
    assert changed(project, made) == ()


def test_filter_does_not_run_on_files_of_an_agent(tmp_path: Path) -> None:
    project = filters(tmp_path).project
    made = workspace(project)
    project.git("config", "filter.up.clean", f"tee -a {tmp_path}/read | tr A-Z a-z")
    project.git("config", "filter.up.smudge", f"tee -a {tmp_path}/read | tr a-z A-Z")
    (made.path / "x.up").write_text("mine")
    assert changed(project, made) == ("x.up",)
    assert (tmp_path / "read").read_text() == "text\n"


def test_filter_that_is_not_allowed_does_not_run(tmp_path: Path) -> None:
    project = filters(tmp_path).project
    made = workspace(project)
    project.git("config", "filter.up.smudge", f"touch {tmp_path}/ran; tr a-z A-Z")
    assert changed(project, made, filters=["other"]) == ("x.up",)
    assert not (tmp_path / "ran").exists()


def test_files_of_a_failing_filter_count_as_changed(tmp_path: Path) -> None:
    project = filters(tmp_path).project
    made = workspace(project)
    project.git("config", "filter.up.smudge", "false")
    project.git("config", "filter.up.required", "true")
    assert changed(project, made) == ("x.up",)


def test_attributes_of_an_agent_hide_no_change(tmp_path: Path) -> None:
    project = filters(tmp_path).project
    made = workspace(project)
    (made.path / "a.txt").write_text("SECOND\n")
    (made.path / ".gitattributes").write_text("* filter=up\n")
    assert set(changed(project, made)) == {".gitattributes", "a.txt"}


def test_attributes_in_git_info_are_applied(tmp_path: Path) -> None:
    project = filters(tmp_path).project
    project.commit({"y.txt": "one\ntwo\n"})
    attributes = project.root / ".git" / "info" / "attributes"
    attributes.parent.mkdir(exist_ok=True)
    attributes.write_text("y.txt text eol=crlf\n")
    made = workspace(project)
    assert (made.path / "y.txt").read_bytes() == b"one\r\ntwo\r\n"
    assert changed(project, made) == ()
