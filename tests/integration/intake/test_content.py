"""Content that git accepts and that intake must refuse."""

from __future__ import annotations

import shutil

import pytest

from tests.integration.intake.workspaces import BRANCH, Scene, commit, git, refusal

SOMEBODY = 61_013


def test_tree_with_a_git_folder_is_refused(scene: Scene) -> None:
    blob = scene.blob()
    inner = git(scene.workspace, "mktree", data=f"100644 blob {blob}\tconfig\n".encode())
    tip = scene.plant_tree(("40000", b".git", inner))
    assert refusal(scene).code == "unreadable"
    assert not scene.has(tip)


@pytest.mark.parametrize(
    ("mode", "name"),
    [("100644", b"a\\b"), ("104755", b"setuid"), ("100644", b".git "), ("100644", b"git~1")],
)
def test_unsafe_file_names_and_modes_are_refused(scene: Scene, mode: str, name: bytes) -> None:
    scene.plant_tree((mode, name, scene.blob()))
    assert refusal(scene).code in ("bad_content", "unreadable")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("README", "readme"),
        ("caf\u00e9", "cafe\u0301"),
        ("CAF\u00c9", "cafe\u0301"),
        ("\u1e9b\u0323", "\u1e61\u0323"),
    ],
)
def test_names_that_differ_only_in_case_or_unicode_form_are_refused_by_name(
    scene: Scene, one: str, other: str
) -> None:
    blob = scene.blob()
    first, second = sorted((one.encode(), other.encode()))
    scene.plant_tree(("100644", first, blob), ("100644", second, blob))
    refused = refusal(scene)
    assert (refused.code, refused.paths) == ("bad_content", (second.decode(),))


def test_folders_that_differ_only_in_case_are_refused_by_name(scene: Scene) -> None:
    scene.work({"docs/c.txt": "c\n", "Docs/d.txt": "d\n"})
    assert refusal(scene).paths == ("docs",)


def test_colliding_names_that_the_project_already_has_are_accepted(scene: Scene) -> None:
    commit(scene.project, {"A.txt": "other\n"})
    shutil.rmtree(scene.workspace)
    scene.clone(scene.base)
    tip = scene.work({"a.txt": "changed\n"})
    assert scene.take() == tip


def test_rename_that_changes_only_case_is_accepted(scene: Scene) -> None:
    git(scene.workspace, "mv", "a.txt", "A.txt")
    tip = scene.work({})
    assert scene.take() == tip


def test_faulty_tree_in_an_earlier_commit_is_refused(scene: Scene) -> None:
    scene.plant_tree(("100644", b"a\\b", scene.blob()))
    tree = f"{scene.base}^{{tree}}"
    clean = git(scene.workspace, "commit-tree", "-p", BRANCH, "-m", "clean again", tree)
    git(scene.workspace, "update-ref", f"refs/heads/{BRANCH}", clean)
    assert refusal(scene).code == "bad_content"


def test_submodule_url_that_is_an_option_is_refused(scene: Scene) -> None:
    url = '[submodule "x"]\n\tpath = x\n\turl = --upload-pack=touch\n'
    blob = scene.blob(url.encode())
    link = scene.base if len(scene.base) == 40 else "0" * 40
    scene.plant_tree(("100644", b".gitmodules", blob), ("160000", b"x", link))
    assert refusal(scene).code == "unreadable"
