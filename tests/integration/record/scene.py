"""A project with a mission in progress, and operations of git and people on it.

WP01 was approved and its approval withdrawn, bo holds WP02, WP03 is planned.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from subprocess import CalledProcessError

from tests.copies import copied
from tests.integration.stage import SLUG, Stage

NOTE = {"mission": SLUG, "wp": "WP03", "actor": "ada"}
WITHDRAWN = {"to": "in_progress", "force": True, "note": "its approval is withdrawn"}
LOG = f"kitty-specs/{SLUG}/status.events.jsonl"
LANES = f"kitty-specs/{SLUG}/lanes.json"
FOREIGN = (
    '{"event_id":"X1","at":"2026-01-01T00:00:00+00:00","actor":"mallory","mission_slug":"001-search",'
    '"wp_id":"WP03","kind":"annotation","delta":{"note":"mine"}}\n'
)


def build(root: Path) -> tuple[Path, Path]:
    """Make the project at `root`, and copies without and with a commit of the host's files."""
    stage = Stage(root=root)
    stage.make_repository()
    scopes = {f"WP0{it}": {"owned_files": [f"src/{it}/**"]} for it in (1, 2, 3)}
    folder = stage.write_mission(scopes, mission_id="01JA0000000000000000000001")
    (root / ".gitignore").write_text(".kitty/\n.worktrees/\n")
    stage.git("add", ".gitignore", str(folder))
    stage.git("commit", "-q", "-m", "mission")
    stage.git("branch", "older")
    stage.approve("WP01", {"src/1/one.py": "1\n"})
    stage.done("transition", mission=SLUG, wp="WP01", actor="ada", **WITHDRAWN)
    stage.done("start-implementation", mission=SLUG, wp="WP02", actor="bo")
    is_open = copied(root, root.with_name("open"))
    stage.git("add", "-A")
    stage.git("commit", "-q", "-m", "what the host wrote")
    committed = copied(root, root.with_name("committed"))
    return is_open, committed


def put_back(kept: Path, root: Path) -> None:
    """Restore the project from that copy at the same path."""
    shutil.rmtree(root, ignore_errors=True)
    copied(kept, root)


@dataclass(frozen=True, kw_only=True)
class Row:
    """An operation on the project.

    Attributes:
        do: Does it.
        open, committed: Whether it runs without and with a commit of the host's files.
        away: The command that checks the mission out again; empty if it still is.
        slug: The name of its folder afterwards.
        refuses: The error code of the refusal of a claim.
        is_lossy: Whether data that only the host had may be lost.
    """

    do: Callable[[Stage], object]
    open: bool = True
    committed: bool = True
    away: str = ""
    slug: str = SLUG
    refuses: str = "WP_ALREADY_CLAIMED"
    is_lossy: bool = False


def git(*words: str) -> Callable[[Stage], object]:
    return lambda stage: stage.git(*words)


def refused(stage: Stage, *words: str) -> None:
    """Run a git command that must fail or stop."""
    with suppress(CalledProcessError):
        stage.git(*words)
        raise AssertionError(f"git did it: {words}")


def note(stage: Stage, text: str) -> None:
    stage.done("append-history", note=text, **NOTE)


def edited(change: Callable[[bytes], bytes], name: str = LOG) -> Callable[[Stage], object]:
    def edit(stage: Stage) -> None:
        path = stage.root / name
        path.write_bytes(change(path.read_bytes()))

    return edit


def without(lines: slice) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        kept = data.splitlines(keepends=True)
        del kept[lines]
        return b"".join(kept)

    return change


def _stash_note_pop(stage: Stage) -> None:
    stage.git("stash", "-q", "-u")
    note(stage, "between")
    refused(stage, "stash", "pop", "-q")


def _stash_tracked_note_pop(stage: Stage) -> None:
    note(stage, "before")
    stage.git("stash", "-q")
    note(stage, "between")
    refused(stage, "stash", "pop", "-q")


