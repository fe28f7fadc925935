"""Use cases of dead letters: replay them to their inbox, or discard them; their records stay."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from specify_cli import clock, ids
from specify_cli.errors import PreflightFailed, RequestMalformed, UsageError
from specify_cli.files import locks
from specify_cli.files.atomic import translated
from specify_cli.files.folders import ensure, opened
from specify_cli.files.regular_files import NotRegular, TooLarge
from specify_cli.files.tree_removal import remove_path
from specify_cli.protocol import CLAIM_PREFIX, SUFFIX, is_request_id
from specify_cli.storage import strict_json
from specify_cli.storage.dead_letter_bodies import Body
from specify_cli.storage.dead_letters import Letter, LetterFolder
from specify_cli.storage.journal import Journal
from specify_cli.storage.project import Project
from specify_cli.storage.renaming import rename_new, require_new
from specify_cli.workflow.context import RequestContext
from specify_cli.workflow.request_intents import intent_of, recorded_intent

REPLAYED, DISCARDED = "replayed", "discarded"
MAX_BODY_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """Replays and discards the dead letters of a project."""

    project: Project

    @property
    def folder(self) -> LetterFolder:
        """The folder of the records."""
        return LetterFolder(self.project.dead_letters)

    def replay(
        self, selector: str, *, new_id: str | None, actor: str, cause: RequestContext
    ) -> Letter:
        """Move the body back to its orchestrator's inbox, as the request `new_id` or under its former id.

        Raises:
            UsageError: no letter matches the selector, or the id is malformed.
            PreflightFailed: the letter cannot be replayed.
            StorageFailed: the disk refused.
        """
        with self._settling(selector, cause, REPLAYED) as letter:
            if self._is_done(letter):
                return letter
            if self._is_own(letter, cause) and not self.folder.body(letter):
                return self.folder.finish(letter)
            stem = self._stem(letter, new_id)
            path = self._inbox_path(letter) / (stem + SUFFIX)
            with (
                self._body(letter) as body,
                self._inbox(letter) as inbox,
                translated(path, "put back"),
            ):
                # All checks come before the body is changed.
                self._require_free(letter, path.name, inbox)
                with self._intending(letter, cause, REPLAYED):
                    # A partial or complete copy beside the body must not be taken for it later.
                    self._remove(self.folder.remains(letter)[1:])
                    begun = self.folder.begin(letter, _fate(REPLAYED, actor, cause, new_id=stem))
                    self._send(_addressed(body, new_id) if new_id else body, begun, inbox)
                    return self.folder.finish(begun)

    def discard(self, selector: str, *, actor: str, cause: RequestContext) -> Letter:
        """Remove the body; the record keeps who discarded it, and when.

        Raises:
            UsageError: no letter matches the selector.
            PreflightFailed: the letter cannot be discarded.
            StorageFailed: the disk refused.
        """
        with self._settling(selector, cause, DISCARDED) as letter:
            if self._is_done(letter):
                return letter
            with self._intending(letter, cause, DISCARDED):
                # Written again after an interruption: the time is that of the final attempt.
                begun = self.folder.begin(letter, _fate(DISCARDED, actor, cause))
                self._remove(self.folder.remains(begun))
                return self.folder.finish(begun)

    def _intending(
        self, letter: Letter, cause: RequestContext, state: str
    ) -> AbstractContextManager[None]:
        what = {"dead_letter": letter.letter_id}
        return recorded_intent(self.project, cause, intent_of(cause, state, what))

    @contextmanager
    def _settling(self, selector: str, cause: RequestContext, state: str) -> Iterator[Letter]:
        """Find the letter, and lock all letters meanwhile."""
        with locks.held(self.project.lock("dead-letters")):
            letter = self.folder.named(selector)
            if self._is_done(letter) and not self._is_own(letter, cause):
                fate = letter.fate
                _refuse(f"was {letter.state} by {fate['actor']} at {fate['at']}", letter)
            # An interrupted request for the other outcome, which has moved the body already, must be completed.
            begun = letter.fate.get("state")
            if begun not in (None, state) and self.folder.body(letter) is None:
                _refuse(
                    f"is being {begun} by {letter.fate['actor']}: send that request again", letter
                )
            yield letter

    @staticmethod
    def _is_own(letter: Letter, cause: RequestContext) -> bool:
        return letter.fate.get("correlation_id") == cause.correlation_id

    @staticmethod
    def _is_done(letter: Letter) -> bool:
        """Whether it was replayed or discarded before; only by this request, because others are refused."""
        return letter.state != "waiting"

    def _stem(self, letter: Letter, new_id: str | None) -> str:
        stem = new_id or letter.name.removesuffix(SUFFIX)
        fits = is_request_id(stem)
        if not fits or not (new_id or letter.name.endswith(SUFFIX)):
            raise UsageError(
                f"{stem[:80]!r} is not a request id: give it one with --as, of 1 to 128 characters"
                " A-Z a-z 0-9 . _ -, without a dot at the start, and not 'worker'"
            )
        if self._is_used(stem, letter.identity):
            _refuse(f"cannot use the id {stem} again: give it another one with --as", letter)
        return stem

    def _is_used(self, stem: str, identity: str) -> bool:
        journal = Journal(self.project)
        return journal.find(stem, ids.scope_of(ids.MAILBOX, identity)) is not None

    def _remove(self, paths: Sequence[Path]) -> None:
        for path in paths:
            # In a copy of a project, the records still have paths of the original.
            if self._is_inside(path):
                remove_path(path, below=self.project.base_of(path))

    def _is_inside(self, path: Path) -> bool:
        """Whether it is in the project or in the folder of its record."""
        return path.is_relative_to(self.project.root) or path.is_relative_to(self.project.record)

    @contextmanager
    def _body(self, letter: Letter) -> Iterator[Body]:
        """Read the body, and hold its folder open meanwhile."""
        path = self.folder.body(letter)
        if path is None:
            _refuse("no longer has a body", letter)
        if not self._is_inside(path):
            _refuse(f"has its body outside the project, at {path}", letter)
        with opened(path.parent, below=self.project.base_of(path)) as folder:
            yield self._read(path, folder, letter)

    @staticmethod
    def _read(path: Path, folder: int, letter: Letter) -> Body:
        # In an inbox, the body's writer can replace it at any moment.
        with translated(path, "read"):
            try:
                return Body.read(path.name, folder=folder, max_bytes=MAX_BODY_BYTES)
            except FileNotFoundError:
                reason = "no longer has a body"
            except NotRegular as error:
                reason = f"cannot be replayed: a request is a regular file with one link, but its body {error}"
            except TooLarge as error:
                reason = f"cannot be replayed: its body {error}"
        raise _refusal(reason, letter)

    @contextmanager
    def _inbox(self, letter: Letter) -> Iterator[int]:
        path = self._inbox_path(letter)
        if letter.identity != ids.DEFAULT_ORCHESTRATOR:
            ensure(path, below=self.project.root, mode=0o777)
        with opened(path, below=self.project.root) as inbox:
            yield inbox

    def _inbox_path(self, letter: Letter) -> Path:
        names = () if letter.identity == ids.DEFAULT_ORCHESTRATOR else (letter.identity,)
        return self.project.kitty.joinpath("inbox", *names)

    def _require_free(self, letter: Letter, name: str, inbox: int) -> None:
        try:
            require_new(name, dir_fd=inbox)
        except FileExistsError:
            self._refuse_taken(letter, name)

    def _send(self, body: Body, letter: Letter, inbox: int) -> None:
        """Move the body to the inbox, as the request that the record names."""
        name = letter.fate["new_id"] + SUFFIX
        try:
            rename_new(body.name, name, src_dir_fd=body.folder, dst_dir_fd=inbox)
        except FileExistsError:
            self._refuse_taken(letter, name)
        except OSError as error:
            if error.errno != errno.EXDEV or body.folder == inbox:
                raise
            # The record has the new path before the copy, so that at every moment the body is at a known path.
            path = self._inbox_path(letter) / f"{CLAIM_PREFIX}{letter.letter_id}.body"
            begun = self.folder.begin(letter, letter.fate, place=path)
            self._send(body.carried(inbox, path.name), begun, inbox)
            return
        # The source folder is synced together with the record, unless it is the inbox itself.
        os.fsync(inbox)

    def _refuse_taken(self, letter: Letter, name: str) -> NoReturn:
        self.folder.abandon(letter)
        stem = name.removesuffix(SUFFIX)
        _refuse(
            f"cannot be replayed: a request {stem} has just arrived; give it another id with --as",
            letter,
        )


def _addressed(body: Body, new_id: str) -> Body:
    """Set the request's id to `new_id`; bytes that are not strict JSON stay, and intake refuses them."""
    try:
        request = strict_json.parse_object(body.data)
    except RequestMalformed:
        return body
    if request.get("correlation_id") == new_id:
        return body
    return body.rewritten(json.dumps({**request, "correlation_id": new_id}).encode() + b"\n")


def _fate(state: str, actor: str, cause: RequestContext, **more: Any) -> dict[str, Any]:
    return {
        "state": state,
        "actor": actor,
        "at": clock.timestamp(),
        "correlation_id": cause.correlation_id,
        **more,
    }


def _refuse(reason: str, letter: Letter) -> NoReturn:
    raise _refusal(reason, letter)


def _refusal(reason: str, letter: Letter) -> PreflightFailed:
    text = f"dead letter {letter.letter_id} {reason}"
    return PreflightFailed(text, errors=[text])
