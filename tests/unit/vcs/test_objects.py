"""Objects are read whole, in order, and in portions if they are many or large."""

from __future__ import annotations

from typing import Any

import pytest

from specify_cli.vcs import objects
from specify_cli.vcs.git import Git, GitFailed
from specify_cli.vcs.objects import empty_tree, read_objects
from tests.unit.vcs.conftest import Project

pytestmark = pytest.mark.long

MISSING = "1" * 40
CONTENTS = [b"", b"one\n", b"\n\n", b"x" * 50, bytes(range(256)), b"last"]


@pytest.fixture
def oids(project: Project) -> list[str]:
    flags = ("hash-object", "-w", "--stdin")
    return [project.repo.git.run(*flags, input=it).lines[0] for it in CONTENTS]


@pytest.mark.parametrize("portion", [0, 20, 300, 10_000])
def test_objects_are_the_same_in_portions_of_any_size(
    project: Project, oids: list[str], portion: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "_PORTION_BYTES", portion)
    found = list(read_objects(project.repo.git, oids, max_bytes=100))
    expected = [(len(it), it if len(it) <= 100 else None) for it in CONTENTS]
    assert found == expected


def test_few_small_objects_are_read_by_one_process(
    project: Project, oids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = list[str]()
    run = Git.run

    def noted(self: Git, *words: str, **how: Any) -> Any:
        asked.append(words[0])
        return run(self, *words, **how)

    monkeypatch.setattr(Git, "run", noted)
    list(read_objects(project.repo.git, oids, max_bytes=100))
    assert asked == ["cat-file"]
    assert list(read_objects(project.repo.git, [], max_bytes=100)) == []
    assert asked == ["cat-file"]


@pytest.mark.parametrize("portion", [0, 10_000])
def test_missing_object_is_named(
    project: Project, oids: list[str], portion: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "_PORTION_BYTES", portion)
    with pytest.raises(GitFailed, match=MISSING):
        list(read_objects(project.repo.git, [*oids, MISSING], max_bytes=100))


@pytest.mark.parametrize("kind", ["sha1", "sha256"])
def test_empty_tree_is_the_one_that_git_knows(project: Project, kind: str) -> None:
    other = project.root / kind
    project.git("init", "-q", f"--object-format={kind}", str(other))
    git = Git(folder=other)
    assert empty_tree(like=git.text("hash-object", "--stdin")) == git.text(
        "hash-object", "-t", "tree", "--stdin"
    )
