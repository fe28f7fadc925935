"""Rules for orchestrators. Each rule is judged over all runs of the program."""

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

# `requires` of a rule names the scenarios that it needs; it is judged over all runs there are.
RULES = RuleSet("client", frozenset({"plain"}), [])
REQUEST = "mailbox.md, A request"
IDS = "orchestrator-api.md, Idempotency and finality"
ENVELOPE = "orchestrator-api.md, The envelope"
NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}\.json")
KEYS = frozenset(CONTRACT.schema("request")["properties"])
POLLS_A_SECOND = 10

Runs = Mapping[str, ClientLog]


class NotSeen(Exception):
    """Nothing that the rule is about happened in the runs."""


def _requests(runs: Runs) -> list[ObservedRequest]:
    return [request for log in runs.values() for request in log.requests]


def of_each(find: Callable[[ObservedRequest], str]) -> Callable[[Runs], None]:
    """Make a rule from a function that returns a message for a wrong request, else an empty text."""

    def judge(runs: Runs) -> None:
        request = _requests(runs)
        if not request:
            raise NotSeen
        found = [f"{each.stem}: {complaint}" for each in request if (complaint := find(each))]
        demand(not found, "; ".join(found[:3]))

    return judge


def _not_strict(request: ObservedRequest) -> str:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        demand(len(dict(pairs)) == len(pairs), "a key is repeated")
        return dict(pairs)

    def no_constant(name: str) -> float:
        raise Nonconformity(f"{name} is not a JSON number")

    try:
        text = request.raw.decode("utf-8")
        found = json.loads(text, object_pairs_hook=once, parse_constant=no_constant)
    except (ValueError, RecursionError, Nonconformity) as error:
        return str(error)
    return "" if isinstance(found, dict) else "not an object"


def _foreign_version(request: ObservedRequest) -> str:
    version = request.body.get("contract_version", "none") if request.body else VERSION
    found = re.fullmatch(r"1\.([0-9]+)\.[0-9]+", str(version))
    is_served = found is not None and int(found[1]) <= int(VERSION.split(".")[1])
    return "" if is_served else f"contract_version: {version}"


def _unknown_keys(request: ObservedRequest) -> str:
    unknown = sorted(set(request.body) - KEYS)
    return f"unknown keys: {', '.join(unknown)}" if unknown else ""


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
    (
        "strict-json",
        _not_strict,
        "A request is one JSON object in UTF-8, without repeated keys and NaN",
    ),
    (
        "contract-version",
        _foreign_version,
        "A request names a contract version that the host serves",
    ),
    ("known-keys", _unknown_keys, "A request has only keys that the contract defines"),
    ("arguments", _unfit_args, "Command and arguments match their schema"),
    ("id-is-the-name", _other_id, "The correlation_id equals the stem of the file name"),
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
    """A file name in the inbox is a temporary name, or a valid correlation id and .json."""
    seen = {event.name for log in runs.values() for event in log.inbox_events}
    if not seen:
        raise NotSeen
    final = {name for name in seen if not (name.startswith(".") or name.endswith(".tmp"))}
    wrong = sorted(name for name in final if not NAME.fullmatch(name))
    demand(not wrong, f"{wrong[:3]}")


@RULES.rule("outbox-untouched", section="mailbox.md, The mailbox")
def outbox_untouched(runs: Runs) -> None:
    """The program creates, changes and removes nothing in the outbox."""
    events = [
        event
        for log in runs.values()
        for event in log.outbox_events
        if event.kind != "renamed to" or event.name not in log.published
    ]
    demand(not events, "; ".join(f"{event.name!r} {event.kind}" for event in events[:3]))


@RULES.rule("id-not-reused", section=IDS)
def id_not_reused(runs: Runs) -> None:
    """A correlation id is used for one request only."""
    if not _requests(runs):
        raise NotSeen
    for log in runs.values():
        first: dict[str, str] = {}
        for request in log.requests:
            is_same = first.setdefault(request.stem, request.payload) == request.payload
            demand(is_same, f"{request.stem} is used for another request: {request.command}")


