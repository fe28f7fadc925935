"""Histories of any shape do not let a merge change files of the host or of another mission."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.campaign import sampled
from tests.integration.merging.agents import OTHER, approve_behind_the_host, put
from tests.integration.stage import SLUG, Stage

STRATEGIES = ("merge", "squash", "rebase")
BRANCH = f"kitty/mission-{SLUG}-lane-a"
META = f"kitty-specs/{OTHER}/meta.json"


def plant(stage: Stage, workspace: Path, mode: str, path: str, *, gone: str = "") -> None:
    """Commit an entry on the workspace's branch without creating it in the file system."""
    oid = stage.git("rev-parse", "HEAD" if mode == "160000" else "HEAD:README.md", folder=workspace)
    if gone:
        stage.git("rm", "-rq", "--cached", gone, folder=workspace)
    stage.git("update-index", "--add", "--cacheinfo", f"{mode},{oid},{path}", folder=workspace)
    stage.git("commit", "-q", "-m", f"plant {path}", folder=workspace)
    stage.git("reset", "-q", "--hard", folder=workspace)
    stage.git("clean", "-ffdxq", folder=workspace)


def side(stage: Stage, workspace: Path, name: str, files: dict[str, str]) -> str:
    """A commit beside the history of the workspace's branch."""
    here = stage.git("rev-parse", "HEAD", folder=workspace)
    stage.git("checkout", "-q", "--detach", folder=workspace)
    made = put(stage, workspace, files)
    stage.git("checkout", "-q", BRANCH, folder=workspace)
    assert stage.git("rev-parse", "HEAD", folder=workspace) == here, name
    return made


def octopus(stage: Stage, workspace: Path) -> None:
    evil = side(stage, workspace, "evil", {META: "{}", ".kitty/config.toml": "x"})
    good = side(stage, workspace, "good", {"a/two.py": "2\n"})
    tree = stage.git("rev-parse", "HEAD^{tree}", folder=workspace)
    parents = ("-p", "HEAD", "-p", evil, "-p", good)
    both = stage.git("commit-tree", *parents, "-m", "m", tree, folder=workspace)
    stage.git("reset", "-q", "--hard", both, folder=workspace)


def octopus_that_keeps(stage: Stage, workspace: Path) -> None:
    evil = side(stage, workspace, "evil", {META: "{}"})
    good = side(stage, workspace, "good", {"a/two.py": "2\n"})
    stage.git("merge", "-q", "-m", "m", evil, good, folder=workspace)


def criss_cross(stage: Stage, workspace: Path) -> None:
    start = stage.git("rev-parse", "HEAD", folder=workspace)
    evil = put(stage, workspace, {META: "{}"})
    stage.git("reset", "-q", "--hard", start, folder=workspace)
    good = put(stage, workspace, {"a/work.py": "work\n"})
    for first, second in ((evil, good), (good, evil)):
        tree = stage.git("rev-parse", f"{good}^{{tree}}", folder=workspace)
        made = stage.git(
            "commit-tree", "-p", first, "-p", second, "-m", "m", tree, folder=workspace
        )
        stage.git("reset", "-q", "--hard", made, folder=workspace)
        put(stage, workspace, {f"a/{made[:7]}.py": "x\n"})
    last = stage.git("rev-parse", "HEAD", folder=workspace)
    tree = stage.git("rev-parse", f"{last}^{{tree}}", folder=workspace)
    both = stage.git("commit-tree", "-p", last, "-p", evil, "-m", "m", tree, folder=workspace)
    stage.git("reset", "-q", "--hard", both, folder=workspace)


def renamed_folder(stage: Stage, workspace: Path) -> None:
    """The target adds a file to a folder that the execution lane has renamed."""
    put(stage, workspace, {"a/one.py": "1\n", "a/two.py": "2\n"})
    stage.git("fetch", "-q", str(workspace), "HEAD")
    stage.git("merge", "-q", "--no-edit", "FETCH_HEAD")
    (workspace / ".kitty").mkdir(exist_ok=True)
    stage.git("mv", "a", ".kitty/a", folder=workspace)
    stage.git("commit", "-q", "-m", "rename", folder=workspace)
    stage.commit({"a/three.py": "3\n"})


def renamed_file(stage: Stage, workspace: Path) -> None:
    stage.commit({"README.md": "read me\nall of it\n"})
    stage.git("mv", "README.md", f"kitty-specs/{OTHER}/README.md", folder=workspace)
    stage.git("commit", "-q", "-m", "rename", folder=workspace)


def renamed_mission(stage: Stage, workspace: Path) -> None:
    stage.git("mv", f"kitty-specs/{OTHER}", f"kitty-specs/{SLUG}/taken", folder=workspace)
    stage.git("commit", "-q", "-m", "rename", folder=workspace)
    stage.commit({f"kitty-specs/{OTHER}/notes.md": "n\n"})


