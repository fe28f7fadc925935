"""A short run of `python -m tests.soak`: four sandboxes, kills and faults."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from tests.soak.checks import Books
from tests.soak.ledger import Ledger
from tests.soak.run import Soak

SECONDS = 10


def test_every_request_has_one_answer_and_one_effect_despite_kills_and_faults():
    # Not in the tests' own folder: users of the sandboxes cannot pass through that.
    folder = Path(tempfile.mkdtemp(prefix="spec-kitty-soak-"))
    try:
        said: list[str] = []
        soak = Soak(folder=folder, seconds=SECONDS, seed=7, say=said.append)

        figures = soak.run()

        assert figures["problems"] == []
        assert figures["kills"] > 0
        assert figures["requests"] > 0
        # The same checks report a request that has no answer.
        assert problems_with_a_request_more(soak) != []
    finally:
        shutil.rmtree(folder)


def problems_with_a_request_more(soak: Soak) -> list[str]:
    """What the checks report about a made-up request without an answer."""
    made_up = Ledger(identity="red")
    made_up.take_down({"id": "made-up", "kind": "note", "command": "append-history"})
    return [*Books(stage=soak.stage, ledgers=[made_up], people={}).open().answers()]