def _pairs(runs: Runs) -> Iterator[tuple[ObservedRequest, ObservedRequest]]:
    """Yield each unanswered changing request with each changing request that came after it."""
    for log in runs.values():
        changing = [request for request in log.requests if request.changes]
        for number, first in enumerate(changing):
            for later in changing[number + 1 :]:
                if first.waits_at(later.landed_at):
                    yield first, later


@RULES.rule("asks-once", section=IDS, requires=("slow",))
def asks_once(runs: Runs) -> None:
    """A request that has no reply yet is not sent again under another id."""
    if not any(request.changes for request in _requests(runs)):
        raise NotSeen
    for first, later in _pairs(runs):
        is_again = first.payload == later.payload and first.stem != later.stem
        demand(not is_again, f"{later.stem} repeats {first.stem}, which has no reply yet")


@RULES.rule("waits-for-replies", section="mailbox.md, A reply", requires=("slow",))
def waits_for_replies(runs: Runs) -> None:
    """The program waits for the reply to a request before its next request for the same package, and before it ends."""
    if not any(request.changes for request in _requests(runs)):
        raise NotSeen
    for first, later in _pairs(runs):
        is_next = first.payload != later.payload and _package(first) == _package(later)
        demand(not is_next, f"{later.command} came before the answer to {first.command}")
    for log in runs.values():
        left = [request.stem for request in log.requests if request.waits_at(log.ended_at)]
        demand(not (left and log.is_complete), f"ended before the replies to {left[:3]}")


def _package(request: ObservedRequest) -> tuple[Any, Any]:
    args = request.body.get("args")
    return (args.get("mission"), args.get("wp")) if isinstance(args, dict) else (None, None)


@RULES.rule("polls-with-measure", section="orchestrator-api.md, Commands")
def polls_with_measure(runs: Runs) -> None:
    """The same request is sent at most ten times a second while nothing changes."""
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
    """The program sends requests and ends by itself with exit code 0."""
    log = _log_of(runs, "plain")
    _judge_end(log)
    demand(log.requests, "the program ended without a request")


def survives(scenario: str, runs: Runs) -> None:
    """The program ends with exit code 0 in the scenario too."""
    log = _log_of(runs, scenario)
    if not _log_of(runs, "plain").is_complete:
        raise NotSeen
    _judge_end(log)


for _scenario, _meaning, _section in (
    ("slow", "The program waits for a late reply", "mailbox.md, A reply"),
    (
        "away",
        "The program waits for a worker that does not answer for a while",
        "mailbox.md, The heartbeat",
    ),
    ("added", "The program ignores unknown fields", "README.md, Versions"),
    ("reordered", "The program accepts any order of keys", ENVELOPE),
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
    """A request that is refused as retryable is sent again under a new id."""
    if not _log_of(runs, "plain").is_complete:
        raise NotSeen
    _judge_retry(_log_of(runs, "refused"))


@RULES.rule("ignores-wording", section=ENVELOPE, requires=("refused", "reworded"))
def ignores_wording(runs: Runs) -> None:
    """The program does not depend on the wording of an error message."""
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
    demand(not same, f"{same[:1]} was sent again under its old id, whose answer is final")
    demand(again, f"{refused[0].command} was not sent again; the program {_end(log)}")
    _judge_end(log)


def _log_of(runs: Runs, scenario: str) -> ClientLog:
    if scenario not in runs:
        raise NotSeen
    return runs[scenario]


def _judge_end(log: ClientLog) -> None:
    demand(log.is_complete, f"the program {_end(log)}: {log.output[-300:]}")


def _end(log: ClientLog) -> str:
    return "did not end in time" if log.exit_code is None else f"ended with {log.exit_code}"