def replaced(stage: Stage, workspace: Path) -> None:
    """A replace ref of git shows another tree than the commit has."""
    start = stage.git("rev-parse", "HEAD", folder=workspace)
    evil = put(stage, workspace, {META: "{}", "a/work.py": "work\n"})
    stage.git("checkout", "-q", "--detach", start, folder=workspace)
    good = put(stage, workspace, {"a/work.py": "work\n"})
    stage.git("fetch", "-q", str(workspace), evil, good)
    stage.git("replace", evil, good)
    stage.git("checkout", "-q", "-f", BRANCH, folder=workspace)


def grafted(stage: Stage, workspace: Path) -> None:
    evil = put(stage, workspace, {META: "{}"})
    last = put(stage, workspace, {"a/work.py": "work\n"})
    (stage.root / ".git" / "info" / "grafts").write_text(f"{last}\n{evil}\n")


def merge_driver(stage: Stage, workspace: Path) -> None:
    """The execution lane chooses the merge driver for files of another mission."""
    for driver in ("true", "cp %B %A"):
        stage.git("config", "merge.mine.driver", driver)
    put(stage, workspace, {".gitattributes": "* merge=mine\n", META: '{"mission_slug": "mine"}'})
    stage.commit({META: '{"mission_slug": "002-other", "target_branch": "main", "title": "t"}'})


def union_of_logs(stage: Stage, workspace: Path) -> None:
    stage.commit({".gitattributes": "*.jsonl merge=union\n"})
    put(stage, workspace, {f"kitty-specs/{OTHER}/status.events.jsonl": "{}\n"})


def planted(mode: str, path: str, gone: str = "") -> Callable[[Stage, Path], None]:
    return lambda stage, workspace: plant(stage, workspace, mode, path, gone=gone)


ATTACKS: dict[str, Callable[[Stage, Path], None]] = {
    **{it.__name__: it for it in (octopus, octopus_that_keeps, criss_cross, renamed_folder)},
    **{it.__name__: it for it in (renamed_file, renamed_mission, replaced, grafted)},
    **{it.__name__: it for it in (merge_driver, union_of_logs)},
    "link in the mission": planted("120000", f"kitty-specs/{SLUG}/spec.md"),
    "link to prompts": planted("120000", f"kitty-specs/{SLUG}/tasks", f"kitty-specs/{SLUG}/tasks"),
    "link for the missions": planted("120000", "kitty-specs", "kitty-specs"),
    "link for another mission": planted("120000", f"kitty-specs/{OTHER}", f"kitty-specs/{OTHER}"),
    "submodule in the mission": planted("160000", f"kitty-specs/{SLUG}/docs"),
    "submodule for the mission": planted("160000", f"kitty-specs/{SLUG}", f"kitty-specs/{SLUG}"),
    "submodule for the mailbox": planted("160000", ".kitty"),
    "submodule for workspaces": planted("160000", ".worktrees"),
    "executable": planted("100755", META),
    "case of the missions": planted("100644", f"Kitty-Specs/{OTHER}/meta.json"),
    "case of the mailbox": planted("100644", ".KITTY/config.toml"),
    "case of another mission": planted("100644", f"kitty-specs/{OTHER.upper()}/meta.json"),
    "like git": planted("160000", "a/x.git"),
    "file for the missions": planted("100644", "kitty-specs", "kitty-specs"),
}
MERGED = {("like git", it) for it in STRATEGIES} | {
    (it.__name__, strategy) for it in (octopus, criss_cross) for strategy in ("merge", "squash")
}
"""Attacks whose result contains nothing forbidden, so that they are merged."""


@pytest.mark.parametrize("strategy", sampled(STRATEGIES, every=3))
@pytest.mark.parametrize("attack", ATTACKS)
def test_hostile_history_does_not_change_files_of_the_host_or_other_missions(
    stage: Stage, workspace: Path, attack: str, strategy: str
) -> None:
    ATTACKS[attack](stage, workspace)
    # Bypasses intake, as commits of a linked worktree do.
    stage.git("fetch", "-q", str(workspace), f"+HEAD:refs/heads/{BRANCH}")
    approve_behind_the_host(stage)
    before = stage.git("ls-tree", "-r", "main", "kitty-specs")
    asked = stage.ask("merge-mission", mission=SLUG, strategy=strategy, actor="ada")
    assert asked["success"] == ((attack, strategy) in MERGED), asked
    # Refused because of the attack, not because of a mistake in it.
    assert asked["success"] or asked["data"].get("paths") or "rebase" in asked["data"]["message"]
    after = stage.git("ls-tree", "-r", "main", "kitty-specs")
    own = f"kitty-specs/{SLUG}/"
    assert [it for it in after.splitlines() if own not in it] == [
        it for it in before.splitlines() if own not in it
    ]
    assert not [it for it in after.splitlines() if it.startswith(("120000", "160000"))]
    everywhere = stage.git("ls-tree", "-r", "--name-only", "main").casefold().splitlines()
    assert not [it for it in everywhere if it.split("/")[0] in (".kitty", ".worktrees", ".git")]
    assert {it.split("/")[0] for it in everywhere if "specs" in it} == {"kitty-specs"}
