"""Print the data of a package; control characters in it do not reach the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from specify_cli import clock
from specify_cli.cli import advice, history_shown
from specify_cli.cli.ages import age, ago, utc
from specify_cli.cli.board_cards import WITH_A_HOLDER
from specify_cli.cli.output import bold, say
from specify_cli.cli.prompting import Chosen
from specify_cli.cli.prompts import feedback_lines

WIDTH = 13
"""Characters of the first column."""


def show(data: Mapping[str, Any], chosen: Chosen) -> None:
    """Print the data of show-package, and the next command."""
    now = clock.now()
    say(f"  {data['lane']}  {data['title']}", head=bold(data["wp_id"]))
    for name, text in _rows(data, now):
        say(f"  {name:<{WIDTH}}{text}")
    for name, event in (("last note", "last_note"), ("last review", "last_review")):
        _show_event(name, data.get(event), now)
    if data.get("feedback") and "last_review" not in data:
        for line in feedback_lines(data["feedback"]):
            say(f"  {line}")
    for warning in data.get("warnings", ()):
        say(f"warning: {warning}", is_error=True)
    say(f"next: {advice.after_moving(data['wp_id'], chosen)}")


def _rows(data: Mapping[str, Any], now: datetime) -> Iterator[tuple[str, str]]:
    if data["since"]:
        yield "since", f"{utc(data['since'])}, {ago(data['since'], now)}"
    yield from _holder(data, now)
    yield from _blocked(data)
    for name, key in (("depends on", "dependencies"), ("needed by", "dependents")):
        if data[key]:
            yield name, ", ".join(f"{it['wp_id']} ({it['lane']})" for it in data[key])
    yield "owns", ", ".join(data["owned_files"]) or "no files"
    subtasks = data["subtasks"]
    if subtasks:
        done = sum(it["done"] for it in subtasks)
        yield "subtasks", f"{done} of {len(subtasks)} done"
    for it in subtasks:
        yield "", f"[{'x' if it['done'] else ' '}] {it['subtask_id']} {it['title']}".rstrip()
    yield "branch", f"{data['lane_branch']}, of execution lane {data['lane_id']}"
    made = "" if data["workspace_exists"] else "  (does not exist)"
    yield "workspace", f"{data['workspace_path']}{made}"
    if data.get("commit"):
        yield "commit", data["commit"]
    yield "prompt", data["prompt_path"]


def _holder(data: Mapping[str, Any], now: datetime) -> Iterator[tuple[str, str]]:
    holder = data["reviewer"] or data["claimed_by"]
    if holder and data["lane"] in WITH_A_HOLDER:
        sign = data.get("last_sign_of_life")
        seen = f", last sign of life {ago(sign, now)}" if sign else ""
        silent = f", silent for {age(sign or data['since'], now)}" if data.get("stale") else seen
        yield "held by", f"{holder}{silent}"


def _blocked(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield why the package cannot go on, if it cannot."""
    last = data.get("last_transition", {})
    if data["lane"] in ("blocked", "canceled"):
        later = data.get("last_note", {})
        # Its note may have been added afterwards.
        told = later if not last.get("note") and later.get("at", "") > last.get("at", "") else last
        note = " ".join(told.get("note", "").split()) or "no reason was given"
        yield "why", f"{note} ({told.get('actor', 'unknown')})"
    if data.get("contested"):
        yield "contested", f"a transition claimed to start from {data['contested']}"
    if data["unsatisfied_dependencies"] and data["lane"] in advice.BEFORE_WORK:
        yield "waits for", ", ".join(data["unsatisfied_dependencies"])
    if data.get("waiting_for_lane"):
        yield "waits for", f"{data['waiting_for_lane']}, which uses the same workspace"


def _show_event(name: str, event: Mapping[str, Any] | None, now: datetime) -> None:
    if event is None:
        return
    by = f"by {history_shown.who(event)}, {ago(event['at'], now) or utc(event['at'])}"
    move = f": {history_shown.what(event)}" if event["kind"] == "transition" else ""
    say(f"  {name:<{WIDTH}}{by}{move}")
    for line in history_shown.details(event):
        say(f"  {'':<{WIDTH}}{line}")
