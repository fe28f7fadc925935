"""The state of a project, read without the code of the host, and the promises that it breaks."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from specify_cli.protocol import PRIVATE_ANSWERS
from tests.integration.stage import SLUG

CONFLICT = "CORRELATION_ID_CONFLICT"
NOTHING_BEFORE = "sha256:" + "0" * 64
PIN = re.compile("(refs/spec-kitty/pin/[^/]+/)[0-9a-f]+")
TRASH = ".worktrees/.trash/"
RETIRED = re.compile(r"\.trash/\d{8}T\d{6}Z-[0-9a-f]{8}-")
ULID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
LOG, LANES = (f"kitty-specs/{SLUG}/{name}" for name in ("status.events.jsonl", "lanes.json"))
ATTRIBUTES = ".git/info/attributes"
# Objects are checked by git itself; the rest of an interrupted append is kept on purpose; what a host
# left outside of git after an error of its own is looked for by name.
RECORD = ".git/spec-kitty/cdb4ee2aea69cc6a/"
PRIVATE = f"{RECORD}private/"
UNCOUNTED = (
    # A lock that could not be removed tells that to its next holder.
    ".git/spec-kitty-at-work",
    # Git leaves such locks empty: nothing proves whose they are, and who needs one is told how to
    # remove it. The pins themselves are compared as refs.
    ".git/HEAD.lock",
    ".git/refs/spec-kitty/pin/",
    ".git/objects/",
    # What a killed process was taking in: the next change of the project removes it.
    ".git/spec-kitty-scratch/",
    ".kitty/outbox/request-",
    ".kitty/outbox/worker.json",
    f"{PRIVATE}attic/",
    f"{RECORD}locks/",
    # A request that is repeated, or goes on after a kill, may be noted as a heartbeat of its holder.
    f"{PRIVATE}signs-of-life/",
    f"{PRIVATE}torn/",
    # Of the worker that is started to bring the log up.
    f"{PRIVATE}settings.json",
    f"{PRIVATE}worker.json",
)


@dataclass(frozen=True, kw_only=True)
class State:
    """A project at rest; two with the same history are equal, whatever their ids and times."""

    moves: tuple[tuple[str, ...], ...]
    lanes: tuple[tuple[str, str], ...]
    trees: tuple[tuple[str, str, int], ...]
    dirt: tuple[str, ...]
    files: frozenset[str]

    def differences(self, expected: State) -> Iterator[str]:
        """All differences from the expected state."""
        for name in ("moves", "lanes", "trees", "dirt"):
            ours, theirs = getattr(self, name), getattr(expected, name)
            if ours != theirs:
                yield f"{name}: {ours!r}, expected {theirs!r}"
        # A new workspace whose host was killed before it had its name waits in the trash for its time.
        left = sorted(it for it in self.files - expected.files if not it.startswith(TRASH))
        if left:
            yield f"left behind: {left}"
        if lost := sorted(expected.files - self.files):
            yield f"lost: {lost}"


def read(root: Path) -> State:
    """The state of the project."""
    events = event_lines(root)
    lanes: dict[str, str] = {}
    for event in events:
        if "to_lane" in event:
            lanes[event["wp_id"]] = event["to_lane"]
    return State(
        moves=tuple(_move(event) for event in events),
        lanes=tuple(sorted(lanes.items())),
        trees=tuple(sorted(_trees(root))),
        dirt=tuple(_dirt(root)),
        files=frozenset(_files(root)),
    )


def event_lines(root: Path) -> list[dict[str, Any]]:
    """The mission's events; a torn last line is not an event."""
    path = root / LOG
    return [json.loads(line) for line in _whole(path) if line.strip()]


def journal_lines(root: Path) -> list[bytes]:
    """The complete lines of the journal, those of its older parts first."""
    outbox = root / ".kitty" / "outbox"
    older = sorted(outbox.glob("journal-*.jsonl"), key=lambda part: int(part.stem[8:]))
    return [line for part in (*older, outbox / "journal.jsonl") for line in _whole(part)]


def replies(root: Path) -> dict[str, Any]:
    """Every published reply by its stem."""
    found = {}
    for path in (root / ".kitty" / "outbox").glob("*.json"):
        if path.stem != "worker":
            found[path.stem] = json.loads(path.read_bytes())
    return found


def broken_promises(root: Path, asked: set[str]) -> Iterator[str]:
    """The errors of the project, whatever the requests; those in `asked` came through the mailbox."""
    journal = [json.loads(line) for line in journal_lines(root)]
    yield from _chain(root)
    # An id in conflict has several lines; the first of them is the answer.
    first = [line for line in journal if line["envelope"]["error_code"] != CONFLICT]
    known = [line["correlation_id"] for line in first]
    for name in sorted({name for name in known if known.count(name) > 1}):
        yield f"{name} is journaled {known.count(name)} times"
    published = replies(root)
    by_id = {line["correlation_id"]: line["envelope"] for line in reversed(journal)}
    for stem in asked - published.keys():
        yield f"{stem} has no answer"
    for stem, reply in published.items():
        if by_id.get(stem) != _as_journaled(reply):
            yield f"the reply to {stem} is not what the journal says"
    yield from _events(root, journal)
    yield from _temporary(root)
    yield from _git(root)


def _as_journaled(reply: dict[str, Any]) -> dict[str, Any]:
    """The reply without what the journal leaves out of the answer to a read."""
    left_out = PRIVATE_ANSWERS.get(reply["command"].rpartition(".")[2], ())
    data = {name: value for name, value in reply["data"].items() if name not in left_out}
    return {**reply, "data": data}


