"""Dead letters go back to their inbox, or are given up; their records stay."""

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
    """Settles the dead letters of a project."""

    project: Project

    @property
    def folder(self) -> LetterFolder:
        """The records."""
        return LetterFolder(self.project.dead_letters)

    def replay(
        self, selector: str, *, new_id: str | None, actor: str, cause: RequestContext
    ) -> Letter:
        """The body lies in its orchestrator's inbox again, as the request `new_id` or as what it was.

        Raises: UsageError, PreflightFailed, StorageFailed.
        """
        with self._settling(selector, cause, REPLAYED) as letter:
            if self._is_done(letter):
                return letter
            if self._is_own(letter, cause) and not self.folder.body(letter):
                return self.folder.finish(letter)
            stem = self._stem(letter, new_id)
            place = self._place(letter) / (stem + SUFFIX)
            with (
                self._body(letter) as body,
                self._inbox(letter) as inbox,
                translated(place, "put back"),
            ):
                # Whatever refuses comes before the body is changed.
                self._require_free(letter, place.name, inbox)
                with self._intending(letter, cause, REPLAYED):
                    # Half of a copy, or a whole one, beside the body: it must not be taken for it later.
                    self._remove(self.folder.remains(letter)[1:])
                    begun = self.folder.begin(letter, _fate(REPLAYED, actor, cause, new_id=stem))
                    self._send(_addressed(body, new_id) if new_id else body, begun, inbox)
                    return self.folder.finish(begun)

    def discard(self, selector: str, *, actor: str, cause: RequestContext) -> Letter:
        """The body is gone, the record says who has given it up, and when.

        Raises: UsageError, PreflightFailed, StorageFailed.
        """
        with self._settling(selector, cause, DISCARDED) as letter:
            if self._is_done(letter):
                return letter
            with self._intending(letter, cause, DISCARDED):
                # Written again for one that was interrupted: the moment is when it was given up for good.
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
    def _is_own(letter: Letter, cause: RequestContext) -> bool:
        return letter.fate.get("correlation_id") == cause.correlation_id

    @staticmethod
    def _is_done(letter: Letter) -> bool:
        """Whether it was settled before: by this request, because any other is refused."""
        return letter.state != "waiting"

    def _stem(self, letter: Letter, new_id: str | None) -> str:
        stem = new_id or letter.name.removesuffix(SUFFIX)
        fits = is_request_id(stem)
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
        journal = Journal(self.project)
        return journal.find(stem, ids.scope_of(ids.MAILBOX, identity)) is not None

    def _remove(self, paths: Sequence[Path]) -> None:
        for path in paths:
            # In a copy of a project the records still name places in the first one.
            if self._is_inside(path):
                remove_path(path, below=self.project.base_of(path))

    def _is_inside(self, path: Path) -> bool:
        """Whether it is in the project, or beside its record."""
        return path.is_relative_to(self.project.root) or path.is_relative_to(self.project.record)

    @contextmanager
    def _body(self, letter: Letter) -> Iterator[Body]:
        """The body as it was read, its folder open meanwhile."""
        place = self.folder.body(letter)
        if place is None:
            _refuse("has no body any more", letter)
        if not self._is_inside(place):
            _refuse(f"has its body outside the project, at {place}", letter)
        with opened(place.parent, below=self.project.base_of(place)) as folder:
            yield self._read(place, folder, letter)

    @staticmethod
    def _read(place: Path, folder: int, letter: Letter) -> Body:
        # Where it lies in an inbox, its writer may put something else in its place at any moment.
        with translated(place, "read"):
            try:
                return Body.read(place.name, folder=folder, max_bytes=MAX_BODY_BYTES)
            except FileNotFoundError:
                why = "has no body any more"
            except NotRegular as error:
                why = f"cannot be a request, only a regular file of one link can: its body {error}"
            except TooLarge as error:
                why = f"cannot be a request: its body {error}"
        raise _refusal(why, letter)

    @contextmanager
    def _inbox(self, letter: Letter) -> Iterator[int]:
        place = self._place(letter)
        if letter.identity != ids.DEFAULT_ORCHESTRATOR:
            ensure(place, below=self.project.root, mode=0o777)
        with opened(place, below=self.project.root) as inbox:
            yield inbox

    def _place(self, letter: Letter) -> Path:
        names = () if letter.identity == ids.DEFAULT_ORCHESTRATOR else (letter.identity,)
        return self.project.kitty.joinpath("inbox", *names)

    def _require_free(self, letter: Letter, name: str, inbox: int) -> None:
        try:
            require_new(name, dir_fd=inbox)
        except FileExistsError:
            self._refuse_taken(letter, name)

    def _send(self, body: Body, letter: Letter, inbox: int) -> None:
        """The body is the request that `letter` was begun to become."""
        name = letter.fate["new_id"] + SUFFIX
        try:
            rename_new(body.name, name, src_dir_fd=body.folder, dst_dir_fd=inbox)
        except FileExistsError:
            self._refuse_taken(letter, name)
        except OSError as error:
            if error.errno != errno.EXDEV or body.folder == inbox:
                raise
            # Noted before it is carried: at every instant one of the places that are known holds it.
            place = self._place(letter) / f"{CLAIM_PREFIX}{letter.letter_id}.body"
            begun = self.folder.begin(letter, letter.fate, place=place)
            self._send(body.carried(inbox, place.name), begun, inbox)
            return
        # Where it came from is synced with its fate, unless it lay in the inbox all the time.
        os.fsync(inbox)

    def _refuse_taken(self, letter: Letter, name: str) -> NoReturn:
        self.folder.abandon(letter)
        stem = name.removesuffix(SUFFIX)
        _refuse(f"cannot go back: a request {stem} has just come, --as another", letter)


def _addressed(body: Body, new_id: str) -> Body:
    """The request calls itself `new_id`; what is no strict JSON keeps its bytes, and is refused as that."""
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
    words = f"dead letter {letter.letter_id} {reason}"
    return PreflightFailed(words, errors=[words])
