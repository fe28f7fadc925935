"""Dead letters go back to their inbox, or are given up; their records stay."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from specify_cli import clock, ids
from specify_cli.errors import PreflightFailed, UsageError
from specify_cli.storage import locks
from specify_cli.storage.atomic import translated
from specify_cli.storage.dead_letters import Letter, LetterFolder, look_at, remove_thing
from specify_cli.storage.journal import Journal
from specify_cli.storage.project import Project
from specify_cli.storage.renaming import rename_new
from specify_cli.storage.safe_read import NotRegular, TooLarge, read_regular
from specify_cli.workflow.cause import Cause

REQUEST_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}", re.ASCII)
RESERVED = "worker"
SUFFIX = ".json"
REPLAYED, DISCARDED = "replayed", "discarded"
MAX_BODY_BYTES = 64 * 1024 * 1024
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """Settles the dead letters of a project."""

    project: Project

    @property
    def folder(self) -> LetterFolder:
        """The records."""
        return LetterFolder(self.project.host / "dead-letters")

    def replay(self, selector: str, *, new_id: str | None, actor: str, cause: Cause) -> Letter:
        """The body lies in its orchestrator's inbox again, as the request `new_id` or as what it was.

        Raises: UsageError, PreflightFailed, StorageFailed.
        """
        with self._settling(selector, cause, REPLAYED) as letter:
            if self._is_done(letter):
                return letter
            if self._is_own(letter, cause) and not self.folder.body(letter):
                return self.folder.finish(letter)
            stem = self._stem(letter, new_id)
            body = self._replayable(letter)
            begun = self.folder.begin(letter, _fate(REPLAYED, actor, cause, new_id=stem))
            if new_id:
                _address(body, new_id)
            self._put_back(body, begun, stem)
            return self.folder.finish(begun)

    def discard(self, selector: str, *, actor: str, cause: Cause) -> Letter:
        """The body is gone, the record says who has given it up, and when.

        Raises: UsageError, PreflightFailed, StorageFailed.
        """
        with self._settling(selector, cause, DISCARDED) as letter:
            if self._is_done(letter):
                return letter
            # Written again for one that was interrupted: the moment is when it was given up for good.
            begun = self.folder.begin(letter, _fate(DISCARDED, actor, cause))
            body = self.folder.body(letter)
            if body is not None:
                remove_thing(body)
            return self.folder.finish(begun)

    @contextmanager
    def _settling(self, selector: str, cause: Cause, state: str) -> Iterator[Letter]:
        """The letter, settled by nobody else meanwhile."""
        with locks.held(self.project.lock("dead-letters")):
            letter = self.folder.named(selector)
            if self._is_done(letter) and not self._is_own(letter, cause):
                fate = letter.fate
                _refuse(f"was {letter.state} by {fate['actor']} at {fate['at']}", letter)
            # Begun for another end, and interrupted: that is what has become of it.
            begun = letter.fate.get("state")
            if begun not in (None, state) and self.folder.body(letter) is None:
                _refuse(f"is being {begun} by {letter.fate['actor']}: ask that again", letter)
            yield letter

    @staticmethod
    def _is_own(letter: Letter, cause: Cause) -> bool:
        return letter.fate.get("correlation_id") == cause.correlation_id

    @staticmethod
    def _is_done(letter: Letter) -> bool:
        """Whether it was settled before: by this request, because any other is refused."""
        return letter.state != "waiting"

    def _stem(self, letter: Letter, new_id: str | None) -> str:
        stem = new_id or letter.name.removesuffix(SUFFIX)
        fits = REQUEST_ID.fullmatch(stem) is not None and stem.lower() != RESERVED
        if not fits or not (new_id or letter.name.endswith(SUFFIX)):
            raise UsageError(
                f"{stem[:80]!r} is no id of a request: give it one with --as,"
                " 1 to 128 of A-Z a-z 0-9 . _ -, no dot first, not 'worker'"
            )
        if self._is_used(stem, letter.identity):
            _refuse(
                f"cannot be the request {stem}, that id was used: give it another, --as", letter
            )
        return stem

    def _is_used(self, stem: str, identity: str) -> bool:
        journal = Journal(self.project.journal, lock_path=self.project.lock("journal"))
        return journal.find(stem, ids.scope_of(ids.MAILBOX, identity)) is not None

    def _replayable(self, letter: Letter) -> Path:
        body = self.folder.body(letter)
        if body is None:
            _refuse("has no body any more", letter)
            raise AssertionError("a refusal was raised")
        with translated(body, "read"):
            found = look_at(body, max_bytes=0).kind
        if found != "regular file":
            _refuse(f"is a {found}: only a regular file of one link can be a request", letter)
        return body

    def _put_back(self, body: Path, letter: Letter, stem: str) -> None:
        names = () if letter.identity == ids.DEFAULT_ORCHESTRATOR else (letter.identity,)
        with (
            translated(body, "put back"),
            _opened(body.parent) as here,
            _opened(self.project.kitty / "inbox", *names) as inbox,
        ):
            try:
                rename_new(body.name, stem + SUFFIX, src_dir_fd=here, dst_dir_fd=inbox)
            except FileExistsError:
                self.folder.abandon(letter)
                _refuse(f"cannot go back: a request {stem} has just come, --as another", letter)
            # Where it came from is synced with its fate, unless it lay in the inbox all the time.
            os.fsync(inbox)


@contextmanager
def _opened(folder: Path, *names: str) -> Iterator[int]:
    """The folder `names` lead to from `folder`, made where it is missing; no link is followed."""
    descriptor = os.open(folder, FOLDER)
    try:
        for name in names:
            if not os.path.lexists(folder / name):
                os.mkdir(name, dir_fd=descriptor)
            inner = os.open(name, FOLDER, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)


def _address(body: Path, new_id: str) -> None:
    """The request in `body` calls itself `new_id`, if it is one; its owner stays where that is allowed."""
    try:
        with translated(body, "read"):
            # Where it lies in an inbox, its writer may put something else in its place meanwhile.
            request = _object(read_regular(body, max_bytes=MAX_BODY_BYTES))
    except (NotRegular, TooLarge):
        return
    if request is None or request.get("correlation_id") == new_id:
        return
    data = json.dumps({**request, "correlation_id": new_id}).encode() + b"\n"
    _rewrite(body, data)


def _object(data: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _rewrite(body: Path, data: bytes) -> None:
    # A dot first and .tmp last: in an inbox that is a write in progress, which nobody touches.
    temporary = body.with_name(f".{body.name.lstrip('.')}.tmp")
    with translated(body, "rewrite"):
        status = body.lstat()
        temporary.unlink(missing_ok=True)
        # O_EXCL makes the file, or fails: it follows no link either.
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with os.fdopen(os.open(temporary, flags, 0o600), "wb") as file:
            file.write(data)
            _give_to(file.fileno(), status)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(body)


def _give_to(descriptor: int, status: os.stat_result) -> None:
    if (os.geteuid(), os.getegid()) != (status.st_uid, status.st_gid):
        try:
            os.fchown(descriptor, status.st_uid, status.st_gid)
        except PermissionError:
            return
    os.fchmod(descriptor, status.st_mode & 0o777)


def _fate(state: str, actor: str, cause: Cause, **more: Any) -> dict[str, Any]:
    return {
        "state": state,
        "actor": actor,
        "at": clock.timestamp(),
        "correlation_id": cause.correlation_id,
        **more,
    }


def _refuse(reason: str, letter: Letter) -> None:
    words = f"dead letter {letter.letter_id} {reason}"
    raise PreflightFailed(words, errors=[words])
