"""Checks after each row of the table, and whether the advised commands work when pasted."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from specify_cli.storage import records
from specify_cli.storage.layout import Layout
from tests.integration.record.scene import Row
from tests.integration.stage import SLUG, TIMEOUT_S, Stage, environment

LANES = {"WP01": "in_progress", "WP02": "in_progress", "WP03": "planned"}
_COMMAND = re.compile(r"'((?:spec-kitty|git|rm|mv|echo) [^'<]*)'")
_ONLY_LOOKS = re.compile(r"spec-kitty (doctor|status|mailbox (verify|serve))( --json)?")


@dataclass(frozen=True, kw_only=True)
class Said:
    """What the host reports about the project, and every command that it advises."""

    findings: list[dict[str, Any]]
    status: Any
    advice: dict[str, list[tuple[str, str]]]

    def kinds(self) -> set[tuple[str, str]]:
        return {(it["check"], it["file"]) for it in self.findings}


def ask(stage: Stage) -> Said:
    """Run status and doctor in processes of their own."""
    status, doctor = stage.start("status"), stage.start("doctor", "--json")
    told = [it.communicate(timeout=TIMEOUT_S) for it in (status, doctor)]
    findings = json.loads(told[1][0])["data"]["findings"]
    advice: dict[str, list[tuple[str, str]]] = {}
    for it in findings:
        for command in _COMMAND.findall(it["repair"]):
            advice.setdefault(command, []).append((it["file"], it["what"]))
    for command in _COMMAND.findall(told[0][1].decode() + told[1][1].decode()):
        advice.setdefault(command, [])
    return Said(
        findings=findings,
        status=(status.returncode, told[0][0].decode(), told[0][1].decode()),
        advice=advice,
    )


def paste(stage: Stage, command: str, *, tools: Path) -> int:
    """Run the command in a shell; return its exit status."""
    told = subprocess.run(
        ["bash", "-c", command],
        cwd=stage.root,
        env=environment(PATH=f"{tools}:{os.environ['PATH']}"),
        capture_output=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    return told.returncode


def judge_words(stage: Stage, row: Row, said: Said, before: list[str]) -> None:
    """Check that the reports are true."""
    exit_code, board, warnings = said.status
    checks = {check for check, _ in said.kinds()}
    if row.away:
        assert (exit_code, SLUG in warnings) == (1, True), said
        assert "not-checked-out" in checks
        return
    assert exit_code == (row.refuses == "STATE_UNREADABLE" and not board), said
    found = ids_in_log(stage, row.slug)
    if exit_code == 0:
        assert {it: re.search(rf"{it} +(\S+)", board)[1] for it in LANES} == LANES  # type: ignore[index]
        is_lagging = not set(before) <= set(found)
        assert ("lacks" in warnings) == is_lagging, said
        assert ("log-behind" in checks) == is_lagging, said
    if exit_code or row.refuses == "STATE_UNREADABLE":
        assert "changed-log-line" in checks
    if not (stage.root / "kitty-specs" / row.slug / "lanes.json").exists():
        assert "lanes" in checks


def judge_claims(stage: Stage, row: Row) -> None:
    """Check at both interfaces that a held package cannot be claimed and no approval comes back."""
    start = {"mission": row.slug, "wp": "WP02"}
    refusal = stage.ask("start-implementation", actor="cleo", **start)
    assert refusal["error_code"] == row.refuses, refusal
    stage.put("dora-asks", "start-implementation", actor="dora", **start)
    stage.run("mailbox", "serve", "--once")
    assert stage.reply("dora-asks")["error_code"] == row.refuses
    merge = stage.ask("merge-mission", mission=row.slug, actor="ada")
    assert merge["error_code"] in (row.refuses, "PREFLIGHT_FAILED")
    if row.refuses == "WP_ALREADY_CLAIMED":
        state = stage.done("mission-state", mission=row.slug, policy=None)
        assert {it["wp_id"]: it["lane"] for it in state["work_packages"]} == LANES
        assert merge["error_code"] == "PREFLIGHT_FAILED"
        assert refusal["data"]["claimed_by"] == "bo"


def judge_record(stage: Stage, before: list[str]) -> None:
    """Check that no acknowledged event is missing in the record."""
    record = records.found(Layout(stage.root))
    assert record is not None
    known = b"".join(it.log for it in record.entries()).decode()
    assert [it for it in before if it not in known] == []


def judge_advice(
    stage: Stage, row: Row, said: Said, *, state: Path, tools: Path, restore: Any
) -> None:
    """Check that each advised command works in the state in which it was printed."""
    for command, about in said.advice.items():
        restore(state)
        exit_code = paste(stage, command, tools=tools)
        if _ONLY_LOOKS.fullmatch(command):
            assert exit_code in (0, 1), command
            continue
        assert exit_code == 0 or (exit_code == 1 and "doctor --fix" in command), command
        now = ask(stage)
        left = [it for it in about if it in {(x["file"], x["what"]) for x in now.findings}]
        assert left == [], (command, now.findings)
        slug = next((it.parent.name for it in stage.root.glob("kitty-specs/*/meta.json")), row.slug)
        again = stage.ask("start-implementation", mission=slug, wp="WP02", actor="eve")
        assert not again["success"], command


def ids_in_log(stage: Stage, slug: str = SLUG) -> list[str]:
    """The ids of the readable events in the log file."""
    path = stage.log(slug)
    data = path.read_bytes() if path.exists() else b""
    return re.findall(r'"event_id":\s*"(\w+)"', data.decode("utf-8", "replace"))
