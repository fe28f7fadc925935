"""Faults in `tasks.md`, and differences between it and the front matter of prompts."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from specify_cli.core.lanes import TERMINAL
from specify_cli.core.package_references import number_of
from specify_cli.errors import StateUnreadable, UsageError
from specify_cli.workflow.authoring_agreement import (
    Disagreement,
    disagreements,
    former_prompts,
    tasks_text,
)
from specify_cli.workflow.authoring_outline import faults_in, read_statements
from specify_cli.workflow.authoring_takeover import check_whole
from specify_cli.workflow.doctor_findings import Finding, note, warning
from specify_cli.workflow.mission import OpenMission

LINES, PROMPTS = "tasks-md", "tasks-md-and-prompts"


def examine_outline(mission: OpenMission) -> Iterator[Finding]:
    """Report lines that `tasks` and `finalize` refuse; if there are none, report differences to prompts.

    The findings are notes when all work of the mission has ended.

    Raises:
        OSError: a file cannot be read.
    """
    try:
        text = tasks_text(mission)
    except StateUnreadable:  # Reported already.
        return
    if not text:
        return
    lanes = [mission.state_of(wp_id).lane for wp_id in mission.packages]
    has_ended = bool(lanes) and all(lane in TERMINAL for lane in lanes)
    report = note if has_ended else warning
    path = mission.files.folder / "tasks.md"
    former = former_prompts(mission)
    existing = [*mission.packages, *(f"WP{number:02}" for number in former)]
    faults = faults_in(text, existing, graph=mission.stated_graph)
    for fault in faults:
        yield report(LINES, path, fault.complaint, repair=fault.advice, line=fault.line)
    if faults:
        return
    found = disagreements(mission, read_statements(text, existing, graph=mission.stated_graph))
    # Prompts in folders of status lanes are reported already.
    known = [one for one in found if one.field or number_of(one.wp_id) not in former]
    for one in (*(it for it in known if it.advice), *_to_take_over(mission, known)):
        yield report(PROMPTS, one.file, one.what, repair=one.advice, line=one.line)


def _to_take_over(mission: OpenMission, found: Sequence[Disagreement]) -> Iterator[Disagreement]:
    """Report as one what `tasks finalize` writes to prompts, after anything that prevents it."""
    missing = [one for one in found if not one.advice]
    if not missing:
        return
    path = mission.files.folder / "tasks.md"
    line = min(one.stated.line.number for one in missing if one.stated)
    is_clear = len(missing) == len(found)
    try:
        check_whole(mission, found)
    except UsageError as error:
        is_clear = False
        advice = "remove one of these dependencies"
        yield Disagreement(file=path, line=line, what=error.message, advice=advice, wp_id="")
    fields = ", ".join(f"{one.wp_id} ({one.field})" for one in missing)
    command = f"run 'spec-kitty tasks finalize {shlex.quote(mission.slug)}'"
    yield Disagreement(
        file=path,
        line=line,
        what=f"the front matter of prompts lacks what tasks.md states: {fields}",
        advice=command
        if is_clear
        else f"correct the other findings of this mission, then {command}",
        wp_id="",
    )
