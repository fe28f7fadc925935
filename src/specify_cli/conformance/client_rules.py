"""What an orchestrator is held to; each rule says so of all its runs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from specify_cli.conformance.checks import RuleSet
from specify_cli.conformance.client_log import ClientLog, ObservedRequest
from specify_cli.conformance.documents import CONTRACT, schema_errors
from specify_cli.conformance.findings import Nonconformity, demand
from specify_cli.conformance.requests import VERSION

# What a rule requires are the runs without which it says nothing; it is judged by all that there are.
RULES = RuleSet("client", frozenset({"plain"}), [])
REQUEST = "mailbox.md, A request"
IDS = "orchestrator-api.md, Idempotency and finality"
ENVELOPE = "orchestrator-api.md, The envelope"
NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}\.json")
KEYS = frozenset(CONTRACT.schema("request")["properties"])
POLLS_A_SECOND = 10

Runs = Mapping[str, ClientLog]


class NotSeen(Exception):
    """Nothing happened that the rule speaks of."""


def _requests(runs: Runs) -> list[ObservedRequest]:
    return [request for log in runs.values() for request in log.requests]


def _is_temporary(name: str) -> bool:
    return name.startswith(".") or name.endswith(".tmp")


def of_each(find: Callable[[ObservedRequest], str]) -> Callable[[Runs], None]:
    """A rule that looks at each request by itself; a text is a complaint."""

    def judge(runs: Runs) -> None:
        request = _requests(runs)
        if not request:
            raise NotSeen
        found = [f"{each.stem}: {complaint}" for each in request if (complaint := find(each))]
        demand(not found, "; ".join(found[:3]))

    return judge


def _not_strict(request: ObservedRequest) -> str:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        demand(len(dict(pairs)) == len(pairs), "a key stands there twice")
        return dict(pairs)

    def no_constant(name: str) -> float:
        raise Nonconformity(f"{name} is no number of JSON")

    try:
        text = request.raw.decode("utf-8")
        found = json.loads(text, object_pairs_hook=once, parse_constant=no_constant)
    except (ValueError, RecursionError, Nonconformity) as error:
        return str(error)
    return "" if isinstance(found, dict) else "no object"


def _foreign_version(request: ObservedRequest) -> str:
    version = request.body.get("contract_version", "none") if request.body else VERSION
    found = re.fullmatch(r"1\.([0-9]+)\.[0-9]+", str(version))
    is_served = found is not None and int(found[1]) <= int(VERSION.split(".")[1])
    return "" if is_served else f"contract_version: {version}"


def _unknown_keys(request: ObservedRequest) -> str:
    unknown = sorted(set(request.body) - KEYS)
    return f"unknown: {', '.join(unknown)}" if unknown else ""


def _unfit_args(request: ObservedRequest) -> str:
    if not request.body:
        return ""
    if request.command not in CONTRACT.commands():
        return f"unknown command {request.command!r}"
    return "; ".join(schema_errors(f"commands/{request.command}.request", request.body.get("args")))


def _other_id(request: ObservedRequest) -> str:
    found = request.body.get("correlation_id", "none") if request.body else request.stem
    return "" if found == request.stem else f"correlation_id: {found}"


for _name, _find, _meaning in (
    ("strict-json", _not_strict, "A request is one JSON object in UTF-8, no key twice, no NaN"),
    ("contract-version", _foreign_version, "A request names a version of the contract"),
    ("known-keys", _unknown_keys, "A request has no keys but those of the contract"),
    ("arguments", _unfit_args, "Command and arguments are as their schema says"),
    ("id-is-the-name", _other_id, "The correlation_id is the stem of the file's name"),
):
    RULES.add(_name, of_each(_find), meaning=_meaning, section=REQUEST)


@RULES.rule("writes-by-rename", section=REQUEST)
def writes_by_rename(runs: Runs) -> None:
    """A request is written under a temporary name and renamed, never written in place."""
    events = [event for log in runs.values() for event in log.inbox_events]
    requests = [event for event in events if NAME.fullmatch(event.name) and event.kind != "deleted"]
    if not requests:
        raise NotSeen
    in_place = {event.name for event in requests if event.kind in {"created", "changed"}}
    demand(not in_place, f"written in place: {', '.join(sorted(in_place)[:3])}")


@RULES.rule("names", section=REQUEST)
def names(runs: Runs) -> None:
    """A name in the inbox is temporary, or an id of the contract's alphabet and .json."""
    seen = {event.name for log in runs.values() for event in log.inbox_events}
    if not seen:
        raise NotSeen
    wrong = sorted(n for n in seen if not _is_temporary(n) and not NAME.fullmatch(n))
    demand(not wrong, f"{wrong[:3]}")


@RULES.rule("outbox-untouched", section="mailbox.md, The mailbox")
def outbox_untouched(runs: Runs) -> None:
    """Nothing in the outbox is made, changed or removed: it may be mounted read-only."""
    events = [
        event
        for log in runs.values()
        for event in log.outbox_events
        if event.kind != "renamed to" or event.name not in log.published
    ]
    demand(not events, "; ".join(f"{event.name!r} {event.kind}" for event in events[:3]))


