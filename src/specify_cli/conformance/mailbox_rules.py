"""Rules for the mailbox of a host: replies, ids, order, recovery and heartbeat."""

from __future__ import annotations

import json
import os
import time

from specify_cli.conformance.checks import RuleSet
from specify_cli.conformance.command_line import MISSION, WP, log_of, new_request, note_request
from specify_cli.conformance.command_line_rules import tree
from specify_cli.conformance.compare import envelope_of, excerpt
from specify_cli.conformance.documents import schema_errors
from specify_cli.conformance.findings import demand
from specify_cli.conformance.mailbox_under_test import (
    POLL_INTERVAL_S,
    UNKNOWN_MISSION,
    Mailbox,
    request_body,
)
from specify_cli.conformance.requests import fresh_id

RULES = RuleSet("mailbox", frozenset({"mailbox"}), [])
REQUEST = "mailbox.md, A request"
REPLY = "mailbox.md, A reply"
WAITING = "mailbox.md, Reads that wait"
PROMISES = "mailbox.md, What the host promises"
REPLIES_WATCHED = 10
IN_ORDER = 12
LONG_WAIT_S = 300


@RULES.rule("reply-is-an-envelope", section=REPLY)
def reply_is_an_envelope(mailbox: Mailbox) -> None:
    """A reply is one envelope on one line, in a file with the stem of the request."""
    for name in ("contract-version", "paint-mission"):
        stem = fresh_id()
        mailbox.put(stem, request_body(stem, name))
        mailbox.envelope(stem)
        envelope_of(mailbox.reply(stem))


@RULES.rule("reply-appears-whole", section=REPLY)
def reply_appears_whole(mailbox: Mailbox) -> None:
    """A reply is complete when its file appears."""
    for _ in range(REPLIES_WATCHED):
        stem = fresh_id()
        mailbox.put(stem, request_body(stem))
        first = mailbox.reply(stem)
        mailbox.probe()
        later = mailbox.reply(stem)
        demand(later.startswith(first), f"changed from {excerpt(first)}")
        demand(
            first == later, f"{len(first)} of {len(later)} bytes were there when the file appeared"
        )


@RULES.rule("reply-is-never-rewritten", section=REPLY)
def reply_is_never_rewritten(mailbox: Mailbox) -> None:
    """A reply does not change after later requests."""
    stem = fresh_id()
    mailbox.put(stem, request_body(stem))
    mailbox.envelope(stem)
    first = mailbox.reply(stem)
    for _ in range(REPLIES_WATCHED):
        mailbox.probe()
    later = mailbox.reply(stem)
    is_longer = len(later) > len(first) and later.startswith(first)
    demand(first == later or is_longer, f"was {excerpt(first)}, is {excerpt(later)}")


@RULES.rule("same-id-same-request", section=PROMISES)
def same_id_same_request(mailbox: Mailbox) -> None:
    """A repeated request is taken from the inbox, and its reply does not change."""
    stem = fresh_id()
    mailbox.put(stem, request_body(stem))
    mailbox.envelope(stem)
    first = mailbox.reply(stem)
    mailbox.put(stem, request_body(stem))
    mailbox.wait_until_taken(f"{stem}.json")
    mailbox.probe()
    demand(mailbox.reply(stem) == first, f"the reply became {excerpt(mailbox.reply(stem))}")


@RULES.rule("same-id-one-effect", section=PROMISES, requires=("scratch-project",))
def same_id_one_effect(mailbox: Mailbox) -> None:
    """A repeated request has no second effect."""
    root, request = mailbox.reset("single"), note_request()
    mailbox.send(root, request)
    log = log_of(root)
    demand(log, "the request added no event to the log")
    mailbox.put(request.correlation_id, request.as_file())
    mailbox.wait_until_taken(f"{request.correlation_id}.json")
    mailbox.wait_for_queue(MISSION)
    demand(log_of(root) == log, "the event log has grown")


@RULES.rule("same-id-other-request", section=PROMISES)
def same_id_other_request(mailbox: Mailbox) -> None:
    """A different request with a used id does not change the first reply."""
    stem = fresh_id()
    mailbox.answer(request_body(stem), stem)
    first = mailbox.reply(stem)
    mailbox.put(stem, request_body(stem, "list-ready", args={"mission": UNKNOWN_MISSION}))
    mailbox.wait_until_taken(f"{stem}.json")
    mailbox.wait_for_queue(UNKNOWN_MISSION)
    demand(mailbox.reply(stem) == first, f"the first reply became {excerpt(mailbox.reply(stem))}")


@RULES.rule("pruned-reply-comes-back", section=REPLY, requires=("scratch-project",))
def pruned_reply_comes_back(mailbox: Mailbox) -> None:
    """A repeated request restores a pruned reply with the same bytes."""
    stem = fresh_id()
    mailbox.answer(request_body(stem), stem)
    first = mailbox.reply(stem)
    mailbox.reply_path(stem).unlink()
    mailbox.answer(request_body(stem), stem)
    demand(
        mailbox.reply(stem) == first, f"the restored reply differs: {excerpt(mailbox.reply(stem))}"
    )


@RULES.rule("temporary-names", section=REQUEST)
def temporary_names(mailbox: Mailbox) -> None:
    """The host ignores names that begin with a dot or end in .tmp."""
    kept = [f".{fresh_id()}.json", f"{fresh_id()}.json.tmp", f".{fresh_id()}.tmp"]
    for name in kept:
        (mailbox.inbox / name).write_bytes(b"{")
    try:
        mailbox.probe()
        gone = [name for name in kept if not (mailbox.inbox / name).exists()]
        demand(not gone, f"taken: {gone}")
    finally:
        for name in kept:
            (mailbox.inbox / name).unlink(missing_ok=True)


