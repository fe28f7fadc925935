"""Floods of files: each gets one outcome, memory stays bounded, and others are served."""

from __future__ import annotations

import json
import os
from collections import Counter

import pytest

from tests.integration.hostile_input.served import Served

# `python -m tests.integration.hostile_input` sends a hundred thousand.
CROWD = int(os.environ.get("SPEC_KITTY_CROWD", "1500"))
MAX_WAITING = 10_000


GRANTS = """
[orchestrators.crowd]
commands = ["all"]
[orchestrators.honest]
commands = ["read-only"]
[orchestrators.narrow]
commands = ["all"]
[orchestrators.narrow.quota]
max_waiting = 100
"""


def land(served: Served, count: int, identity: str) -> set[str]:
    """Put so many requests at once, by one rename of their folder."""
    aside, stems = served.stage.root / ".kitty" / "in-the-making", set()
    aside.mkdir()
    for number in range(count):
        stem = f"crowd-{number:06}"
        raw = b"{" if number % 10 == 0 else served.request(stem)
        (aside / f"{stem}.json").write_bytes(raw)
        stems.add(stem)
    served.inbox(identity).rmdir()
    aside.rename(served.inbox(identity))
    served.inputs += count
    return stems


def codes(served: Served, stems: set[str], identity: str) -> Counter[str | None]:
    """Wait for all answers and count their codes."""

    def replies() -> set[str]:
        return {path.stem for path in served.outbox(identity).glob("crowd-*.json")}

    served.wait_until(lambda: stems <= replies())
    assert list(served.inbox(identity).glob("*.json")) == []
    return Counter(served.code(stem, identity) for stem in stems)


def journaled_once(served: Served, stems: set[str], identity: str) -> None:
    ids = Counter(
        line["correlation_id"] for line in served.stage.journal() if line["identity"] == identity
    )
    assert {ids[stem] for stem in stems} == {1}


@pytest.mark.campaign
def test_flood_of_requests_is_answered_once_each_while_others_are_served(served: Served) -> None:
    served.grant(GRANTS)
    stems = land(served, CROWD, "crowd")
    served.start()
    served.begin_honest_work("honest")
    found = codes(served, stems, "crowd")
    served.prove()
    journaled_once(served, stems, "crowd")
    served_at_least = min(CROWD, MAX_WAITING)
    assert found["OK"] + found["REQUEST_MALFORMED"] >= served_at_least
    assert found["OK"] + found["REQUEST_MALFORMED"] + found["STORAGE_FAILED"] == CROWD


def test_requests_beyond_max_waiting_are_refused_at_once_and_can_be_repeated(
    served: Served,
) -> None:
    served.grant(GRANTS)
    stems = land(served, 500, "narrow")
    served.start()
    served.begin_honest_work("honest")
    found = codes(served, stems, "narrow")
    again = served.request("anew")
    served.drop("anew.json", again, "narrow")
    assert served.settled(["anew.json"], "narrow") == {"anew.json": "OK"}
    served.prove()
    journaled_once(served, stems, "narrow")
    assert found["STORAGE_FAILED"] > 0
    assert found["OK"] > 0


def test_flood_of_symlinks_is_dead_lettered_once_each(served: Served) -> None:
    count = CROWD // 10
    served.start()
    served.begin_honest_work()
    for number in range(count):
        (served.layout.inbox / f"no request {number}").symlink_to("/etc/passwd")
    served.inputs += count
    letters = served.layout.dead_letters
    served.wait_until(lambda: sum(1 for _ in letters.glob("*.json")) == count)
    served.prove()
    names = Counter(json.loads(path.read_bytes())["name"] for path in letters.glob("*.json"))
    assert names == Counter(f"no request {number}" for number in range(count))
