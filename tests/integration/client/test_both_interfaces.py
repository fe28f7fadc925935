"""The client package with a real host: the same request gets the same reply, also after a failure."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from spec_kitty_client import (
    AsyncClient,
    Client,
    CommandLine,
    LostContactError,
    Mailbox,
    MissionNotFound,
    NoWorkerError,
    Policy,
    Retry,
    TakenError,
    TransportError,
    WpAlreadyClaimed,
)
from tests.integration.stage import SLUG, Process, Stage, suspend
from tests.patience import LONGEST_S
from tests.unit.mailbox.recording import wait_until

PROGRAM = (sys.executable, "-m", "specify_cli")
POLICY = Policy.for_agent("claude", orchestrator_id="nightly")


@pytest.fixture
def planned(stage: Stage) -> Stage:
    stage.write_mission({"WP01": {}, "WP02": {}})
    stage.git("add", "--", "kitty-specs")
    stage.git("commit", "-q", "-m", "plan the mission")
    return stage


@pytest.fixture
def mailbox(planned: Stage) -> Mailbox:
    return Mailbox(planned.root / ".kitty" / "inbox", planned.root / ".kitty" / "outbox")


@pytest.fixture
def command_line(planned: Stage) -> CommandLine:
    return CommandLine(planned.root, program=PROGRAM)


def serve(stage: Stage, mailbox: Mailbox) -> Process:
    (mailbox.outbox / "worker.json").unlink(missing_ok=True)
    worker = stage.start("mailbox", "serve")
    wait_until(mailbox.worker_is_alive)
    return worker


def test_both_interfaces_give_the_same_replies_and_refusals(
    planned: Stage, mailbox: Mailbox, command_line: CommandLine
) -> None:
    serve(planned, mailbox)
    clients = [Client(it, policy=POLICY) for it in (mailbox, command_line)]
    started = [
        it.start_implementation(SLUG, "WP01", actor="me", correlation_id="one") for it in clients
    ]
    assert started[0] == started[1]
    assert not started[0].no_op
    assert clients[0].mission_state(SLUG) == clients[1].mission_state(SLUG)
    for client in clients:
        with pytest.raises(WpAlreadyClaimed) as refused:
            client.start_implementation(SLUG, "WP01", actor="other")
        assert refused.value.claimed_by == "me"
        with pytest.raises(MissionNotFound):
            client.list_ready("none")
        client.append_history(SLUG, "WP01", actor="me", note="--note 'with' \"all\"\n")


@pytest.mark.parametrize("interface", ["mailbox", "command line"])
def test_changes_yields_the_state_after_each_change(
    planned: Stage, mailbox: Mailbox, command_line: CommandLine, interface: str
) -> None:
    async def watch() -> list[tuple[int, int]]:
        asking = AsyncClient(mailbox if interface == "mailbox" else command_line)
        acting = AsyncClient(command_line, policy=POLICY)
        seen, started = [], None
        async for state in asking.changes(SLUG, poll_s=0):
            seen.append((state.summary.planned, state.summary.in_progress))
            if seen[-1] == (1, 1):
                break
            if started is None:
                start = acting.start_implementation(SLUG, "WP01", actor="me")
                started = asyncio.create_task(start)
        if started is not None:
            await started
        return seen

    serve(planned, mailbox)
    # A read between the creation of the record and the first change returns only a new position.
    assert [*dict.fromkeys(seen := asyncio.run(watch()))] == [(2, 0), (1, 1)]
    # Only the requests whose replies were seen were sent.
    assert len(planned.replies()) == (len(seen) if interface == "mailbox" else 0)


def test_canceled_call_can_be_repeated_under_its_id(planned: Stage, mailbox: Mailbox) -> None:
    async def ask() -> list[str]:
        client = AsyncClient(mailbox, policy=POLICY)
        for _ in range(3):
            # A fast machine answers in time.
            with suppress(TimeoutError):
                async with asyncio.timeout(0.001):
                    await client.append_history(
                        SLUG, "WP02", actor="me", note="n", correlation_id="mine"
                    )
        noted = await asyncio.gather(
            *(
                client.append_history(SLUG, "WP02", actor="me", note="n", correlation_id=it)
                for it in ("mine", "mine", "other")
            )
        )
        return [it.history_entry_id for it in noted]

    serve(planned, mailbox)
    first, again, other = asyncio.run(ask())
    assert first == again != other
    assert len(planned.events()) == 2


def test_call_that_timed_out_at_the_command_line_can_be_repeated_under_its_id(
    planned: Stage, command_line: CommandLine
) -> None:
    client = Client(command_line, policy=POLICY)
    for timeout_s in (0.01, 0.2):
        # A fast machine may be done at the second deadline.
        is_ended = pytest.raises(TakenError, match="under the id mine")
        with is_ended if timeout_s < 0.1 else suppress(TakenError):
            client.start_implementation(
                SLUG, "WP01", actor="me", correlation_id="mine", timeout_s=timeout_s
            )
    client.start_implementation(SLUG, "WP01", actor="me", correlation_id="mine")
    assert planned.lane("WP01") == "in_progress"
    assert len([it for it in planned.events() if it["to_lane"] == "in_progress"]) == 1


def test_client_reports_a_missing_worker_without_waiting(planned: Stage, mailbox: Mailbox) -> None:
    client = Client(mailbox)
    with pytest.raises(TransportError, match="No such file"):
        client.list_ready(SLUG)
    worker = serve(planned, mailbox)
    assert client.list_ready(SLUG).ready_work_packages
    worker.terminate()
    worker.wait()
    with pytest.raises(NoWorkerError, match="spec-kitty mailbox serve") as absent:
        client.list_ready(SLUG)
    assert "nothing was sent" in str(absent.value)
    assert [*mailbox.inbox.iterdir()] == []
    assert LostContactError.reason == "lost_contact"


@pytest.mark.long
def test_client_reports_a_killed_worker_and_continues_after_its_restart(
    planned: Stage, mailbox: Mailbox
) -> None:
    worker = serve(planned, mailbox)
    suspend(worker)
    threading.Timer(1, worker.kill).start()

    async def ask(retry: Retry, correlation_id: str) -> str:
        client = AsyncClient(mailbox, policy=POLICY, retry=retry)
        noted = await client.append_history(
            SLUG, "WP02", actor="me", note="n", correlation_id=correlation_id
        )
        return noted.history_entry_id

    async def both() -> None:
        patient = asyncio.create_task(ask(Retry(attempts=100), "patient"))
        since = time.monotonic()
        with pytest.raises(LostContactError, match="the request waits for it") as lost:
            await ask(Retry(attempts=1), "told")
        assert 5 < time.monotonic() - since < LONGEST_S / 10
        assert lost.value.correlation_id == "told"
        assert not patient.done()
        await asyncio.to_thread(serve, planned, mailbox)
        told = ask(Retry(attempts=1), "told")
        assert len({await patient, await told}) == 2

    asyncio.run(both())
    assert len(planned.events()) == 2


def test_client_reports_a_program_that_is_not_spec_kitty(planned: Stage, tmp_path: Path) -> None:
    for program, what in (("no-such-program", "install spec-kitty"), ("true", "is it spec-kitty")):
        with pytest.raises((TransportError, ValueError), match=what):
            Client(CommandLine(planned.root, program=program)).contract_version()
    with pytest.raises(TransportError, match="not a folder"):
        Client(CommandLine(tmp_path / "none", program=PROGRAM)).contract_version()