@RULES.rule("slow-writer", section=REQUEST, requires=("slow-writers",))
def slow_writer(mailbox: Mailbox) -> None:
    """A request that is written in place, slowly, is answered like any other."""
    stem = fresh_id()
    whole = request_body(stem)
    with (mailbox.inbox / f"{stem}.json").open("wb", buffering=0) as file:
        file.write(whole[:20])
        mailbox.probe()
        file.write(whole[20:])
    answer = mailbox.envelope(stem)
    demand(answer["success"], f"error_code {answer['error_code']}")


@RULES.rule("order", section=PROMISES, requires=("scratch-project",))
def order(mailbox: Mailbox) -> None:
    """Requests for one mission are applied in the order of arrival, not of their names."""
    root = mailbox.reset("single")
    asks = [
        note_request(str(number), correlation_id=f"{IN_ORDER - number:03}-{fresh_id()}")
        for number in range(IN_ORDER)
    ]
    for request in asks:
        mailbox.put(request.correlation_id, request.as_file())
        _wait_for_clock_tick(mailbox)
    for request in asks:
        mailbox.envelope(request.correlation_id)
    events = [json.loads(line) for line in log_of(root).splitlines()]
    found = [event.get("correlation_id") for event in events if event.get("kind") == "annotation"]
    wanted = [request.correlation_id for request in asks]
    demand(
        found == wanted,
        f"applied in the order {[wanted.index(it) if it in wanted else None for it in found]}",
    )


@RULES.rule("wait-ends-with-a-change", section=WAITING, requires=("scratch-project",))
def wait_ends_with_a_change(mailbox: Mailbox) -> None:
    """A read that waits holds nothing back, and is answered after a change of its mission."""
    root, asked = mailbox.reset("single"), {"mission": MISSION}
    mailbox.ensure_served()
    first = mailbox.answer(request_body(stem := fresh_id(), "mission-state", args=asked), stem)
    waiting, args = fresh_id(), {**asked, "after": first["data"]["position"], "wait_s": LONG_WAIT_S}
    mailbox.put(waiting, request_body(waiting, "mission-state", args=args))
    mailbox.wait_until_taken(f"{waiting}.json")
    mailbox.wait_for_queue(MISSION)
    demand(
        not mailbox.reply_path(waiting).exists(), "the read was answered before there was a change"
    )
    mailbox.send(root, note_request())
    data = mailbox.envelope(waiting)["data"]
    demand(data.get("changed") is True, f"the read has the answer {data}")


def _wait_for_clock_tick(mailbox: Mailbox) -> None:
    """Wait until the clock of the file system has ticked; it moves in steps of milliseconds."""
    path = mailbox.inbox / f".{fresh_id()}.tmp"
    path.touch()
    first = path.stat().st_ctime_ns
    while path.stat().st_ctime_ns == first:
        time.sleep(POLL_INTERVAL_S)
        os.utime(path)
    path.unlink()


@RULES.rule("reads-write-nothing", section=PROMISES, requires=("scratch-project",))
def reads_write_nothing(mailbox: Mailbox) -> None:
    """A read command changes nothing in mission and repository."""
    root = mailbox.reset("single")
    before = tree(root)
    for command in ("mission-state", "list-ready"):
        mailbox.send(root, new_request(command, mission=MISSION))
    mailbox.send(root, new_request("resolve-workspace", mission=MISSION, wp=WP))
    changed = before.items() ^ tree(root).items()
    demand(not changed, f"changed: {sorted({name for name, _ in changed})}")


@RULES.rule("killed-worker", section=PROMISES, requires=("scratch-project", "restart"))
def killed_worker(mailbox: Mailbox) -> None:
    """A worker that was killed and restarted answers each request once, with one effect."""
    root = mailbox.reset("single")
    asks = [note_request(str(number)) for number in range(IN_ORDER)]
    for number, request in enumerate(asks):
        mailbox.put(request.correlation_id, request.as_file())
        if number == IN_ORDER // 2:
            mailbox.envelope(asks[0].correlation_id)
            mailbox.kill()
    mailbox.serve()
    for request in asks:
        answer = mailbox.envelope(request.correlation_id)
        demand(answer["success"], f"error_code {answer['error_code']}")
    events = [json.loads(line).get("correlation_id") for line in log_of(root).splitlines()]
    counts = [events.count(request.correlation_id) for request in asks]
    demand(set(counts) == {1}, f"events for each request: {counts}")


HEARTBEAT = "mailbox.md, The heartbeat"


@RULES.rule("heartbeat-shape", section=HEARTBEAT, requires=("heartbeat",))
def heartbeat_shape(mailbox: Mailbox) -> None:
    """worker.json matches its schema, and its state is running."""
    report = mailbox.heartbeat()
    complaints = schema_errors("worker", report)
    demand(not complaints, "; ".join(complaints))
    demand(report.get("state") == "running", f"state is {report.get('state')!r}")


@RULES.rule("heartbeat-beats", section=HEARTBEAT, requires=("heartbeat",))
def heartbeat_beats(mailbox: Mailbox) -> None:
    """worker.json is rewritten every interval_s: beat_at changes within three intervals."""
    first = mailbox.heartbeat()
    mailbox.wait_until(
        lambda: mailbox.heartbeat().get("beat_at") != first.get("beat_at"),
        f"beat_at is still {first.get('beat_at')}",
        timeout_s=3 * float(first.get("interval_s", 2.0)),
    )