def _switch_there_and_back(stage: Stage) -> None:
    stage.git("switch", "-q", "older")
    note(stage, "on older")
    stage.git("switch", "-q", "main")


def _switch_that_git_refuses(stage: Stage) -> None:
    note(stage, "not committed")
    refused(stage, "switch", "-q", "older")


def _rebase(stage: Stage) -> None:
    stage.git("switch", "-q", "-c", "topic")
    stage.commit({"topic.txt": "t\n"})
    stage.git("rebase", "-q", "--onto", "older", "main")


def _rebase_that_stops(stage: Stage) -> None:
    stage.git("switch", "-q", "-c", "topic")
    stage.commit({"README.md": "topic\n"})
    stage.git("branch", "-f", "base", "HEAD~1")
    stage.git("switch", "-q", "base")
    stage.commit({"README.md": "base\n"})
    stage.git("switch", "-q", "topic")
    refused(stage, "rebase", "-q", "base")
    note(stage, "meanwhile")


def _bisect(stage: Stage) -> None:
    stage.git("bisect", "start")
    stage.git("bisect", "bad", "HEAD")
    stage.git("bisect", "good", "HEAD~2")
    note(stage, "meanwhile")


def clone_of(stage: Stage, name: str = "clone") -> Stage:
    root = stage.root.with_name(name)
    shutil.rmtree(root, ignore_errors=True)
    stage.git("clone", "-q", str(stage.root), str(root))
    return Stage(root=root)


def stage_of_clone(stage: Stage) -> Stage:
    return Stage(root=stage.root.with_name("clone"))


def pull(stage: Stage, other: Stage) -> None:
    stage.git("pull", "-q", "--no-rebase", "--no-edit", str(other.root), "main")


def _pull(stage: Stage) -> None:
    other = clone_of(stage)
    other.commit({"other.txt": "o\n"})
    pull(stage, other)


def _pull_of_notes(stage: Stage) -> None:
    """Both clones have appended to the log."""
    _both_go_on(stage)
    pull(stage, stage_of_clone(stage))


def _pull_of_notes_without_union(stage: Stage) -> None:
    """Git merges the logs without the host's merge=union attribute."""
    _both_go_on(stage)
    (stage.root / ".git" / "info" / "attributes").write_text("")
    with suppress(CalledProcessError):
        pull(stage, stage_of_clone(stage))


def _both_go_on(stage: Stage) -> None:
    for one, text in ((clone_of(stage), "theirs"), (stage, "ours")):
        note(one, text)
        one.git("add", "kitty-specs")
        one.git("commit", "-q", "-m", text)


def _merge_of_merged_clones(stage: Stage) -> None:
    """Two colleagues have merged each other's logs before."""
    first, second = clone_of(stage, "first"), clone_of(stage, "second")
    for one, text in ((first, "first"), (second, "second")):
        note(one, text)
        one.git("commit", "-q", "-am", text)
    pull(first, second)
    pull(second, first)
    for one in (first, second):
        pull(stage, one)


def _move_mission(stage: Stage) -> None:
    folder = stage.root / "kitty-specs"
    (folder / SLUG).rename(folder / "001-found")


def _move_project(stage: Stage) -> None:
    stage.root.rename(stage.root.with_name("elsewhere"))
    stage.root = stage.root.with_name("elsewhere")


def _remove_record(stage: Stage) -> None:
    shutil.rmtree(stage.root / ".git" / "spec-kitty")


def _journal(stage: Stage) -> Path:
    return stage.root / ".kitty" / "outbox" / "journal.jsonl"


