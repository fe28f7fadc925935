"""What a mailbox is held to: replies, ids, order, and a worker that was killed."""

from __future__ import annotations

import json
import os
import time

from specify_cli.conformance.checks import Rules
from specify_cli.conformance.command_line import MISSION, WP, asking, log_of, note
from specify_cli.conformance.command_line_rules import tree
from specify_cli.conformance.compare import envelope_of, shown
from specify_cli.conformance.documents import faults
from specify_cli.conformance.findings import demand
from specify_cli.conformance.mailbox_under_test import GLANCE_S, NOWHERE, Mailbox, body
from specify_cli.conformance.requests import fresh_id

RULES = Rules("mailbox", frozenset({"mailbox"}), [])
REQUEST = "mailbox.md, A request"
REPLY = "mailbox.md, A reply"
PROMISES = "mailbox.md, What the host promises"
REPLIES_WATCHED = 10
IN_ORDER = 12


@RULES.rule("reply-is-an-envelope", section=REPLY)
def reply_is_an_envelope(box: Mailbox) -> None:
    """A reply is one envelope on one line, under the stem of its request."""
    for name in ("contract-version", "paint-mission"):
        stem = fresh_id()
        box.put(stem, body(stem, name))
        box.envelope(stem)
        envelope_of(box.reply(stem))


@RULES.rule("reply-appears-whole", section=REPLY)
def reply_appears_whole(box: Mailbox) -> None:
    """A reply is whole at the first moment at which it can be seen."""
    for _ in range(REPLIES_WATCHED):
        stem = fresh_id()
        box.put(stem, body(stem))
        first = box.reply(stem)
        box.probe()
        later = box.reply(stem)
        demand(later.startswith(first), f"changed from {shown(first)}")
        demand(first == later, f"{len(first)} of {len(later)} bytes were there at first sight")


@RULES.rule("reply-is-never-rewritten", section=REPLY)
def reply_is_never_rewritten(box: Mailbox) -> None:
    """A reply stays as it is, whatever comes after it."""
    stem = fresh_id()
    box.put(stem, body(stem))
    box.envelope(stem)
    first = box.reply(stem)
    for _ in range(REPLIES_WATCHED):
        box.probe()
    later = box.reply(stem)
    is_longer = len(later) > len(first) and later.startswith(first)
    demand(first == later or is_longer, f"was {shown(first)}, is {shown(later)}")


@RULES.rule("same-id-same-request", section=PROMISES)
def same_id_same_request(box: Mailbox) -> None:
    """The same request again is taken, and its reply stays as it is."""
    stem = fresh_id()
    box.put(stem, body(stem))
    box.envelope(stem)
    first = box.reply(stem)
    box.put(stem, body(stem))
    box.wait_until_taken(f"{stem}.json")
    box.probe()
    demand(box.reply(stem) == first, f"the reply became {shown(box.reply(stem))}")


@RULES.rule("same-id-one-effect", section=PROMISES, requires=("scratch-project",))
def same_id_one_effect(box: Mailbox) -> None:
    """The same request again has no second effect."""
    root, ask = box.reset("single"), note()
    box.send(root, ask)
    log = log_of(root)
    demand(log, "the request has left no event")
    box.put(ask.correlation_id, ask.as_file())
    box.wait_until_taken(f"{ask.correlation_id}.json")
    box.wait_for_queue(MISSION)
    demand(log_of(root) == log, "the event log has grown")


@RULES.rule("same-id-other-request", section=PROMISES)
def same_id_other_request(box: Mailbox) -> None:
    """Another request under an id that was used leaves the first reply untouched."""
    stem = fresh_id()
    box.answer(body(stem), stem)
    first = box.reply(stem)
    box.put(stem, body(stem, "list-ready", args={"mission": NOWHERE}))
    box.wait_until_taken(f"{stem}.json")
    box.wait_for_queue(NOWHERE)
    demand(box.reply(stem) == first, f"the first reply became {shown(box.reply(stem))}")


@RULES.rule("pruned-reply-comes-back", section=REPLY, requires=("scratch-project",))
def pruned_reply_comes_back(box: Mailbox) -> None:
    """The same request brings back a reply that was pruned, with the same bytes."""
    stem = fresh_id()
    box.answer(body(stem), stem)
    first = box.reply(stem)
    box.reply_path(stem).unlink()
    box.answer(body(stem), stem)
    demand(box.reply(stem) == first, f"another answer came back: {shown(box.reply(stem))}")


