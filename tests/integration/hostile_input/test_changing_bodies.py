"""The host applies and records what it has validated, even if the file changes later."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from specify_cli.orchestrator_api.validated_request import digest_of
from tests.integration.hostile_input.served import DEADLINE_S, Served
from tests.integration.stage import SLUG

HERE = Path(__file__).parent
COUNT = 60
REWRITING_S = 1.5


def rewriter(served: Served) -> subprocess.Popen[bytes]:
    words = [sys.executable, str(HERE / "rewriter.py"), str(COUNT), str(REWRITING_S)]
    process = subprocess.Popen(words, cwd=served.layout.inbox, stdout=subprocess.PIPE)
    served.stage.started.append(process)
    return process


def names() -> list[str]:
    return [f"rewritten-{number}.json" for number in range(COUNT)]


def recorded_is_applied(served: Served) -> None:
    """Check that the journal's digests match the applied events."""
    events = {event["correlation_id"]: event for event in served.stage.events()}
    assert len(events) == len(served.stage.events())
    for line in served.stage.journal():
        event = events.get(line["correlation_id"])
        if event is None or not line["envelope"]["success"]:
            continue
        args = {"mission": SLUG, "wp": "WP01", "actor": event["actor"]}
        args["note"] = event["delta"]["note"]
        assert line["digest"] == digest_of("append-history", args, None)
        assert line["actor"] == event["actor"]


def test_body_that_is_rewritten_constantly_is_applied_as_it_was_read(served: Served) -> None:
    served.start()
    served.begin_honest_work()
    process = rewriter(served)
    found = served.settled(names())
    writes = int(process.communicate(timeout=DEADLINE_S)[0])
    assert writes > COUNT
    served.inputs += writes
    assert set(found.values()) <= {"OK", "REQUEST_MALFORMED", "USAGE_ERROR"}
    served.prove()
    recorded_is_applied(served)


def test_worker_killed_while_bodies_change_answers_each_request_once(served: Served) -> None:
    """The next worker reads other bytes than the killed one had read."""
    served.start()
    process = rewriter(served)
    for share in (1, 2, 3):
        enough = share * COUNT // 5
        served.wait_until(lambda enough=enough: len(served.stage.replies()) >= enough)  # type: ignore[misc]
        assert served.process is not None
        served.process.send_signal(signal.SIGKILL)
        served.process.wait(DEADLINE_S)
        served.start()
    served.wait_until(lambda: all(served.fates(name) for name in names()))
    served.inputs += int(process.communicate(timeout=DEADLINE_S)[0])
    # The reply may be that of a killed worker; the next one still has to retire the claim.
    served.wait_until(lambda: not any(served.layout.claimed.rglob("*.json*")))
    served.prove()
    recorded_is_applied(served)
