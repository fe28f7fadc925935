"""A fake coding agent, installed as `claude`, `codex` and `opencode`.

It reads a prompt, does the work of its package, commits it and marks the subtasks done, or reviews.
The folder in FAKE_AGENTS configures it: `plan.json` has the mission, and, for a name such as
"claude review WP02", the outcomes of its calls in order; other calls succeed. Every call adds
a line to `calls.jsonl`.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DESK = Path(os.environ["FAKE_AGENTS"])
FEEDBACK = "## Review Feedback"


@dataclass(frozen=True, kw_only=True)
class Call:
    """The task of one agent process."""

    agent: str
    role: str
    prompt: str

    @property
    def package(self) -> dict[str, Any]:
        """The front matter of the prompt, which the tests write as JSON."""
        header: dict[str, Any] = json.loads(self.prompt.split("---")[1])
        return header

    @property
    def wp_id(self) -> str:
        return str(self.package["work_package_id"])

    @property
    def name(self) -> str:
        return f"{self.agent} {self.role} {self.wp_id}"


def main() -> int:
    """Do what the plan says for this call."""
    call = Call(agent=Path(sys.argv[0]).name, role=role_of(sys.argv), prompt=sys.stdin.read())
    fate = planned_fate(call)
    if fate == "hold" and call.role == "implement":
        write_half(call)
    remember(call, fate)
    if fate == "hold":
        signal.pause()
    if fate == "reject":
        print(json.dumps({"error": f"say what {call.wp_id} is for"}))
    if fate in {"reject", "fail"}:
        return 1
    if call.role == "implement":
        implement(call, marks_subtasks=fate != "forget")
    print(json.dumps({"result": {}}))
    return 0


def role_of(argv: list[str]) -> str:
    """The role: only a reviewer is started with tools that cannot write."""
    tools = argv[argv.index("--allowedTools") + 1] if "--allowedTools" in argv else "Write"
    return "implement" if "Write" in tools.split(",") else "review"


def planned_fate(call: Call) -> str:
    """The plan for this call, counted from the calls of the same name before it."""
    fates = plan()["fates"].get(call.name, [])
    number = sum(1 for known in calls() if known["name"] == call.name)
    return fates[number] if number < len(fates) else "well"


def plan() -> dict[str, Any]:
    text = (DESK / "plan.json").read_text()
    decided: dict[str, Any] = json.loads(text)
    return decided


def calls() -> list[dict[str, Any]]:
    path = DESK / "calls.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def remember(call: Call, fate: str) -> None:
    line = {"name": call.name, "fate": fate, "prompt": call.prompt, "argv": sys.argv[1:]}
    with (DESK / "calls.jsonl").open("a") as ledger:
        ledger.write(json.dumps(line) + "\n")


def implement(call: Call, *, marks_subtasks: bool) -> None:
    """Commit a line of this call in every owned file, and mark the subtasks done."""
    for needed in call.package.get("dependencies", []):
        if not Path("work", f"{needed}.txt").exists():
            sys.exit(f"the work of {needed}, which {call.wp_id} builds on, is not here")
    # Packages with files in common share a workspace, and git's index allows one commit at a time.
    with (DESK / "committing").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        commit(call)
    subtasks = call.package.get("subtasks", [])
    if subtasks and marks_subtasks:
        mark = ["spec-kitty", "agent", "tasks", "mark-status", *subtasks, "--status", "done"]
        run(*mark, "--mission", plan()["mission"], "--json")


def commit(call: Call) -> None:
    files = call.package["owned_files"]
    _, _, feedback = call.prompt.partition(FEEDBACK)
    told = feedback.strip().splitlines()[-1:]
    for name in files:
        path = Path(name)
        path.parent.mkdir(exist_ok=True)
        with path.open("a") as text:
            text.write(": ".join([call.wp_id, call.agent, *told]) + "\n")
    run("git", "add", "--", *files)
    run("git", "commit", "-q", "--only", "-m", f"{call.wp_id}: by {call.agent}", "--", *files)


def write_half(call: Call) -> None:
    """Leave uncommitted work."""
    path = Path("work", f"{call.wp_id}.txt")
    path.parent.mkdir(exist_ok=True)
    path.write_text("half of it\n")


def run(*words: str) -> None:
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())