@RULES.rule("temporary-names", section=REQUEST)
def temporary_names(box: Mailbox) -> None:
    """Names that begin with a dot or end in .tmp are writes in progress and left alone."""
    kept = [f".{fresh_id()}.json", f"{fresh_id()}.json.tmp", f".{fresh_id()}.tmp"]
    for name in kept:
        (box.inbox / name).write_bytes(b"{")
    try:
        box.probe()
        gone = [name for name in kept if not (box.inbox / name).exists()]
        demand(not gone, f"taken: {gone}")
    finally:
        for name in kept:
            (box.inbox / name).unlink(missing_ok=True)


@RULES.rule("slow-writer", section=REQUEST, requires=("slow-writers",))
def slow_writer(box: Mailbox) -> None:
    """A request that is written in place, with a pause in it, is answered as if it were not."""
    stem = fresh_id()
    whole = body(stem)
    with (box.inbox / f"{stem}.json").open("wb", buffering=0) as file:
        file.write(whole[:20])
        box.probe()
        file.write(whole[20:])
    answer = box.envelope(stem)
    demand(answer["success"], f"error_code {answer['error_code']}")


@RULES.rule("order", section=PROMISES, requires=("scratch-project",))
def order(box: Mailbox) -> None:
    """Requests for one mission are applied in the order in which they landed, not of their names."""
    root = box.reset("single")
    asks = [
        note(str(number), correlation_id=f"{IN_ORDER - number:03}-{fresh_id()}")
        for number in range(IN_ORDER)
    ]
    for ask in asks:
        box.put(ask.correlation_id, ask.as_file())
        _wait_for_a_later_moment(box)
    for ask in asks:
        box.envelope(ask.correlation_id)
    events = [json.loads(line) for line in log_of(root).splitlines()]
    found = [event.get("correlation_id") for event in events if event.get("kind") == "annotation"]
    wanted = [ask.correlation_id for ask in asks]
    demand(found == wanted, f"applied as {[_place(wanted, stem) for stem in found]}")


def _place(wanted: list[str], stem: str | None) -> int | None:
    return wanted.index(stem) if stem in wanted else None


def _wait_for_a_later_moment(box: Mailbox) -> None:
    """The file system's clock has ticked: it moves in steps of milliseconds."""
    path = box.inbox / f".{fresh_id()}.tmp"
    path.touch()
    first = path.stat().st_ctime_ns
    while path.stat().st_ctime_ns == first:
        time.sleep(GLANCE_S)
        os.utime(path)
    path.unlink()


@RULES.rule("reads-write-nothing", section=PROMISES, requires=("scratch-project",))
def reads_write_nothing(box: Mailbox) -> None:
    """A read command leaves mission and repository as they are."""
    root = box.reset("single")
    before = tree(root)
    for command in ("mission-state", "list-ready"):
        box.send(root, asking(command, mission=MISSION))
    box.send(root, asking("resolve-workspace", mission=MISSION, wp=WP))
    changed = before.items() ^ tree(root).items()
    demand(not changed, f"changed: {sorted({name for name, _ in changed})}")


@RULES.rule("killed-worker", section=PROMISES, requires=("scratch-project", "restart"))
def killed_worker(box: Mailbox) -> None:
    """A worker that is killed and started again has answered each request once, with one effect."""
    root = box.reset("single")
    asks = [note(str(number)) for number in range(IN_ORDER)]
    for number, ask in enumerate(asks):
        box.put(ask.correlation_id, ask.as_file())
        if number == IN_ORDER // 2:
            box.envelope(asks[0].correlation_id)
            box.kill()
    box.serve()
    for ask in asks:
        answer = box.envelope(ask.correlation_id)
        demand(answer["success"], f"error_code {answer['error_code']}")
    events = [json.loads(line).get("correlation_id") for line in log_of(root).splitlines()]
    counts = [events.count(ask.correlation_id) for ask in asks]
    demand(set(counts) == {1}, f"events for each request: {counts}")


BEAT = "mailbox.md, The heartbeat"


@RULES.rule("heartbeat-shape", section=BEAT, requires=("heartbeat",))
def heartbeat_shape(box: Mailbox) -> None:
    """worker.json fits its schema, and says that a worker runs."""
    report = box.beat()
    complaints = faults("worker", report)
    demand(not complaints, "; ".join(complaints))
    demand(report.get("state") == "running", f"state is {report.get('state')!r}")


@RULES.rule("heartbeat-beats", section=BEAT, requires=("heartbeat",))
def heartbeat_beats(box: Mailbox) -> None:
    """worker.json is rewritten every interval_s: within three of them beat_at is another."""
    first = box.beat()
    box.wait_until(
        lambda: box.beat().get("beat_at") != first.get("beat_at"),
        f"no beat after {first.get('beat_at')}",
        timeout_s=3 * float(first.get("interval_s", 2.0)),
    )
