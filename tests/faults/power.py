"""Power losses after each sync, with all, none or some of what was not synced."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator

from tests.faults import state
from tests.faults.disk import History
from tests.faults.hosts import Ended
from tests.faults.place import FIRST, Place
from tests.faults.points import Struck
from tests.faults.shim import Call
from tests.faults.state import State

PER_SYNC = 5


class PowerLoss:
    """What a power loss leaves of one run of a request."""

    def __init__(self, place: Place, golden: State) -> None:
        self._place = place
        self._golden = golden
        place.reset()
        place.drop(FIRST)
        before = place.root.with_name("before")
        shutil.rmtree(before, ignore_errors=True)
        shutil.copytree(place.root, before, symlinks=True)
        self._ended = place.ask(FIRST, traced=True)
        self._calls = place.trace()
        self._history = History(before, place.root, self._calls)
        self._answered = _answered(place, self._calls)
        self._envelope = _envelope(place, self._ended)
        self._kept = place.root.with_name("record")
        shutil.rmtree(self._kept, ignore_errors=True)
        (place.root / state.RECORD).rename(self._kept)

    def count(self) -> int:
        """The number of possible disks."""
        return self._history.count(per_sync=PER_SYNC)

    def problems(self, seed: int, number: int) -> list[str]:
        """Descriptions of the promises broken on that disk."""
        # Each disk has a chance of its own, so that none has to be made for the sake of a later one.
        chance = random.Random(f"{seed} {number}")
        at, tree = self._history.state(number, chance, per_sync=PER_SYNC)
        root = self._place.root
        shutil.rmtree(root, ignore_errors=True)
        tree.store(root)
        record = root / state.RECORD
        if record.exists():
            # In the old folder: a host takes a record in another folder for a copy.
            for path in [*self._kept.iterdir()]:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            for path in [*record.iterdir()]:
                path.rename(self._kept / path.name)
            record.rmdir()
            self._kept.rename(record)
        # Written to the disk in another order: the files of git are younger than the host's mark.
        for path in (root / ".git").rglob("*"):
            if path.name != "spec-kitty-at-work":
                path.chmod(path.stat().st_mode)
        try:
            return list(self._found(is_told=at >= self._answered))
        finally:
            if not self._kept.exists():
                record.rename(self._kept)

    def _found(self, *, is_told: bool) -> Iterator[str]:
        told = self._envelope if is_told else None
        if told is not None and self._place.door == "cli":
            # An acknowledged request need not be repeated.
            self._place.bring_up(self._golden)
            found = state.read(self._place.root)
            yield from found.differences(self._golden)
        first = Ended(status=-9, out=json.dumps(told) if told else "", err="", calls=0, hits=1)
        yield from Struck(self._place, self._golden).settled(first, told=told)


def _answered(place: Place, calls: list[Call]) -> int:
    """The call after which the caller could see the answer."""
    if place.door == "cli":
        return calls[-1].number
    reply = f"/.kitty/outbox/{FIRST}.json"
    return next(call.number for call in calls if call.op == "rename" and call.other.endswith(reply))


def _envelope(place: Place, ended: Ended) -> object:
    return state.replies(place.root)[FIRST] if place.door == "mailbox" else json.loads(ended.out)
