"""What one worker does again and again: every mailbox in turn, a batch each."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

from specify_cli.errors import SpecKittyError
from specify_cli.files import folders
from specify_cli.mailbox.backoff import Backoff
from specify_cli.mailbox.executor import KeyedExecutor
from specify_cli.mailbox.heartbeat import Heartbeat, HeartbeatReport
from specify_cli.mailbox.intake import Intake
from specify_cli.mailbox.layout import DEFAULT
from specify_cli.mailbox.mailboxes import Mailboxes
from specify_cli.mailbox.printable import printable
from specify_cli.mailbox.protocols import Watch
from specify_cli.mailbox.wakeup import Wakeup
from specify_cli.mailbox.workplace import WorkerContext

# No orchestrator has this name.
NOBODY = ""
BEGUN_S = 1.0


class ServiceLoop:
    """The work of one worker while it has the place."""

    def __init__(
        self,
        workplace: WorkerContext,
        *,
        bell: Wakeup,
        watch: Watch | None,
        is_stopping: Callable[[], bool],
    ) -> None:
        self._layout = workplace.layout
        self._settings = workplace.settings
        self._log = workplace.log
        self._watch = watch
        self._is_stopping = is_stopping
        self._pool = KeyedExecutor(bell)
        self._room = Mailboxes(workplace, pool=self._pool, on_look=self._cover)
        self._heartbeat = Heartbeat(settings=self._settings, count=self._room.dead_letters.count)
        # Of every mailbox that was seen before, and which of them are to be recovered first.
        self._stalls: dict[str, Backoff] = {}
        self._unrecovered: set[str] = set()
        self._unsynced: dict[str, Exception] = {}
        self._is_deaf = False
        self._dispatcher = workplace.dispatcher
        self._begun_at = 0.0
        self._welcome_all()

    @contextlib.contextmanager
    def on_duty(self) -> Iterator[None]:
        """While the block runs the heartbeat beats; afterwards what was in hand is finished."""
        self._heartbeat.start()
        try:
            yield
        finally:
            for failure in self._pool.stop():
                words = printable(str(failure))
                self._log(f"stopped before an answer was recorded, nothing is lost: {words}")
            self._retire_answered()
            for failure in self._unsynced.values():
                words = printable(str(failure))
                self._log(f"the next worker sees to it that replies are on the disk: {words}")
            self._heartbeat.stop()

    def serve(self) -> float:
        """Every mailbox had its turn; seconds until the next round is worth it."""
        waits_s = [self._serve(post) for post in list(self._room.posts.values())]
        wait_s = min([*waits_s, self._serve_others()])
        if not self._is_done():
            self._pool.call_me()
        return wait_s

    def drain(self) -> float | None:
        """Seconds until the next round is worth it; None where nothing waits any more.

        Raises:
            SpecKittyError, OSError: an answer could not be recorded; nothing is lost.
        """
        was_idle = self._pool.is_idle()
        wait_s = min(self._work(post) for post in self._room.posts.values())
        self._settle_intents()
        is_over = not self._find() and was_idle and self._is_done() and self._pool.is_idle()
        # What failed since its mailbox had its turn is raised in the next round.
        if is_over and not any(self._pool.failure(identity) for identity in self._room.posts):
            return None
        self._pool.call_me()
        return min(wait_s, self._settings.look_again_s)

    def depth(self) -> int:
        """How many requests wait, or are being answered, in all mailboxes."""
        return sum(post.backlog().depth for post in self._room.posts.values())

    def _is_done(self) -> bool:
        return all(post.is_done for post in self._room.posts.values())

    # One mailbox.

    def _serve(self, post: Intake) -> float:
        stall = self._stalls[post.identity]
        if remaining_s := stall.remaining_s():
            return remaining_s
        try:
            wait_s = self._work(post)
        except Exception as error:  # noqa: BLE001  a fault in one mailbox is not the end of all
            return self._stall(post, error)
        if stall.reason is None:
            return wait_s
        if self._pool.is_sound(post.identity) and post.identity not in self._unrecovered:
            stall.end()
            self._log(f"mailbox {post.identity} goes on")
            self._heartbeat.say(post.identity, "running")
        return min(wait_s, self._settings.look_again_s)

    def _work(self, post: Intake) -> float:
        if post.identity in self._unrecovered:
            # What still runs would be found on the disk as well, and be done twice.
            if not self._pool.forget(post.identity):
                return self._settings.look_again_s
            self._room.recover(post)
            self._unrecovered.discard(post.identity)
        failure = self._pool.failure(post.identity) or self._unsynced.pop(post.identity, None)
        if failure is not None:
            raise failure
        with folders.kept_open():
            return post.work(self._is_stopping)

    def _stall(self, post: Intake, error: Exception) -> float:
        if self._room.is_gone(post, error):
            if self._room.close(post):
                del self._stalls[post.identity]
            return self._settings.look_again_s
        self._unrecovered.add(post.identity)
        is_known = isinstance(error, (SpecKittyError, OSError))
        stall = self._stalls[post.identity]
        words = printable(str(error) if is_known else f"a fault of the host: {error!r}")
        if stall.begin(words):
            self._log(f"mailbox {post.identity} stalled, nothing is lost, trying again: {words}")
        self._heartbeat.say(post.identity, "stalled", stalled_reason=words)
        return stall.remaining_s()

    # What belongs to no mailbox yet.

    def _serve_others(self) -> float:
        try:
            self._settle_intents()
            return 0.0 if self._find() else self._settings.poll_interval_s
        except (SpecKittyError, OSError) as error:
            return self._stall(self._room.posts[DEFAULT], error)

    def _settle_intents(self) -> None:
        """Now and then the other door is seen to, in the pool: what was begun there may take long."""
        failure = self._pool.failure(NOBODY)
        if failure is not None and self._pool.forget(NOBODY):
            raise failure
        if time.monotonic() >= self._begun_at and not self._pool.in_hand(NOBODY)[0]:
            self._begun_at = time.monotonic() + BEGUN_S
            if self._dispatcher.has_intents():
                self._pool.put(NOBODY, "", self._dispatcher.settle_intents, size=0)
            if any(post.has_answered for post in self._room.posts.values()):
                self._pool.put(NOBODY, "answered", self._retire_answered, size=0)

    def _retire_answered(self) -> None:
        """What was answered is durable in each outbox; a mailbox whose disk refuses stalls at its next turn."""
        for post in [*self._room.posts.values()]:
            try:
                post.retire_answered()
            except (SpecKittyError, OSError) as error:
                self._unsynced[post.identity] = error

    def _find(self) -> bool:
        try:
            return self._room.find()
        finally:
            self._welcome_all()

    def _welcome_all(self) -> None:
        for identity, post in self._room.posts.items():
            if identity not in self._stalls:
                self._stalls[identity] = Backoff(self._settings)
                self._unrecovered.add(identity)
                self._announce(post)

    def _announce(self, post: Intake) -> None:
        if post.identity == DEFAULT or self._room.is_granted(post.identity):
            # The first beat needs its folder; where that is refused, recovering it says why.
            with contextlib.suppress(OSError, SpecKittyError):
                self._layout.ensure_mailbox(post.identity, owner_uid=post.orchestrator.owner_uid)
            places, commands = self._layout.places(post.identity), post.orchestrator.commands
            self._heartbeat.add(
                HeartbeatReport(places, commands=commands, measure=post.backlog, begun=post.begun)
            )

    def _cover(self, identity: str, folder: int) -> bool:
        if self._watch is None:
            return False
        is_covered = self._watch.cover(identity, folder)
        if not is_covered and not self._is_deaf:
            self._is_deaf = True
            self._log(
                "no file events here: requests are found by looking every "
                f"{self._settings.poll_interval_s:g} s"
            )
        return is_covered
