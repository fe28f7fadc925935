"""Tests of workspaces of all kinds of repositories."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from specify_cli.vcs.errors import AllocationFailed
from specify_cli.vcs.repository import Repository
from specify_cli.vcs.workspaces import Objects, make
from tests.unit.vcs.conftest import Project
from tests.unit.vcs.workspace_stage import SHARED_AND_COPIED, Workspace, order, remains, workspace

pytestmark = pytest.mark.long


def cloned(origin: Project, root: Path, *flags: str) -> Project:
    origin.git("clone", "-q", *flags, f"file://{origin.root}", str(root))
    return Project(root=root)


@pytest.fixture
def origin(project: Project) -> Project:
    for number in range(3):
        project.commit({"a.txt": f"{number}\n" * 100})
    project.git("config", "uploadpack.allowFilter", "true")
    project.git("config", "uploadpack.allowAnySHA1InWant", "true")
    return project


def agent_works(made: Workspace) -> None:
    """Require that the usual commands of git work in the workspace."""
    assert made.git("status", "--porcelain") == ""
    made.commit({"new.txt": "new\n"})
    assert made.git("log", "--format=%an", "-1", "main..") == "Ada"
    made.git("fsck", "--strict", "--no-dangling")
    made.git("gc", "-q")
    assert made.git("status", "--porcelain") == ""


@SHARED_AND_COPIED
def test_a_sha256_repository_is_supported(tmp_path: Path, objects: Objects) -> None:
    root = tmp_path / "project"
    subprocess.run(["git", "init", "-q", "-b", "main", "--object-format=sha256", root], check=True)
    project = Project(root=root)
    project.commit({"a.txt": "a\n"})
    made = workspace(project, objects=objects)
    assert len(made.git("rev-parse", "HEAD")) == 64
    agent_works(made)


@SHARED_AND_COPIED
def test_a_shallow_repository_is_supported(
    origin: Project, tmp_path: Path, objects: Objects
) -> None:
    project = cloned(origin, tmp_path / "shallow", "--depth=2")
    made = workspace(project, objects=objects)
    assert made.git("rev-list", "--count", "HEAD") == "2"
    assert made.git("rev-parse", "--is-shallow-repository") == "true"
    agent_works(made)


@SHARED_AND_COPIED
@pytest.mark.parametrize("cone", ["--cone", "--no-cone"])
@pytest.mark.parametrize("extension", ["true", "false"])
def test_a_sparse_checkout_is_taken_over(
    project: Project, objects: Objects, cone: str, extension: str
) -> None:
    project.commit({"in/a.txt": "a\n", "out/b.txt": "b\n"})
    project.git("config", "extensions.worktreeConfig", extension)
    project.git("sparse-checkout", "set", cone, "in")
    made = workspace(project, objects=objects)
    assert (made.path / "in" / "a.txt").exists()
    assert not (made.path / "out").exists()
    assert made.git("sparse-checkout", "list").strip("/") == "in"
    assert made.git("status", "--porcelain") == ""
    made.git("sparse-checkout", "disable")
    assert (made.path / "out" / "b.txt").exists()
    agent_works(made)


def test_a_shared_workspace_of_a_partial_clone_fetches_missing_objects(
    origin: Project, tmp_path: Path
) -> None:
    project = cloned(origin, tmp_path / "partial", "--filter=blob:none")
    made = workspace(project, objects=Objects.SHARED)
    assert made.git("status", "--porcelain") == ""
    assert made.git("show", "HEAD~2:a.txt").startswith("0\n")
    assert made.git("log", "-p", "--format=%h")
    agent_works(made)


def test_a_shared_workspace_of_a_partial_clone_gets_all_files(
    origin: Project, tmp_path: Path
) -> None:
    project = cloned(origin, tmp_path / "partial", "--filter=blob:none", "--no-checkout")
    made = workspace(project, objects=Objects.SHARED)
    assert (made.path / "a.txt").read_text().startswith("2\n")


def test_a_partial_clone_is_copied_after_the_suggested_command(
    origin: Project, tmp_path: Path
) -> None:
    project = cloned(origin, tmp_path / "partial", "--filter=blob:none")
    with pytest.raises(AllocationFailed) as refused:
        workspace(project, objects=Objects.COPIED)
    assert refused.value.code == "partial_clone"
    assert remains(project) == []
    command = refused.value.reason.partition("(")[2].partition(")")[0]
    subprocess.run(command, shell=True, check=True, cwd=project.root)
    made = workspace(project, objects=Objects.COPIED)
    shutil.rmtree(origin.root)
    assert made.git("show", "HEAD~2:a.txt").startswith("0\n")
    assert "partialclone" not in (made.path / ".git" / "config").read_text()
    agent_works(made)


@SHARED_AND_COPIED
@pytest.mark.parametrize("url", ["../library", "./../library"])
def test_relative_submodule_urls_are_resolved_against_the_origin(
    project: Project, tmp_path: Path, objects: Objects, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "file")
    library = Project(root=tmp_path / "library")
    library.root.mkdir()
    library.git("init", "-q", "-b", "main")
    library.commit({"lib.txt": "lib\n"})
    upstream = cloned(project, tmp_path / "upstream", "--bare")
    project.git("remote", "add", "origin", str(upstream.root))
    project.git("submodule", "--quiet", "add", url, "lib")
    project.git("commit", "-q", "-m", "library")
    project.git("config", "--remove-section", "submodule.lib")
    made = workspace(project, objects=objects)
    assert list((made.path / "lib").iterdir()) == []
    made.git("submodule", "--quiet", "update", "--init")
    assert (made.path / "lib" / "lib.txt").read_text() == "lib\n"
    assert made.git("status", "--porcelain") == ""


@SHARED_AND_COPIED
def test_a_separate_git_folder_is_supported(
    project: Project, tmp_path: Path, objects: Objects
) -> None:
    project.git("init", "-q", f"--separate-git-dir={tmp_path / 'elsewhere.git'}")
    agent_works(workspace(project, objects=objects))


@SHARED_AND_COPIED
def test_a_bare_repository_is_supported(project: Project, tmp_path: Path, objects: Objects) -> None:
    bare = cloned(project, tmp_path / "bare", "--bare")
    wanted = order(bare, objects=objects)
    made = make(Repository(root=bare.root), wanted)
    agent_works(Workspace(order=wanted, made=made))


@SHARED_AND_COPIED
def test_a_repository_with_alternates_is_supported(
    project: Project, tmp_path: Path, objects: Objects
) -> None:
    clone = cloned(project, tmp_path / "clone", "--shared", f"--reference={project.root}")
    agent_works(workspace(clone, objects=objects))


@SHARED_AND_COPIED
def test_a_path_with_special_characters_is_supported(
    project: Project, tmp_path: Path, objects: Objects
) -> None:
    moved = Project(root=project.root.rename(tmp_path / "a b:c'\"$#;ü\udcff"))
    agent_works(workspace(moved, objects=objects))


def test_an_object_path_with_a_newline_can_only_be_copied(project: Project, tmp_path: Path) -> None:
    (tmp_path / "a\nb").mkdir()
    objects = tmp_path / "a\nb" / "objects"
    (project.root / ".git" / "objects").rename(objects)
    (project.root / ".git" / "objects").symlink_to(objects)
    with pytest.raises(AllocationFailed):
        workspace(project, objects=Objects.SHARED)
    agent_works(workspace(project, objects=Objects.COPIED))


@SHARED_AND_COPIED
def test_line_endings_follow_the_settings_of_the_project(
    project: Project, objects: Objects
) -> None:
    project.commit({".gitattributes": "*.txt text\n", "c.txt": "one\ntwo\n"})
    project.git("config", "core.eol", "crlf")
    made = workspace(project, objects=objects)
    assert (made.path / "c.txt").read_bytes() == b"one\r\ntwo\r\n"
    assert made.git("status", "--porcelain") == ""


@SHARED_AND_COPIED
def test_filters_of_the_project_run_in_the_workspace(project: Project, objects: Objects) -> None:
    with_filter(project)
    made = workspace(project, objects=objects)
    assert (made.path / "x.up").read_text() == "TEXT\n"
    assert made.git("status", "--porcelain") == ""
    made.commit({"y.up": "MORE\n"})
    assert made.git("show", "HEAD:y.up") == "more"


@SHARED_AND_COPIED
def test_a_filter_that_is_not_allowed_is_not_run_by_the_host(
    project: Project, objects: Objects
) -> None:
    with_filter(project)
    made = workspace(project, objects=objects, filters=frozenset({"other"}))
    assert (made.path / "x.up").read_text() == "text\n"
    assert made.git("config", "filter.up.smudge") == "tr a-z A-Z"


def with_filter(project: Project) -> None:
    project.git("config", "filter.up.smudge", "tr a-z A-Z")
    project.git("config", "filter.up.clean", "tr A-Z a-z")
    project.git("config", "filter.up.required", "true")
    project.commit({".gitattributes": "*.up filter=up\n", "x.up": "TEXT\n"})


@SHARED_AND_COPIED
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("core.splitIndex", "true"),
        ("core.untrackedCache", "true"),
        ("feature.manyFiles", "true"),
        ("index.version", "4"),
        ("core.sharedRepository", "group"),
        ("fetch.fsckObjects", "true"),
        ("protocol.version", "0"),
        ("protocol.allow", "never"),
        ("uploadpack.hideRefs", "refs"),
        ("submodule.recurse", "true"),
        ("core.preloadIndex", "true"),
        ("init.defaultObjectFormat", "sha256"),
    ],
)
def test_unusual_settings_of_the_project_do_not_break_a_workspace(
    project: Project, objects: Objects, key: str, value: str
) -> None:
    project.git("config", key, value)
    made = workspace(project, objects=objects)
    assert list((project.root / ".git").glob("sharedindex*")) == []
    agent_works(made)


@SHARED_AND_COPIED
def test_git_variables_of_the_caller_do_not_break_a_workspace(
    project: Project, objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = order(project, objects=objects)
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"):
        monkeypatch.setenv(name, "/nonexistent")
    made = make(project.repo, wanted)
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"):
        monkeypatch.delenv(name)
    agent_works(Workspace(order=wanted, made=made))


@SHARED_AND_COPIED
def test_refs_of_the_project_are_not_copied(project: Project, objects: Objects) -> None:
    head = project.git("rev-parse", "HEAD")
    refs = "".join(f"{head} refs/heads/many/{number:06}\n" for number in range(1000))
    (project.root / ".git" / "packed-refs").write_text(refs)
    made = workspace(project, objects=objects)
    assert len(made.git("for-each-ref").splitlines()) == 2