def _chain(root: Path) -> Iterator[str]:
    prev = NOTHING_BEFORE
    for number, line in enumerate(journal_lines(root), start=1):
        entry = json.loads(line)
        if entry["seq"] != number or entry["prev"] != prev:
            yield f"the journal's chain breaks at line {number}"
        prev = "sha256:" + hashlib.sha256(line).hexdigest()


def _events(root: Path, journal: list[dict[str, Any]]) -> Iterator[str]:
    events = event_lines(root)
    ids = [event["event_id"] for event in events]
    if len(ids) != len(set(ids)):
        yield "an event stands twice in the log"
    named = [event_id for line in journal for event_id in line["event_ids"]]
    if missing := set(named) - set(ids):
        yield f"the journal names events that no log has: {sorted(missing)}"
    if unnamed := set(ids) - set(named):
        yield f"events that no line of the journal names: {sorted(unnamed)}"
    for event in events:
        position, size = event.get("batch", (1, 1))
        batch = [e for e in events if e["correlation_id"] == event["correlation_id"]]
        if position > size or len(batch) % size:
            yield f"half an append: {event['event_id']}"


def _temporary(root: Path) -> Iterator[str]:
    claimed = root / PRIVATE / "claimed"
    if claimed.is_dir() and any(claimed.rglob("*.json")):
        yield "a claim was not retired"
    if any((root / ".kitty" / "inbox").glob("*.json")):
        yield "a request still lies in the inbox"
    for name in _names(root):
        last = name.rpartition("/")[2]
        is_lock = last.endswith(".lock") and not name.startswith(UNCOUNTED)
        if last.endswith(".tmp") or last.startswith(".claim-") or is_lock:
            yield f"temporary: {name}"
        if last.endswith(".pending") or last == "faults.log":
            yield f"not finished, or a fault of the host: {name}"


def _git(root: Path) -> Iterator[str]:
    for line in git(
        root, "fsck", "--full", "--strict", "--no-dangling", fine=(0, 1, 2, 4, 8)
    ).splitlines():
        if not line.startswith(("notice:", "Checking", "unreachable")):
            yield f"git fsck: {line}"
    for folder in _worktrees(root):
        if (root / ".git" / "worktrees" / folder.name / "locked").exists():
            yield f"git holds {folder.name} locked"


def _move(event: dict[str, Any]) -> tuple[str, ...]:
    keys = ("kind", "wp_id", "from_lane", "to_lane", "actor", "correlation_id")
    asked = event.get("correlation_id", "")
    is_minted = asked.startswith("corr-")
    return tuple(
        "minted" if key == "correlation_id" and is_minted else str(event.get(key)) for key in keys
    )


def _trees(root: Path) -> Iterator[tuple[str, str, int]]:
    """Per ref: its content but for the log, and how many commits it has.

    Pins of one workspace that keep the same are one: a start that was cut off may have made a merge of its own.
    """
    pins = set[tuple[str, str, int]]()
    for line in git(root, "for-each-ref", "--format=%(refname) %(objectname)").splitlines():
        ref, oid = line.split()
        found = PIN.sub(r"\1", ref), *_content(root, oid)
        if found not in pins:
            yield found
        if found[0] != ref:
            pins.add(found)


@lru_cache(maxsize=256)
def _content(root: Path, oid: str) -> tuple[str, int]:
    """Ask git once for each id: the object that it names is always the same."""
    lines = git(root, "ls-tree", "-r", oid).splitlines()
    digest = hashlib.sha256("\n".join(x for x in lines if LOG not in x).encode()).hexdigest()
    return digest[:12], int(git(root, "rev-list", "--count", oid))


def _dirt(root: Path) -> Iterator[str]:
    for folder in (root, *_worktrees(root)):
        for line in git(
            folder, "status", "--porcelain", "--untracked-files=all", "--branch"
        ).splitlines():
            yield f"{folder.name}: {line}"


def _worktrees(root: Path) -> list[Path]:
    place = root / ".worktrees"
    return sorted(path for path in place.glob("[!.]*") if path.is_dir())


def _files(root: Path) -> Iterator[str]:
    for name in _names(root):
        # Nor are git's reflogs, which it never syncs, SQLite's files beside an open database, or a worker's lock.
        is_beside = name.endswith(("/record.db-wal", "/record.db-shm", "/worker"))
        # The attributes that a workspace copied from the project depend on when the host first changed a mission.
        is_beside = is_beside or (
            name.startswith(".worktrees/") and name.endswith("/info/attributes")
        )
        if not name.startswith(UNCOUNTED) and "/logs/" not in name and not is_beside:
            # The origin of the last reset of a worktree is not a part of the state.
            yield _undated(ULID.sub("ULID", name.replace("/ORIG_HEAD", "/HEAD")))


def _undated(name: str) -> str:
    """The name without the parts that differ from run to run: a merge commit and the time of a retirement."""
    return PIN.sub(r"\1", RETIRED.sub(".trash/", name))


def _names(root: Path) -> Iterator[str]:
    for parent, _, files in os.walk(root):
        yield from (os.path.relpath(Path(parent, name), root) for name in files)


def _whole(path: Path) -> list[bytes]:
    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except FileNotFoundError:
        return []
    return [line for line in lines if line.endswith(b"\n")]


def git(folder: Path, *words: str, fine: tuple[int, ...] = (0,)) -> str:
    """The output of git, which takes no optional lock."""
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_CONFIG_GLOBAL": os.devnull}
    done = subprocess.run(
        ["git", *words], cwd=folder, capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode in fine, f"git {words} in {folder}: {done.stderr}"
    return done.stdout + (done.stderr if words[0] == "fsck" else "")
