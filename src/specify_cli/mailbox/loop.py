"""The main loop of a worker: every mailbox in turn, one batch each."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from specify_cli import processes
from specify_cli.errors import SpecKittyError
from specify_cli.files import folders
from specify_cli.mailbox.backoff import Backoff
from specify_cli.mailbox.executor import KeyedExecutor
from specify_cli.mailbox.heartbeat import HANGS, Heartbeat, reason_for_orchestrators
from specify_cli.mailbox.intake import Intake
from specify_cli.mailbox.layout import DEFAULT
from specify_cli.mailbox.log_lines import LogLine
from specify_cli.mailbox.loop_threads import LoopThreads, Turn
from specify_cli.mailbox.mailboxes import Mailboxes
from specify_cli.mailbox.printable import printable
from specify_cli.mailbox.protocols import Watch
from specify_cli.mailbox.settings import Orchestrator, WorkerContext
from specify_cli.mailbox.stalled_mailboxes import StalledMailboxes
from specify_cli.mailbox.wakeup import Wakeup
from specify_cli.mailbox.worker_status import HANGS_AFTER_S

# The executor's key for work of no orchestrator. No orchestrator has this name.
NOBODY = ""
# Before the name of a mailbox, the key for the removal of its answered claims.
ANSWERED = "/"
UPKEEP_INTERVAL_S = 2.0
# The name of the record's folder among the watched ones. No orchestrator has this name.
RECORD = "/record"


class ServiceLoop:
    """The loop of the one worker that holds the project's worker lock."""

    def __init__(
        self,
        context: WorkerContext,
        *,
        wakeup: Wakeup,
        watch: Watch | None,
        is_stopping: Callable[[], bool],
    ) -> None:
        self._layout = context.layout
        self._settings = context.settings
        self._log = context.log
        self._watch = watch
        self._is_stopping = is_stopping
        self._executor = KeyedExecutor(wakeup)
        self._threads = LoopThreads(wakeup)
        self.run = self._threads.run
        self._mailboxes = Mailboxes(context, executor=self._executor, on_look=self._cover)
        self._status = context.status
        self._heartbeat = Heartbeat(
            settings=self._settings,
            count=self._mailboxes.dead_letters.count,
            layout=context.layout,
            status=context.status,
            on_beat=self._threads.take_over,
        )
        self._stalled = StalledMailboxes(context, self._heartbeat)
        # For every known mailbox; those that have to be recovered before their next turn; and those
        # whose replies could not be synced.
        self._backoffs = self._stalled.backoffs
        self._unrecovered: set[str] = set()
        self._unsynced: dict[str, Exception] = {}
        self._lacks_events = False
        self._dispatcher = context.dispatcher
        self._upkeep_at = 0.0
        self._add_new()

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Write heartbeats while the block runs; afterwards finish the requests in progress."""
        self._heartbeat.start()
        try:
            yield
        finally:
            for failure in self._executor.stop(processes.all_end_within_s()):
                what = "stopped before an answer was recorded; nothing is lost"
                self._tell("request.left", what, str(failure))
            for intake in self._mailboxes.intakes.values():
                if self._has_ended(intake):
                    self._retire(intake)
            for identity, failure in self._unsynced.items():
                what = "replies are not synced; the next worker publishes them again"
                self._tell("replies.unsynced", what, str(failure), identity=identity)
            self._heartbeat.stop()
            # They may still write, which the next worker must not meet.
            self._executor.stop()
            self._threads.join()

    def serve(self) -> float:
        """Give every mailbox a turn; return the seconds until the next round."""
        waits_s = [self._serve(intake) for intake in list(self._mailboxes.intakes.values())]
        wait_s = min([*waits_s, self._do_common_work(), self._next_parked_s()])
        if not self._is_done():
            self._executor.notify_when_low()
        return wait_s

    def drain(self) -> float | None:
        """Give every mailbox a turn; return the seconds until the next round, or None if nothing waits.

        Raises:
            SpecKittyError: an answer could not be recorded; nothing is lost.
            OSError: the disk failed; nothing is lost.
        """
        was_idle = self._executor.is_idle()
        wait_s = min(self._work(intake) for intake in self._mailboxes.intakes.values())
        self._do_upkeep()
        is_over = not self._find() and was_idle and self._is_done() and self._executor.is_idle()
        # A failure since the mailbox had its turn is raised in the next round.
        if is_over and not any(self._executor.failure(it) for it in self._mailboxes.intakes):
            return None
        self._executor.notify_when_low()
        return min(wait_s, self._settings.look_again_s)

    def identities(self) -> list[str]:
        """Return the names of the mailboxes with a grant that it serves."""
        return [it for it in self._mailboxes.intakes if self._mailboxes.is_granted(it)]

    def depth(self) -> int:
        """Return how many requests of all mailboxes are not answered."""
        served = [it for it in self._mailboxes.intakes.values() if not self._is_hanging(it)]
        return sum(self._threads.turn(it.identity, it.backlog).depth for it in served)

    def regrant(self, orchestrators: Sequence[Orchestrator]) -> None:
        """Serve these orchestrators from now on; others no longer have a grant."""
        former = self._mailboxes.granted
        self._mailboxes.regrant(orchestrators)
        self._add_new()
        for identity, intake in self._mailboxes.intakes.items():
            if identity == DEFAULT or self._mailboxes.is_granted(identity):
                self._add_heartbeat(intake)
        for identity in former - self._mailboxes.granted - {DEFAULT}:
            self._heartbeat.remove(identity)
            self._status.resume(identity)
        # Whoever asked for the reload looks at the status next.
        self._heartbeat.beat(waits=True)

    def _next_parked_s(self) -> float:
        """Return the seconds until a parked read is due; watch for what makes one due earlier."""
        served = [it for it in self._mailboxes.intakes.values() if not self._is_hanging(it)]
        parked = [it.parked for it in served if it.parked and it.identity not in self._unrecovered]
        self._executor.notifies_always = bool(parked)
        if parked and self._watch is not None:
            # Reports the end of other processes that used the record; others are noticed by the next round.
            with (
                contextlib.suppress(OSError, SpecKittyError),
                folders.opened(self._layout.record, below=self._layout.host_base) as folder,
            ):
                self._watch.cover(RECORD, folder)
        # A record that cannot be read is reported by the next turn of the mailbox.
        with contextlib.suppress(OSError, SpecKittyError):
            return min((it.due_in_s() for it in parked), default=math.inf)
        return self._settings.look_again_s

    def _is_hanging(self, intake: Intake) -> bool:
        return self._threads.is_hanging(intake.identity)

    def _has_ended(self, intake: Intake) -> bool:
        turn, name = self._threads.taken_over(intake.identity), intake.identity
        jobs = (*self._executor.in_progress(name), *self._executor.in_progress(ANSWERED + name))
        return not jobs and (turn is None or turn.is_over)

    def _is_done(self) -> bool:
        return all(intake.is_done for intake in self._mailboxes.intakes.values())

    # One mailbox.

    def _serve(self, intake: Intake) -> float:
        former, backoff = self._threads.taken_over(intake.identity), self._backoffs[intake.identity]
        if former is not None and not former.is_over:
            return self._wait_for(former)
        if former is not None and former.error is not None:
            return self._back_off(intake, former.error)
        if remaining_s := backoff.remaining_s():
            return remaining_s
        try:
            with self._status.turn(intake.identity):
                work = partial(self._work, intake, can_wait=True)
                wait_s = self._threads.turn(intake.identity, work)
        except Exception as error:  # noqa: BLE001  an error in one mailbox must not stop the others
            return self._back_off(intake, error)
        if backoff.reason is None:
            return wait_s
        if self._executor.is_sound(intake.identity) and intake.identity not in self._unrecovered:
            self._stalled.end(intake.identity)
        return min(wait_s, self._settings.look_again_s)

    def _wait_for(self, turn: Turn) -> float:
        """Say that the mailbox hangs, once; return the seconds until the next look."""
        paths = self._layout.paths(turn.identity)
        reason = f"the disk of {paths.inbox} or {paths.outbox}, or the record, does not answer"
        if turn.age_s > HANGS_AFTER_S and self._backoffs[turn.identity].reason != reason:
            self._stalled.begin(turn.identity, reason, public=HANGS)
        return self._settings.poll_interval_s

    def _work(self, intake: Intake, *, can_wait: bool = False) -> float:
        if intake.identity in self._unrecovered:
            # Recovery would also find the claims of running requests, and process them twice.
            if not self._executor.forget(intake.identity):
                return self._settings.look_again_s
            self._mailboxes.recover(intake)
            self._unrecovered.discard(intake.identity)
        failure = self._executor.failure(intake.identity)
        failure = failure or self._unsynced.pop(intake.identity, None)
        if failure is not None:
            raise failure
        with folders.kept_open():
            return intake.work(self._is_stopping, can_wait=can_wait)

    def _back_off(self, intake: Intake, error: Exception) -> float:
        if self._mailboxes.is_gone(intake, error):
            if self._mailboxes.close(intake):
                del self._backoffs[intake.identity]
            return self._settings.look_again_s
        self._unrecovered.add(intake.identity)
        is_known = isinstance(error, (SpecKittyError, OSError))
        reason = printable(str(error) if is_known else f"a fault of the host: {error!r}")
        return self._stalled.begin(intake.identity, reason, public=reason_for_orchestrators(error))

    # Work for all mailboxes.

    def _do_common_work(self) -> float:
        try:
            with self._status.turn(DEFAULT):
                self._do_upkeep()
                return 0.0 if self._find() else self._settings.poll_interval_s
        except (SpecKittyError, OSError) as error:
            return self._back_off(self._mailboxes.intakes[DEFAULT], error)

    def _do_upkeep(self) -> None:
        """From time to time complete intents of killed callers, and retire claims.

        The executor does both, because they may take long.
        """
        failure = self._executor.failure(NOBODY)
        if failure is not None and self._executor.forget(NOBODY):
            raise failure
        if time.monotonic() >= self._upkeep_at and not self._executor.pending(NOBODY)[0]:
            self._upkeep_at = time.monotonic() + UPKEEP_INTERVAL_S
            if self._dispatcher.has_intents():
                self._executor.put(NOBODY, "", self._dispatcher.settle_intents, size=0)
            for identity, intake in self._mailboxes.intakes.items():
                if intake.answered and not self._executor.pending(ANSWERED + identity)[0]:
                    retire = partial(self._retire, intake)
                    self._executor.put(ANSWERED + identity, "", retire, size=0)

    def _retire(self, intake: Intake) -> None:
        """Sync the replies of the mailbox and retire their claims. A failure stalls the mailbox."""
        try:
            intake.answered.retire()
        except (SpecKittyError, OSError) as error:
            self._unsynced[intake.identity] = error

    def _find(self) -> bool:
        if self._threads.is_hanging(DEFAULT):
            return False
        try:
            return self._mailboxes.find()
        finally:
            self._add_new()

    def _add_new(self) -> None:
        for identity, intake in self._mailboxes.intakes.items():
            if identity not in self._backoffs:
                self._backoffs[identity] = Backoff(self._settings)
                self._unrecovered.add(identity)
                self._add_heartbeat(intake)

    def _add_heartbeat(self, intake: Intake) -> None:
        if intake.identity == DEFAULT or self._mailboxes.is_granted(intake.identity):
            self._heartbeat.add(self._mailboxes.heartbeat(intake))

    def _cover(self, identity: str, folder: int) -> bool:
        if self._watch is None:
            return False
        is_covered = self._watch.cover(identity, folder)
        if not is_covered and not self._lacks_events:
            self._lacks_events = True
            text = (
                "the kernel reports no file events for the inbox: it is listed every "
                f"{self._settings.poll_interval_s:g} s instead"
            )
            fields = {"identity": identity, "poll_interval_s": self._settings.poll_interval_s}
            self._log(LogLine(text, "mailbox.unwatched", level="warning", fields=fields))
        return is_covered

    def _tell(self, event: str, what: str, reason: str, *, identity: str | None = None) -> None:
        fields = {"identity": identity, "reason": reason}
        self._log(LogLine(f"{what}: {reason}", event, level="error", fields=fields))