AWAY = Row(
    do=git("switch", "-q", "--orphan", "empty"),
    away="git switch -q main",
    refuses="MISSION_NOT_FOUND",
)
ROWS: dict[str, Row] = {
    "stash": Row(do=git("stash", "-q", "-u"), committed=False),
    "stash and pop": Row(
        do=lambda it: (it.git("stash", "-q", "-u"), it.git("stash", "pop", "-q")), committed=False
    ),
    "stash, a change, and a pop that git refuses": Row(do=_stash_note_pop, committed=False),
    "stash of a change, a change, and a pop that git refuses": Row(
        do=_stash_tracked_note_pop, open=False
    ),
    "clean": Row(do=git("clean", "-qfd"), committed=False),
    "clean with what is ignored": Row(do=git("clean", "-qfdx")),
    "reset": Row(
        do=lambda it: (it.git("add", "-A"), it.git("reset", "-q", "--hard")), committed=False
    ),
    "reset to before": Row(do=git("reset", "-q", "--hard", "HEAD~1"), open=False),
    "switch to an older branch": Row(do=git("switch", "-q", "older")),
    "switch to an older branch, a change, and back": Row(do=_switch_there_and_back),
    "switch that git refuses": Row(do=_switch_that_git_refuses, open=False),
    "switch to an orphan": AWAY,
    "switch to an orphan and back": Row(
        do=lambda it: (it.git("switch", "-q", "--orphan", "empty"), it.git("switch", "-q", "main"))
    ),
    "checkout": Row(do=git("checkout", "-q", "--", ".")),
    "rebase": Row(do=_rebase),
    "rebase that stops": Row(do=_rebase_that_stops, open=False),
    "bisect": Row(do=_bisect, open=False),
    "pull": Row(do=_pull),
    "pull of a colleague's lines": Row(do=_pull_of_notes),
    "pull of a colleague's lines without merge=union": Row(
        do=_pull_of_notes_without_union, open=False, refuses="STATE_UNREADABLE"
    ),
    "merge of clones that merged each other": Row(do=_merge_of_merged_clones, open=False),
    "an editor changes a line": Row(
        do=edited(lambda it: it.replace(b'"bo"', b'"mallory"')), refuses="STATE_UNREADABLE"
    ),
    "an editor adds a line": Row(do=edited(lambda it: it + FOREIGN.encode()), committed=False),
    "an editor deletes lines": Row(do=edited(without(slice(2, 4)))),
    "an editor deletes the end": Row(do=edited(without(slice(-2, None))), committed=False),
    "an editor writes CRLF": Row(do=edited(lambda it: it.replace(b"\n", b"\r\n")), committed=False),
    "an editor leaves the last newline out": Row(do=edited(lambda it: it[:-1]), committed=False),
    "an editor changes lanes.json": Row(
        do=edited(lambda it: it.replace(b'"lane-a"', b'"lane-z"'), LANES), committed=False
    ),
    "rm of the log": Row(do=lambda it: (it.root / LOG).unlink()),
    "rm of lanes.json": Row(do=lambda it: (it.root / LANES).unlink(), committed=False),
    "rm of the mission": Row(
        do=lambda it: shutil.rmtree(it.root / "kitty-specs" / SLUG),
        away="git checkout -q HEAD -- kitty-specs",
        refuses="MISSION_NOT_FOUND",
    ),
    "mv of the mission": Row(do=_move_mission, slug="001-found"),
    "rm of the journal": Row(do=lambda it: _journal(it).unlink(), committed=False),
    "mv of the journal": Row(
        do=lambda it: _journal(it).rename(it.root / "kept.jsonl"), committed=False
    ),
    "mv of the project": Row(do=_move_project, committed=False),
    "rm of the record": Row(do=_remove_record, is_lossy=True),
}
CASES = [
    *((name, "open") for name, row in ROWS.items() if row.open),
    *((name, "committed") for name, row in ROWS.items() if row.committed),
]
QUICK = ("stash", "clean with what is ignored", "an editor changes a line", "rm of lanes.json")
"""Rows in the default selection of tests."""

__all__ = ["CASES", "ROWS", "Row", "build", "put_back", "replace"]
