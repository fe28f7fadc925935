"""Tests of checking out hostile trees into a workspace."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from specify_cli.vcs.git import GitFailed
from specify_cli.vcs.workspaces import Objects
from tests.unit.vcs.conftest import Project
from tests.unit.vcs.workspace_stage import SHARED_AND_COPIED, pins, remains, workspace

pytestmark = pytest.mark.long

FILE, LINK, FOLDER = "100755 blob", "120000 blob", "040000 tree"


def stored(project: Project, *args: str, text: str) -> str:
    command = ["git", "-C", str(project.root), *args]
    done = subprocess.run(command, input=os.fsencode(text), check=True, capture_output=True)
    return done.stdout.decode().strip()


def tree(project: Project, **entries: tuple[str, str]) -> str:
    lines = "".join(f"{kind} {oid}\t{name}\n" for name, (kind, oid) in entries.items())
    return stored(project, "mktree", text=lines)


def commit(project: Project, root: str) -> str:
    return project.git("commit-tree", root, "-p", "HEAD", "-m", "hostile")


@SHARED_AND_COPIED
@pytest.mark.parametrize("name", [".git", ".GIT", ".git ", "git~1", ".."])
@pytest.mark.parametrize("kind", [FOLDER, LINK])
def test_a_tree_that_reaches_into_the_git_folder_is_refused(
    project: Project, tmp_path: Path, objects: Objects, name: str, kind: str
) -> None:
    hook = stored(project, "hash-object", "-w", "--stdin", text="#!/bin/sh\n")
    link = stored(project, "hash-object", "-w", "--stdin", text=str(tmp_path / "outside"))
    hooks = tree(project, hooks=(FOLDER, tree(project, **{"pre-commit": (FILE, hook)})))
    root = tree(project, **{name: (kind, hooks if kind == FOLDER else link)})
    with pytest.raises(GitFailed):
        workspace(project, commit=commit(project, root), objects=objects)
    assert remains(project) == []
    assert pins(project) == []


@SHARED_AND_COPIED
def test_links_in_a_commit_are_not_followed(
    project: Project, tmp_path: Path, objects: Objects
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    link = stored(project, "hash-object", "-w", "--stdin", text=str(outside))
    file = stored(project, "hash-object", "-w", "--stdin", text="x\n")
    inner = tree(project, f=(FILE, file))
    root = tree(
        project, **{".gitattributes": (LINK, link), "a": (LINK, link), "b": (FOLDER, inner)}
    )
    made = workspace(project, commit=commit(project, root), objects=objects)
    assert (made.path / "a").readlink() == outside
    assert list(outside.iterdir()) == []


@SHARED_AND_COPIED
def test_programs_named_in_a_commit_are_not_run(
    project: Project, tmp_path: Path, objects: Objects
) -> None:
    mark = tmp_path / "it-ran"
    project.git("remote", "add", "origin", "https://example.org/x.git")
    texts = {
        ".gitattributes": "* filter=evil diff=evil merge=evil working-tree-encoding=UTF-7\n",
        ".gitmodules": (
            f'[submodule "x"]\n\tpath = x\n\turl = ../-u\n\tupdate = !touch {mark}\n'
            '[submodule "../../y"]\n\turl = "./y\\n[core]\\nfsmonitor = x"\n'
            f"[include]\n\tpath = {tmp_path}/evil\n[core]\n\tfsmonitor = touch {mark}\n"
            f'[filter "evil"]\n\tsmudge = touch {mark}\n'
        ),
    }
    blobs = {
        name: (FILE, stored(project, "hash-object", "-w", "--stdin", text=text))
        for name, text in texts.items()
    }
    (tmp_path / "evil").write_text(f"[core]\n\tfsmonitor = touch {mark}\n")
    root = tree(project, **blobs)
    made = workspace(project, commit=commit(project, root), objects=objects)
    assert not mark.exists()
    keys = made.git("config", "--local", "--name-only", "--list").splitlines()
    assert not [it for it in keys if it.startswith(("core.fsmonitor", "filter.", "include"))]
    assert not [it for it in keys if it.endswith(".update")]
    assert made.git("config", "submodule.x.url") == "https://example.org/-u"