@RULES.rule("id-not-reused", section=IDS)
def id_not_reused(runs: Runs) -> None:
    """An id stands for one request; another one has another id."""
    if not _requests(runs):
        raise NotSeen
    for log in runs.values():
        first: dict[str, str] = {}
        for request in log.requests:
            is_same = first.setdefault(request.stem, request.payload) == request.payload
            demand(is_same, f"{request.stem} asks for something else: {request.command}")


def _pairs(runs: Runs) -> Iterator[tuple[ObservedRequest, ObservedRequest]]:
    """Each changing request with each one that came later while it was not answered."""
    for log in runs.values():
        changing = [request for request in log.requests if request.changes]
        for number, first in enumerate(changing):
            for later in changing[number + 1 :]:
                if first.waits_at(later.landed_at):
                    yield first, later


@RULES.rule("asks-once", section=IDS, requires=("slow",))
def asks_once(runs: Runs) -> None:
    """A question that was not answered yet is not asked again under another id."""
    if not any(request.changes for request in _requests(runs)):
        raise NotSeen
    for first, later in _pairs(runs):
        is_again = first.payload == later.payload and first.stem != later.stem
        demand(not is_again, f"{later.stem} repeats {first.stem}, which waits")


@RULES.rule("waits-for-replies", section="mailbox.md, A reply", requires=("slow",))
def waits_for_replies(runs: Runs) -> None:
    """It does not go on with a package, nor end well, before its request was answered."""
    if not any(request.changes for request in _requests(runs)):
        raise NotSeen
    for first, later in _pairs(runs):
        is_next = first.payload != later.payload and _package(first) == _package(later)
        demand(not is_next, f"{later.command} came before the answer to {first.command}")
    for log in runs.values():
        left = [request.stem for request in log.requests if request.waits_at(log.ended_at)]
        demand(not (left and log.is_complete), f"ended before the answers to {left[:3]}")


def _package(request: ObservedRequest) -> tuple[Any, Any]:
    args = request.body.get("args")
    return (args.get("mission"), args.get("wp")) if isinstance(args, dict) else (None, None)


@RULES.rule("polls-with-measure", section="orchestrator-api.md, Commands")
def polls_with_measure(runs: Runs) -> None:
    """The same is not asked more than ten times a second while nothing was changed."""
    if not _requests(runs):
        raise NotSeen
    for log in runs.values():
        moments: dict[str, list[float]] = {}
        for request in log.requests:
            if request.changes:
                moments.clear()
            seen = moments.setdefault(request.payload, [])
            seen.append(request.landed_at)
            recent = [moment for moment in seen if moment > request.landed_at - 1]
            demand(len(recent) <= POLLS_A_SECOND, f"{request.command}: {len(recent)} in a second")


@RULES.rule("completes", section="orchestrator-api.md")
def completes(runs: Runs) -> None:
    """It asks, and comes to an end by itself, with exit code 0."""
    log = _log_of(runs, "plain")
    _judge_end(log)
    demand(log.requests, "the program ended without a request")


def survives(scenario: str, runs: Runs) -> None:
    """It ends as well as it does when nothing is done to it."""
    log = _log_of(runs, scenario)
    if not _log_of(runs, "plain").is_complete:
        raise NotSeen
    _judge_end(log)


for _scenario, _meaning, _section in (
    ("slow", "It waits for a reply that takes its time", "mailbox.md, A reply"),
    ("away", "It waits for a worker that is away", "mailbox.md, The heartbeat"),
    ("added", "It ignores fields that it does not know", "README.md, Versions"),
    ("reordered", "It does not mind the order of keys", ENVELOPE),
):
    RULES.add(
        f"survives-{_scenario}",
        partial(survives, _scenario),
        meaning=_meaning,
        section=_section,
        requires=(_scenario,),
    )


@RULES.rule("honours-retryable", section=ENVELOPE, requires=("refused",))
def honours_retryable(runs: Runs) -> None:
    """What is refused as retryable is asked again, under a new id."""
    if not _log_of(runs, "plain").is_complete:
        raise NotSeen
    _judge_retry(_log_of(runs, "refused"))


@RULES.rule("ignores-wording", section=ENVELOPE, requires=("refused", "reworded"))
def ignores_wording(runs: Runs) -> None:
    """It recognises no error by its message: other words for it make no difference."""
    try:
        honours_retryable(runs)
    except Nonconformity:
        raise NotSeen from None
    _judge_retry(_log_of(runs, "reworded"))


def _judge_retry(log: ClientLog) -> None:
    refused = [request for request in log.requests if request.is_refused_by_kit]
    if not refused:
        raise NotSeen
    again = [request for request in log.requests if request.payload == refused[0].payload][1:]
    same = [request.stem for request in again if request.stem == refused[0].stem]
    demand(not same, f"{same[:1]} was asked again under its old id, whose answer is final")
    demand(again, f"{refused[0].command} was not asked again; the program {_end(log)}")
    _judge_end(log)


def _log_of(runs: Runs, scenario: str) -> ClientLog:
    if scenario not in runs:
        raise NotSeen
    return runs[scenario]


def _judge_end(log: ClientLog) -> None:
    demand(log.is_complete, f"the program {_end(log)}: {log.output[-300:]}")


def _end(log: ClientLog) -> str:
    return "did not end in time" if log.exit_code is None else f"ended with {log.exit_code}"
