"""Tests of filters that fail at the host's own files."""

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
    """The main checkout, where git cannot look at the log: its filter fails."""
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


def test_an_edit_of_a_person_is_seen_and_the_unreadable_log_counts_as_one(
    project: Project, main: Checkout
) -> None:
    project.write("src/x.py", "edited\n")
    assert modified_files(main) == {"src/x.py", LOG}


def test_a_move_that_changes_the_log_is_blocked_and_any_other_goes_on(
    project: Project, main: Checkout
) -> None:
    start = project.git("rev-parse", "HEAD")
    blob = project.git("rev-parse", "HEAD:src/x.py")
    goals = {}
    for path in ("src/y.py", LOG):
        project.git("update-index", "--cacheinfo", f"100644,{blob},{path}")
        tree = project.git("write-tree")
        goals[path] = project.git("commit-tree", "-p", start, "-m", "m", tree)
        project.git("read-tree", start)
    (told,) = obstacles(main, CheckoutUpdate(origin=start, goal=goals[LOG]))
    assert told.startswith(LOG)
    move = CheckoutUpdate(origin=start, goal=goals["src/y.py"])
    assert not list(obstacles(main, move))
    update_checkout(main, move)
    assert (project.root / "src/y.py").read_text() == "x\n"
    assert (project.root / LOG).read_text() == "two\n"


def test_the_index_is_refreshed_where_the_log_is_as_new_as_the_index(project: Project) -> None:
    project.commit({LOG: "one\n", "src/x.py": "x\n", ".gitattributes": "*.jsonl filter=vault\n"})
    project.git("config", "filter.vault.required", "true")
    project.git("config", "filter.vault.clean", "false")
    project.write("src/x.py", "x\n")
    # To git every file is now one that may have changed after the index was written.
    os.utime(project.root / ".git" / "index", (1, 1))
    refresh_index(Checkout(path=project.root, branch="main", is_main=True))
    assert project.git("diff-files", "--name-only", "--", "src") == ""


def test_a_filter_that_fails_at_a_file_of_people_is_told(project: Project, main: Checkout) -> None:
    project.write(".gitattributes", "* filter=vault\n")
    project.write("src/x.py", "z\n")
    with pytest.raises(GitFailed, match="vault"):
        modified_files(main)
