"""Tell in words what became of a request."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, Final

from specify_cli import errors
from specify_cli.cli import ages
from specify_cli.cli.journal_table import duration
from specify_cli.cli.output import bold, red
from specify_cli.mailbox.printable import printable

_LABEL: Final = 11
_LEAST_ROOM: Final = 40
_PLAIN: Final = ("message", "retryable", "policy_metadata_recorded")
_LONGEST: Final = 2_000
_LONGEST_VALUE: Final = 200
"""Characters that are shown of a value; the JSON has all."""
_POLICY: Final = {
    "agent_family": "agents",
    "approval_mode": "approval",
    "sandbox_mode": "sandbox",
    "network_mode": "network",
}


def lines(story: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines about a request, answered or not."""
    if story["state"] == "answered" and story["line"] is None:
        yield f"{printable(story['correlation_id'])}  answered, line {story['seq']}: the line was removed"
    elif story["state"] == "answered":
        yield from _answered(story)
    elif story["state"] == "set aside":
        yield from _set_aside(story["letter"])
    else:
        yield from _unanswered(story)


def _answered(story: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines about an answered request."""
    line = story["line"]
    envelope = _object(line.get("envelope"))
    code = envelope.get("error_code")
    outcome = bold("OK") if code is None else red(str(code))
    yield f"{printable(str(line['correlation_id']))}  {_command(line)}  {outcome}"
    yield from _labelled("asked", _asked(line))
    yield from _labelled("arguments", _fields(line.get("args")) or "none, or not readable")
    yield from _labelled("policy", _policy(line.get("policy")))
    yield from _labelled("answered", f"{_when(envelope.get('timestamp'))}{_took(story)}")
    data = _object(envelope.get("data"))
    if code is not None:
        yield from _labelled("means", _meaning(str(code)))
        yield from _labelled("reason", data.get("message"))
        again = "may succeed later, under a new id" if data.get("retryable") else "is refused again"
        yield from _labelled("retry", f"the same request {again}")
    yield from _labelled("data", _fields({k: v for k, v in data.items() if k not in _PLAIN}))
    yield from _effects(story, line)
    yield from _labelled("reply", _reply(story))
    yield from _labelled("journal", _place(story))


def _unanswered(state: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines about a request without an answer."""
    yield f"{printable(state['correlation_id'])}  {bold(state['state'])}"
    yield from _labelled("mailbox", state["identity"])
    yield from _labelled("since", ages.utc(state["since"]))
    serves = "a worker serves" if state["has_worker"] else "no worker answers in"
    place = f"behind {state['ahead']} others" if state["ahead"] else "the next to be taken"
    what = {
        "waiting": f"in the inbox, {place}; {serves} the mailbox",
        "taken": f"taken, not begun; {serves} the mailbox",
        "parked": "a read with 'wait_s': it is answered when its mission changes, or when the time is over",
        "in progress": "a worker is carrying it out",
        "begun": "its effects have begun; the next changing call or a worker completes it if its process ended",
    }
    yield from _labelled("state", what[state["state"]])


def _set_aside(letter: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines about a file that became a dead letter."""
    yield f"{printable(letter['id'])}  {bold('dead letter')}"
    for label, name in (("file", "name"), ("mailbox", "identity"), ("why", "why")):
        yield from _labelled(label, letter[name])
    yield from _labelled("state", letter["state"])


def _effects(story: Mapping[str, Any], line: Mapping[str, Any]) -> Iterator[str]:
    for event in story["events"]:
        yield from _labelled("event", _event(event))
        yield from _labelled("", _object(event.get("delta")).get("note") or event.get("reason"))
    found = {it.get("event_id") for it in story["events"]}
    for event_id in line.get("event_ids") or ():
        if event_id not in found:
            yield from _labelled("event", event_id)
    for commit in line.get("commits") or ():
        yield from _labelled("commit", f"{commit} ('git show {str(commit)[:12]}')")
    if story["letter"] is not None:
        letter = story["letter"]
        yield from _labelled("set aside", f"dead letter {letter['id']}, {letter['state']}")
        yield from _labelled("", letter["why"])
    for seq in story["conflicts"]:
        yield from _labelled(
            "conflict", f"line {seq}: another request had this id, and was refused"
        )


def _labelled(label: str, text: object) -> Iterator[str]:
    """Yield the label and the text; nothing without a text."""
    parts = str(text or "").strip()[:_LONGEST].splitlines()
    for number, part in enumerate(it for whole in parts for it in _folded(printable(whole))):
        shown = label if number == 0 else ""
        yield f"  {shown:<{_LABEL}}{part}"


def _folded(text: str) -> list[str]:
    """Return the text in lines that fit the terminal behind the labels; as it is without a terminal."""
    room = shutil.get_terminal_size().columns - _LABEL - len("  ") - 1
    if not sys.stdout.isatty() or room < _LEAST_ROOM or len(text) <= room:
        return [text]
    # Paths and ids stay whole, so that they can be copied.
    return textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False) or [text]


def _command(line: Mapping[str, Any]) -> str:
    return printable(str(line.get("command")).rpartition(".")[2])


def _asked(line: Mapping[str, Any]) -> str:
    is_mailbox = line.get("door") == "mailbox"
    where = "the mailbox of" if is_mailbox else "the command line, by the user"
    who = str(line.get("identity")).removeprefix("uid:")
    actor = f"; actor {line['actor']}" if line.get("actor") else ""
    return f"{_when(line.get('at'))}, through {where} {who}{actor}"


def _policy(policy: object) -> str:
    said = _object(policy)
    if not said:
        return "none given"
    who = f"{said.get('orchestrator_id')} {said.get('orchestrator_version') or ''}".strip()
    words = [f"{word} {said[name]}" for name, word in _POLICY.items() if said.get(name)]
    flags = said.get("dangerous_flags")
    return ", ".join([who, *words, *([f"dangerous flags {_value(flags)}"] if flags else [])])


def _fields(fields: object) -> str:
    return ", ".join(
        f"{name} {_value(it)}" for name, it in _object(fields).items() if it is not None
    )


def _value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _event(event: Mapping[str, Any]) -> str:
    move = (
        f"{event['from_lane']} -> {event['to_lane']}" if "to_lane" in event else event.get("kind")
    )
    words = (event.get("wp_id"), move, f"by {event.get('actor')}", event.get("event_id"))
    return "  ".join(str(it) for it in words if it)


def _meaning(code: str) -> str:
    """Return the first sentence about the error code; empty for an unknown one."""
    kinds = (it for it in vars(errors).values() if isinstance(it, type))
    found = (it for it in kinds if issubclass(it, errors.SpecKittyError) and it.code == code)
    return next(((it.__doc__ or "").partition("\n")[0] for it in found), "")


def _when(timestamp: object) -> str:
    return ages.utc(timestamp if isinstance(timestamp, str) else None) or "at an unknown time"


def _took(story: Mapping[str, Any]) -> str:
    times = (("waited", story["waited_s"]), ("decided after", story["took_s"]))
    found = (f", {word} {duration(it * 1_000_000)}" for word, it in times if it)
    return "".join(found)


def _reply(story: Mapping[str, Any]) -> str:
    reply = story["reply"]
    if reply is None:
        is_set_aside = bool(story["letter"])
        return "none, because of the dead letter" if is_set_aside else "printed at the command line"
    if reply["is_there"]:
        return str(reply["path"])
    return f"{reply['path']} is not there (read, pruned or lost): the same request restores it"


def _place(story: Mapping[str, Any]) -> str:
    position = f", entry {story['position']} of the record" if story["position"] else ""
    return f"line {story['line']['seq']}{position}"


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
