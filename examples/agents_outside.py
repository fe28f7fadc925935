"""Runs pretend agents for an orchestrator that sees no code. Standard library only.

    agents_outside.py PROJECT MISSION

Played by the operator, beside the worker: whichever package goes in progress is worked on in its
worktree, tried, committed, and its subtasks are ticked. Which package that is, and when, the
orchestrator decides. Ends when the mission is merged.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

AGENT = [sys.executable, str(Path(__file__).with_name("pretend_agent.py"))]
GLANCE_S = 0.5
PATIENCE_S = 300
# The first draft, and one for each time that its trial failed.
DRAFTS = 2


class Host:
    """The host's command line, which is to be called in the project."""

    def __init__(self, project: str, mission: str) -> None:
        self.project, self.mission = project, mission
        beside = Path(sys.executable).parent
        self.environment = os.environ | {"PATH": f"{beside}{os.pathsep}{os.environ['PATH']}"}

    def say(self, *words: str) -> dict[str, Any]:
        """The JSON that the command answers with. Raises: RuntimeError."""
        done = subprocess.run(
            ["spec-kitty", *words, "--mission", self.mission],
            cwd=self.project,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(words)}: {done.stdout}{done.stderr}")
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def ask(self, command: str, *flags: str) -> dict[str, Any]:
        """The data of the answer to a command of the contract. Raises: RuntimeError."""
        data: dict[str, Any] = self.say("orchestrator-api", command, *flags)["data"]
        return data


def work(host: Host, wp: str) -> None:
    """The package's work is committed, stands its trial, and its subtasks are ticked."""
    place = host.ask("resolve-workspace", "--wp", wp)
    for _ in range(DRAFTS):
        run_agent("implement", place)
        if run_agent("review", place) == 0:
            break
    subtasks = subtasks_of(Path(place["prompt_path"]))
    if subtasks:
        host.say("agent", "tasks", "mark-status", *subtasks, "--status", "done", "--json")
    print(f"  {wp:9} worked on in {place['workspace_path']}", flush=True)


def subtasks_of(prompt: Path) -> list[str]:
    """What the prompt's front matter lists: `subtasks: [T001]`, or one a line."""
    words = prompt.read_text(encoding="utf-8").split("---")[1].replace('"', " ").split()
    names = [word.strip("[],'") for word in words]
    return [name for name in names if name[:1] == "T" and name[1:].isdigit()]


def run_agent(task: str, place: dict[str, Any]) -> int:
    """The agent's exit code. Raises: RuntimeError when the agent did not end as agents do."""
    done = subprocess.run(
        [*AGENT, task, place["prompt_path"]],
        cwd=place["workspace_path"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in (0, 1) or done.stderr:
        raise RuntimeError(f"the agent failed at {task}: {done.stderr.strip()}")
    return done.returncode


def main(project: str, mission: str) -> int:
    """0 when the mission is merged; else 1, and what was wrong was said."""
    host, worked_on = Host(project, mission), set()
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        lanes = {p["wp_id"]: p["lane"] for p in host.ask("mission-state")["work_packages"]}
        for wp in [wp for wp, lane in lanes.items() if lane == "in_progress"]:
            if wp not in worked_on:
                work(host, wp)
                worked_on.add(wp)
        if all(lane in ("done", "canceled") for lane in lanes.values()):
            return 0
        time.sleep(GLANCE_S)
    print(f"agents_outside: {mission} is not merged after {PATIENCE_S} s", file=sys.stderr)
    return 1


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: agents_outside.py PROJECT MISSION")
    sys.exit(main(*sys.argv[1:]))
