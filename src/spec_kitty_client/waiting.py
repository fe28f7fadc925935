"""Wait for a reply: when to look again, and why there is no reply yet."""

from __future__ import annotations

import time
from collections.abc import Generator

from spec_kitty_client.unanswered import (
    LostContactError,
    NotAnsweredError,
    NoWorkerError,
    QueuedError,
    TakenError,
)

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` itself is slow to load.
    from typing import Any, TypeAlias

    from spec_kitty_client.mailbox import Mailbox

# Yields the seconds until the next step, and returns an envelope.
Steps: TypeAlias = Generator[float, None, "dict[str, Any]"]
# Yielded before a step that syncs a file or starts a program, which can take longer than an event loop should wait.
BLOCKING = 0.0
# A pause of a twentieth of the time waited so far delays the reply by at most five per cent.
SHORTEST_PAUSE_S = 0.0005
LONGEST_PAUSE_S = 0.05
WAITED_PER_PAUSE = 20
# Interval at which a waiting client reads the heartbeat, and the delay before the first time.
LOOK_INTERVAL_S = 1.0
FIRST_LOOK_S = 0.1
START = "start `spec-kitty mailbox serve` on the host"


def run(steps: Steps) -> dict[str, Any]:
    """Take all steps, with the pauses between them; return the envelope."""
    while True:
        try:
            pause_s = next(steps)
        except StopIteration as end:
            envelope: dict[str, Any] = end.value
            return envelope
        time.sleep(pause_s)


def pause_s(waited_s: float, *, deadline: float) -> float:
    """Return the seconds until the next look; `deadline` is a time of `time.monotonic`."""
    pause = min(max(SHORTEST_PAUSE_S, waited_s / WAITED_PER_PAUSE), LONGEST_PAUSE_S)
    return max(SHORTEST_PAUSE_S, min(pause, deadline - time.monotonic()))


def until_served(
    mailbox: Mailbox, correlation_id: str, *, deadline: float
) -> Generator[float, None, None]:
    """Wait until a worker is seen to serve the mailbox.

    An old heartbeat of another machine is watched for three beats, because the clocks may differ.

    Raises:
        NoWorkerError: There is no heartbeat, its worker was stopped, or it did not change.
    """
    heartbeat = mailbox.heartbeat()
    since = time.monotonic()
    while not heartbeat.look():
        until = min(deadline, since + heartbeat.patience_s)
        if not heartbeat.may_be_alive or time.monotonic() >= until:
            raise NoWorkerError(
                f"no worker serves {mailbox.outbox}: {heartbeat.absence}; nothing was sent: {START},"
                " then send the request again",
                correlation_id,
            )
        yield LONGEST_PAUSE_S


class PendingRequest:
    """A request without an answer, and what is known about the reason."""

    def __init__(self, mailbox: Mailbox, correlation_id: str) -> None:
        self._mailbox = mailbox
        self._since = time.monotonic()
        self._next_look_s = FIRST_LOOK_S
        self.correlation_id = correlation_id
        self.heartbeat = mailbox.heartbeat()

    @property
    def waited_s(self) -> float:
        """Seconds waited so far."""
        return time.monotonic() - self._since

    def look(self) -> bool:
        """Read the heartbeat at most once a second; return whether it was read."""
        if self.waited_s < self._next_look_s:
            return False
        self.heartbeat.look()
        self._next_look_s = self.waited_s + LOOK_INTERVAL_S
        return True

    def verdict(self) -> NotAnsweredError:
        """Return the error that says why there is no answer yet."""
        self.heartbeat.look()
        if self.heartbeat.is_alive and not self._mailbox.out_of_reach():
            return self._served()
        return self._abandoned()

    def need_worker(self) -> None:
        """Raise `LostContactError` if a worker that was alive has missed three beats."""
        if self.heartbeat.is_lost:
            raise self._abandoned()

    def _abandoned(self) -> NotAnsweredError:
        waited = self._waited()
        if lost := self._mailbox.out_of_reach():
            return LostContactError(f"{waited}contact was lost: {lost}", self.correlation_id)
        restart = f"{START}; the request waits for it"
        absence = self.heartbeat.absence
        if self.heartbeat.was_alive:
            text = f"{waited}contact was lost: {absence.replace('the last one', 'the worker')}; {restart}"
            return LostContactError(text, self.correlation_id)
        text = f"{waited}no worker serves the mailbox: {absence}; {restart}"
        return NoWorkerError(text, self.correlation_id)

    def _waited(self) -> str:
        return f"no reply to {self.correlation_id} within {self.waited_s:.1f} s: "

    def _served(self) -> NotAnsweredError:
        position = self._mailbox.position(self.correlation_id)
        text = f"{self._waited()}{self.standing(position)}; wait again"
        if position is None:
            return TakenError(text, self.correlation_id)
        return QueuedError(text, self.correlation_id, position=position)

    def standing(self, position: int | None) -> str:
        """Describe the state of the request, given its position in the inbox."""
        trouble = self.heartbeat.trouble and f" ({self.heartbeat.trouble})"
        if position is None:
            return f"the worker has taken it and is processing it{trouble}"
        where = f" at position {position}" if position else ""
        return f"it is queued{where}{trouble}"
