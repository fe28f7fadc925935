"""Tests of filters of git that fail for the host's own files."""

from __future__ import annotations

import os

import pytest

from specify_cli.vcs.checkout_updates import (
    CheckoutUpdate,
    modified_files,
    obstacles,
    refresh_index,
    update_checkout,
)
from specify_cli.vcs.checkouts import Checkout
from specify_cli.vcs.git import GitFailed
from tests.unit.vcs.conftest import LOG, Project


@pytest.fixture
def main(project: Project) -> Checkout:
    """The main checkout, in which git cannot read the log because its filter fails."""
    project.commit({LOG: "one\n", "src/x.py": "x\n", "src/y.py": "y\n"})
    project.commit({".gitattributes": "*.jsonl filter=vault\n"})
    project.git("config", "filter.vault.required", "true")
    project.git("config", "filter.vault.clean", "false")
    project.write(LOG, "two\n")
    project.git(
        "update-index", "--cacheinfo", f"100644,{project.git('rev-parse', f'HEAD:{LOG}')},{LOG}"
    )
    with pytest.raises(GitFailed):
        project.repo.git.run("status")
    return Checkout(path=project.root, branch="main", is_main=True)


def test_a_log_whose_filter_fails_counts_as_modified(project: Project, main: Checkout) -> None:
    project.write("src/x.py", "edited\n")
    assert modified_files(main) == {"src/x.py", LOG}


def test_only_updates_that_change_the_log_are_blocked(project: Project, main: Checkout) -> None:
    start = project.git("rev-parse", "HEAD")
    blob = project.git("rev-parse", "HEAD:src/x.py")
    goals = {}
    for path in ("src/y.py", LOG):
        project.git("update-index", "--cacheinfo", f"100644,{blob},{path}")
        tree = project.git("write-tree")
        goals[path] = project.git("commit-tree", "-p", start, "-m", "m", tree)
        project.git("read-tree", start)
    (obstacle,) = obstacles(main, CheckoutUpdate(origin=start, goal=goals[LOG]))
    assert obstacle.startswith(LOG)
    move = CheckoutUpdate(origin=start, goal=goals["src/y.py"])
    assert not list(obstacles(main, move))
    update_checkout(main, move)
    assert (project.root / "src/y.py").read_text() == "x\n"
    assert (project.root / LOG).read_text() == "two\n"


def test_the_index_is_refreshed_despite_a_filter_that_fails_for_the_log(project: Project) -> None:
    project.commit({LOG: "one\n", "src/x.py": "x\n", ".gitattributes": "*.jsonl filter=vault\n"})
    project.git("config", "filter.vault.required", "true")
    project.git("config", "filter.vault.clean", "false")
    project.write("src/x.py", "x\n")
    # With an index this old, git suspects every file to have changed since.
    os.utime(project.root / ".git" / "index", (1, 1))
    refresh_index(Checkout(path=project.root, branch="main", is_main=True))
    assert project.git("diff-files", "--name-only", "--", "src") == ""


def test_a_filter_that_fails_for_a_file_of_the_user_is_reported(
    project: Project, main: Checkout
) -> None:
    project.write(".gitattributes", "* filter=vault\n")
    project.write("src/x.py", "z\n")
    with pytest.raises(GitFailed, match="vault"):
        modified_files(main)
