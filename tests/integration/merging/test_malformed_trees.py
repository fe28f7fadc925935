"""Trees that git itself would not write are refused by name, in any commit."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.campaign import sampled
from tests.integration.merging.agents import (
    approve_behind_the_host,
    paths,
    preflight,
    put,
    refused,
    submit,
)
from tests.integration.stage import SLUG, Stage


def bad_tree(stage: Stage, entries: list[tuple[str, str, str]]) -> str:
    """A commit on the execution lane's branch with exactly these entries: mode, name, object."""
    raw = b"".join(
        mode.encode() + b" " + os.fsencode(name) + b"\0" + bytes.fromhex(oid)
        for mode, name, oid in entries
    )
    made = subprocess.run(
        ["git", "hash-object", "-t", "tree", "--literally", "-w", "--stdin"],
        cwd=stage.root,
        input=raw,
        check=True,
        capture_output=True,
    )
    branch = f"kitty/mission-{SLUG}-lane-a"
    tree = made.stdout.decode().strip()
    commit = stage.git("commit-tree", "-p", branch, "-m", "evil", tree)
    stage.git("update-ref", f"refs/heads/{branch}", commit)
    return commit


def by_hand(stage: Stage, workspace: Path) -> None:
    """Continue in the project as a person would: intake would refuse the tree."""
    stage.done("sync-workspaces", policy=None)
    shutil.rmtree(workspace)


BAD_TREES = {
    "git folder": [("40000", ".git", "tree")],
    "git folder in other letters": [("40000", ".GiT", "tree")],
    "short name": [("40000", "git~1", "tree")],
    "ignored character": [("40000", ".g\u200cit", "tree")],
    "stream": [("100644", ".git::$INDEX_ALLOCATION", "blob")],
    "parent": [("40000", "..", "tree")],
    "itself": [("100644", ".", "blob")],
    "slash": [("100644", "../outside", "blob")],
    "host's folder as one name": [("100644", ".kitty/config.toml", "blob")],
    "backslash": [("100644", "a\\b", "blob")],
    "double": [("100644", "a", "blob"), ("100644", "a", "blob")],
    "file and folder": [("100644", "a", "blob"), ("40000", "a", "tree")],
    "order": [("100644", "b", "blob"), ("100644", "a", "blob")],
    "setuid": [("104755", "a", "blob")],
    "group may write": [("100664", "a", "blob")],
    "link for modules": [("120000", ".gitmodules", "blob")],
}


@pytest.mark.parametrize("entries", sampled(BAD_TREES.values(), every=2), ids=BAD_TREES)
def test_malformed_tree_is_refused_with_its_path_and_commit(
    stage: Stage, workspace: Path, entries: list[tuple[str, str, str]]
) -> None:
    oids = {"blob": stage.git("rev-parse", "HEAD:README.md"), "tree": ""}
    stage.commit({"d/e": "e\n"})
    oids["tree"] = stage.git("rev-parse", "HEAD:d")
    put(stage, workspace, {"a/work.py": "work\n"})
    by_hand(stage, workspace)
    commit = bad_tree(stage, [(mode, name, oids[kind]) for mode, name, kind in entries])
    found = paths(refused(stage, force=True, note="n"))
    assert commit in found.values()
    assert {entries[-1][1].replace("\u200c", "\\u200c")} <= found.keys()
    approve_behind_the_host(stage)
    for strategy in ("merge", "squash", "rebase"):
        assert paths(preflight(stage, strategy=strategy)) == found


def test_malformed_tree_in_an_earlier_commit_is_refused(stage: Stage, workspace: Path) -> None:
    good = put(stage, workspace, {"a/work.py": "work\n"})
    by_hand(stage, workspace)
    branch = f"kitty/mission-{SLUG}-lane-a"
    bad = bad_tree(stage, [("40000", ".git", stage.git("rev-parse", f"{good}:a"))])
    after = stage.git("commit-tree", "-p", bad, "-m", "undone", f"{good}^{{tree}}")
    stage.git("update-ref", f"refs/heads/{branch}", after)
    assert paths(refused(stage)) == {".git": bad}


def test_malformed_entry_that_the_target_already_has_is_accepted(
    stage: Stage, workspace: Path
) -> None:
    (stage.root / "odd").mkdir()
    (stage.root / "odd" / "a\\b").write_text("x\n")
    stage.git("add", "odd")
    stage.git("commit", "-q", "-m", "odd")
    stage.git("merge", "-q", "--no-edit", stage.git("rev-parse", "main"), folder=workspace)
    put(stage, workspace, {"a/work.py": "work\n", "odd/more": "y\n"})
    assert submit(stage)["success"]


def test_file_name_longer_than_255_bytes_is_refused(stage: Stage, workspace: Path) -> None:
    put(stage, workspace, {"a/work.py": "work\n"})
    oid = stage.git("rev-parse", "HEAD:a/work.py", folder=workspace)
    name = f"a/{'b' * 256}"
    stage.git("update-index", "--add", "--cacheinfo", f"100644,{oid},{name}", folder=workspace)
    stage.git("commit", "-q", "-m", "long", folder=workspace)
    envelope = submit(stage)
    assert envelope["data"]["guard"] == "intake"
    assert envelope["data"]["reason_code"] == "bad_content"
    assert "its name has more than 255 bytes" in envelope["data"]["message"]
