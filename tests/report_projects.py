"""A project whose report is large, and whose every text was written by somebody hostile."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from specify_cli.core.events import Transitioned
from specify_cli.core.lanes import Lane
from specify_cli.mailbox.layout import MailboxLayout
from specify_cli.storage.journal import Journal
from specify_cli.storage.layout import Layout
from specify_cli.storage.mission_files import MissionFiles
from specify_cli.storage.project import Project
from tests.integration.stage import POLICY, SLUG, Stage

BEGAN = datetime(2030, 1, 7, 8, 0, tzinfo=UTC)
HOSTILE = (
    "<script>fetch('https://example.org/stolen')</script>",
    "</script><script>document.title='owned'</script>",
    '"><img src=x onerror="document.title=1">',
    "<!-- --> <![CDATA[ ]]> </title></style></textarea><svg/onload=alert(1)>",
    "{{ 7 * 7 }} {% raw %} ${7*7} <%= 7 %>",
    "javascript:alert(1) &lt;b&gt; &amp;amp; &#x27;",
    "\u202eevoba eb ot snrut siht\u202c \u2066isolated\u2069 \u200f\u061c",
    "line\u2028separator paragraph\u2029separator next\x85line",
    "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x1b[2J \x9b1A",
    "nul \x00 bell \x07 backspace \x08 delete \x7f tab \t newline \n return \r end",
    "\U0001f469\u200d\U0001f4bb \U0001f1e6\U0001f1f6 \uff46\uff55\uff4c\uff4c\u3000\uff57\uff49\uff44\uff45 مرحبا שלום 你好",
    "Z̷̢̛̖̻͔͇̣a̶̡͎͙͐̈́l̴̨̛̘͍͗g̸̤̗͋̈o̷̢̬͛ \ufeff\u00ad\u200b\u2060 zero\u200bwidth",
    "lone surrogate \ud800 and \udfff, \ufffe \uffff",
    "W" * 10_000,
)
CODES = ("TRANSITION_REJECTED", "WORK_PACKAGE_NOT_FOUND", "USAGE_ERROR", "NOT_AUTHORIZED", "STALE")
CALLERS = ("nightly", "default", "reviewers", "codex-fleet-west-2")
COMMANDS = ("mission-state", "list-ready", "append-history", "transition", "start-review")
STEPS = (
    (Lane.CLAIMED, 2),
    (Lane.IN_PROGRESS, 1),
    (Lane.FOR_REVIEW, 70),
    (Lane.IN_REVIEW, 25),
    (Lane.IN_PROGRESS, 15),
    (Lane.FOR_REVIEW, 40),
    (Lane.IN_REVIEW, 20),
    (Lane.APPROVED, 10),
)
NEEDS = {4: (1, 2), 5: (2,), 6: (4, 5), 7: (3,), 8: (6, 7), 9: (1,), 11: (8,), 12: (8, 9)}


def make(root: Path, *, lines: int, texts: Sequence[str] = HOSTILE) -> Stage:
    """A project with a mission of twelve packages, and a journal of that many lines."""
    stage = Stage(root=root)
    stage.make_repository()
    stage.write_mission(
        {
            f"WP{number:02}": {
                "title": _for_yaml(texts[number % len(texts)]),
                "dependencies": [f"WP{it:02}" for it in NEEDS.get(number, ())],
                "owned_files": [f"part-{number}/**"],
            }
            for number in range(1, 13)
        },
        title="Full-text search",
    )
    stage.git("add", "kitty-specs")
    stage.git("commit", "-q", "-m", "plan")
    events = [*_events(texts)]
    MissionFiles(Project(root), SLUG).log.append(events)
    MailboxLayout(root).ensure()
    journal, wanted = Journal(Layout(root)), [*_lines(lines, texts, events)]
    for start in range(0, lines, 500):
        with journal.batch() as batch:
            batch.append([(line, ()) for line in wanted[start : start + 500]])
    return stage


def _for_yaml(text: str) -> str:
    """What front matter can say: no half of a surrogate pair."""
    return "".join(it for it in text[:300] if ord(it) < 0xD800 or 0xE000 <= ord(it) <= 0xFFFF)


def _events(texts: Sequence[str]) -> Iterator[Transitioned]:
    found = []
    for number in range(1, 12):
        at, lane = BEGAN + timedelta(minutes=17 * number), Lane.PLANNED
        holder = (f"coder-{number % 4}", texts[number % len(texts)][:200])[number == 2]
        for step, (to, minutes) in enumerate(STEPS[: 9 - number % 5]):
            at += timedelta(minutes=minutes + number)
            is_review = to in (Lane.IN_REVIEW, Lane.APPROVED) or lane is Lane.IN_REVIEW
            event = Transitioned(
                event_id=f"E{number:02}{step}",
                at=at.isoformat(timespec="microseconds"),
                actor=f"reviewer-{number % 2}" if is_review else holder,
                wp_id=f"WP{number:02}",
                from_lane=lane,
                to_lane=to,
                correlation_id=f"moved-{number}-{step}",
            )
            found.append(event)
            lane = to
    return iter(sorted(found, key=lambda it: it.at))


def _lines(
    count: int, texts: Sequence[str], events: Sequence[Transitioned]
) -> Iterator[dict[str, Any]]:
    chance = random.Random(7)
    for number in range(count):
        at = BEGAN + timedelta(seconds=3 * number)
        event = events[number] if number < len(events) else None
        command = "transition" if event else chance.choice(COMMANDS)
        caller = "default" if event else chance.choice(CALLERS)
        text, code = texts[number % len(texts)], chance.choice(CODES)
        is_hostile = number % 5 == 0
        wp = f"WP{number % 12 + 1:02}"
        args = {"mission": SLUG, "wp": wp, "actor": text if is_hostile else f"coder-{number % 4}"}
        took = timedelta(milliseconds=chance.lognormvariate(2.2, 1.1))
        is_refused = chance.random() < 0.12
        data = {"message": f"{wp} was refused: {text[:3000]}", "retryable": False}
        moved = {
            "mission_slug": SLUG,
            "wp_id": wp,
            "from_lane": "claimed",
            "to_lane": "in_progress",
        }
        asked = event.correlation_id if event else f"{caller}-{number:06}"
        is_refused = is_refused and not event
        yield {
            "correlation_id": asked,
            "at": at.isoformat(timespec="microseconds"),
            "received_at": (at - 2 * took).isoformat(timespec="microseconds"),
            "door": "mailbox",
            "identity": caller,
            "actor": args["actor"],
            "digest": f"sha256:{number:064x}",
            "command": f"orchestrator-api.{command}",
            "args": args | ({"to": text} if is_hostile and command == "transition" else {}),
            "policy": POLICY | {"orchestrator_id": text if is_hostile else caller},
            "envelope": {
                "contract_version": "1.5.0",
                "command": f"orchestrator-api.{command}",
                "timestamp": (at + took).isoformat(timespec="microseconds"),
                "correlation_id": asked,
                "success": not is_refused,
                "error_code": code if is_refused else None,
                "data": data if is_refused else moved if command == "transition" else {},
            },
            "event_ids": [event.event_id] if event else [],
            "commits": [],
            "dead_letter": None,
        }
