"""One fault at one call, and how the host handled it."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from specify_cli.protocol import READS
from tests.faults import state
from tests.faults.hosts import Ended
from tests.faults.place import FIRST, SECOND, Place
from tests.faults.shim import Orders
from tests.faults.state import State

# The errors that a host may answer after a disk failure.
HONEST = frozenset({"STORAGE_FAILED", "LANE_ALLOCATION_FAILED", "PREFLIGHT_FAILED"})


class Struck:
    """An injected fault; `problems` are the broken promises."""

    def __init__(self, place: Place, golden: State) -> None:
        self._place = place
        self._golden = golden
        self.was_refused = False
        self.was_missed = False
        self.answers: tuple[Any, Any] = (None, None)

    def problems(self, orders: Orders) -> list[str]:
        """Descriptions of what was lost, doubled or half-applied after the process was restarted."""
        place = self._place
        place.reset()
        place.drop(FIRST)
        first = place.ask(FIRST, orders=orders)
        if not first.hits:
            self.was_missed = True
            return []
        return list(self.settled(first))

    def settled(self, first: Ended, told: Any = None) -> Iterator[str]:
        """The broken promises after a restart of the host; `told` is its output before it."""
        place = self._place
        told = told or self._told(first)
        second = place.ask(FIRST)
        if second.status and _follows_advice(second.err):
            # A merge that is made, and not recorded, stops the worker until somebody has done that.
            second = place.ask(FIRST)
        for ended in (first, second):
            if "Traceback" in ended.err:
                yield f"a traceback: {ended.err[-600:]}"
        if place.door == "mailbox" and second.status:
            yield f"the next worker ended with {second.status}: {second.err[-300:]}"
        answer = self._told(second)
        if told is not None and told["success"] and not self._agree(told, answer):
            yield f"another answer than before: {answer}, before {told}"
        asked = [FIRST]
        self.answers = (told, answer)
        if answer is None or not answer["success"]:
            self.was_refused = True
            # A merge that is made, and not recorded, is completed under its own id.
            anew = FIRST if "send the same request again" in str(answer) else SECOND
            asked = list(dict.fromkeys([FIRST, anew]))
            yield from self._asked_anew(answer, anew)
        yield from self._kept(asked)

    def _agree(self, told: Any, answer: Any) -> bool:
        if self._place.door == "cli" and self._place.scenario.command in READS:
            # Asked again, it is another request; a list names what could not be read.
            return "cannot be used" in str(told["data"]) or bool(told["data"] == answer["data"])
        return bool(told == answer)

    def _kept(self, asked: list[str]) -> Iterator[str]:
        root = self._place.root
        self._place.bring_up(self._golden)
        yield from state.broken_promises(root, self._place.asked(*asked))
        moves = tuple(
            tuple(asked[-1] if x == FIRST else x for x in move) for move in self._golden.moves
        )
        yield from state.read(root).differences(replace(self._golden, moves=moves))

    def _asked_anew(self, answer: Any, anew: str) -> Iterator[str]:
        if answer is None:
            yield "no answer"
        elif answer["error_code"] not in HONEST or not answer["data"]["retryable"]:
            yield f"refused with {answer['error_code']}: {answer['data']}"
        _follows_advice(json.dumps(answer))
        self._place.drop(anew)
        again = self._told(self._place.ask(anew), anew)
        if again is None or not again["success"]:
            yield f"refused when asked anew: {again}"

    def _told(self, ended: Ended, correlation_id: str = FIRST) -> Any:
        """The envelope that the caller has received so far; None if there is none."""
        if self._place.door == "mailbox":
            return state.replies(self._place.root).get(correlation_id)
        with contextlib.suppress(ValueError):
            return json.loads(ended.out)
        return None


def _follows_advice(said: str) -> bool:
    """A lock that nothing proves to be the host's was named with the command that removes it."""
    advice = re.findall(r"rm -f(?: /[^\s\"\\]+[.]lock)+", said)
    for words in advice:
        subprocess.run(words.split(), check=True)
    return bool(advice)
