"""Every place in the source where a promise depends on one sync, lock, link check or idempotency check.

Each is found by its shape in the syntax tree, so that a new one cannot be forgotten, and can be
taken out of the source text.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "specify_cli"
CLIENT = "../spec_kitty_client"
"""The package of the client, beside that of the host."""

# The first simulates a host or a client for tests of others, the second only redraws a screen for people
# after a change: no promise of this host depends on either.
LEFT_OUT = ("conformance/", "cli/board_watch.py")
# Replaces a lock: it can be entered and left, and excludes nobody.
# It yields an existing descriptor, because the lock on the repository is kept open by it.
# A condition can be made of it; a condition finds the owner by failing to acquire it again.
NO_LOCK = (
    'type("NoLock", (), {"__enter__": lambda self: 2, "__exit__": lambda self, *error: None, '
    '"acquire": lambda self, *how: False, "release": lambda self: None})()'
)
NO_FILE_LOCK = "on_acquired(os.open(path, os.O_RDWR | os.O_CREAT))"
NO_LIFE_LOCK = '__import__("types").SimpleNamespace(release=lambda: None)'


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A guard in the source: its position, and the text that replaces it."""

    kind: str
    file: str
    scope: str
    number: int
    node: ast.expr
    without: str

    @property
    def name(self) -> str:
        """The name of the guard: file, enclosing definition, kind, and its number among equals there."""
        return f"{self.file}::{self.scope}::{self.kind}-{self.number}"

    def taken_out(self, source: str) -> str:
        """The source text without this guard."""
        lines = source.encode().splitlines(keepends=True)
        start = sum(map(len, lines[: self.node.lineno - 1])) + self.node.col_offset
        end = sum(map(len, lines[: (self.node.end_lineno or 0) - 1]))
        end += self.node.end_col_offset or 0
        text = source.encode()
        return (text[:start] + self.without.encode() + text[end:]).decode()


@cache
def all_sites(package: Path = PACKAGE) -> list[Site]:
    """Every guard of the package, by file and place."""
    paths = sorted(path.relative_to(package) for path in package.rglob("*.py"))
    clients = sorted((package / CLIENT).glob("*.py"))
    names = [*map(str, paths), *(f"{CLIENT}/{path.name}" for path in clients)]
    kept = (name for name in names if not name.startswith(LEFT_OUT))
    return [site for file in kept for site in _sites_in(package / file, file)]


def _sites_in(path: Path, file: str) -> Iterator[Site]:
    count: Counter[tuple[str, str]] = Counter()
    for scope, node in _expressions(ast.parse(path.read_text(encoding="utf-8")), ""):
        for kind, find in KINDS.items():
            without = find(node)
            if without is not None:
                count[scope, kind] += 1
                number = count[scope, kind]
                yield Site(
                    kind=kind, file=file, scope=scope, number=number, node=node, without=without
                )


def _expressions(node: ast.AST, scope: str) -> Iterator[tuple[str, ast.expr]]:
    """Every expression below the node, with its enclosing definition; without docstrings and messages."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.JoinedStr):
            continue
        inner = scope
        if isinstance(child, ast.FunctionDef | ast.ClassDef):
            inner = f"{scope}.{child.name}".lstrip(".")
        if isinstance(child, ast.expr):
            yield inner or "module", child
        yield from _expressions(child, inner)


@lru_cache(maxsize=8)
def _called(node: ast.expr) -> str:
    """The dotted name that is called; empty if the node is not a call."""
    return ast.unparse(node.func) if isinstance(node, ast.Call) else ""


def _sync(node: ast.expr) -> str | None:
    return "None" if _called(node).rpartition(".")[2] in SYNCS else None


def _lock(node: ast.expr) -> str | None:
    """Where a lock between processes is taken, or a lock between threads is made."""
    called = _called(node)
    if called.endswith("try_acquire"):
        return NO_LIFE_LOCK
    if called == "lock.acquire":
        return NO_FILE_LOCK
    if called == "fcntl.flock":
        return "None"
    return NO_LOCK if called.endswith(LOCKS) else None


def _link(node: ast.expr) -> str | None:
    """Checks that keep the host from following or using links and files of others."""
    if isinstance(node, ast.Attribute):
        if node.attr == "st_nlink":
            return "1"
        return "0" if ast.unparse(node) in FLAGS else None
    if isinstance(node, ast.Compare) and getattr(node.left, "attr", "") == "st_uid":
        return "False"
    if isinstance(node, ast.Call) and any(it.arg == "follow_symlinks" for it in node.keywords):
        return ast.unparse(node).replace("follow_symlinks=False", "follow_symlinks=True")
    called = _called(node)
    # The result of an `lstat` is judged by one of these, so the call itself is not a guard.
    if called in ("stat.S_ISREG", "stat.S_ISDIR"):
        return "True"
    return "False" if called.endswith(".is_symlink") else None


def _idempotency(node: ast.expr) -> str | None:
    if not isinstance(node, IDEMPOTENCY_KINDS):
        return None
    text = ast.unparse(node)
    if text.startswith("rename_new("):
        return text.replace("rename_new", "os.rename", 1)
    return IDEMPOTENCY.get(text)


SYNCS = frozenset(
    {"sync", "sync_all", "fsync", "fdatasync", "syncfs", "fsync_folder", "sync_folder", "sync_data"}
)
FLAGS = ("os.O_NOFOLLOW", "os.O_EXCL", "InotifyConstants.IN_DONT_FOLLOW")
LOCKS = ("locks.held", "_host.deciding", "threading.Lock", "threading.RLock")
IDEMPOTENCY = {
    "self._host.journal().find(correlation_id, origin.scope)": "None",
    "known['digest'] == judgement.digest": "True",
    "was_never_read(known)": "False",
    "journal.find(intent.id, intent.scope, digest=intent.digest or None) is not None": "False",
    "self._host.services().request_intents.is_begun(intent)": "True",
    "intent_begun_by(mission.files.project, cause)": "None",
    "record.find(asked.id, asked.scope) if unless_known else None": "None",
    "event.request_digest != self.request_digest": "False",
    "mission.log.caused_by(cause.correlation_id, cause.identity)": "()",
    "mission.log.caused_by(context.correlation_id, context.identity)": "()",
    "intent.kept.digest != self.context.request_digest": "False",
    "new[0] not in view.lines": "True",
    "self._has_moved(intent)": "False",
    "_renewed(name, folder)": "False",
    "self._is_done(letter)": "False",
    "self._is_own(letter, cause)": "True",
    "self._is_used(stem, letter.identity)": "False",
}
"""The expressions that recognize an earlier request or reply."""
IDEMPOTENCY_KINDS = tuple({type(ast.parse(text, mode="eval").body) for text in IDEMPOTENCY})

KINDS: dict[str, Callable[[ast.expr], str | None]] = {
    "sync": _sync,
    "lock": _lock,
    "link": _link,
    "idempotency": _idempotency,
}
