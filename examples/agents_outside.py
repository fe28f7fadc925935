"""Run pretend agents for an orchestrator that has no access to the code. Standard library only.

    agents_outside.py PROJECT MISSION

The operator runs it beside the worker. For each package that goes in progress it runs an agent in the
package's workspace, which writes, tests and commits the code, and then ticks the subtasks. The
orchestrator decides which package that is, and when. It ends when the mission is merged.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

AGENT = [sys.executable, str(Path(__file__).with_name("pretend_agent.py"))]
POLL_INTERVAL_S = 0.5
TIMEOUT_S = 300
# The first draft, and one more if the review finds a fault.
MAX_DRAFTS = 2


class Host:
    """The command line of the host, run in the project."""

    def __init__(self, project: str, mission: str) -> None:
        self.project, self.mission = project, mission
        scripts = Path(sys.executable).parent
        self.environment = os.environ | {"PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}

    def run(self, *arguments: str) -> dict[str, Any]:
        """Run the command and return the JSON that it prints.

        Raises:
            RuntimeError: The command failed.
        """
        done = subprocess.run(
            ["spec-kitty", *arguments, "--mission", self.mission],
            cwd=self.project,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(arguments)}: {done.stdout}{done.stderr}")
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def ask(self, command: str, *flags: str) -> dict[str, Any]:
        """Run a command of the contract and return the `data` of its answer.

        Raises:
            RuntimeError: The command failed.
        """
        data: dict[str, Any] = self.run("orchestrator-api", command, *flags)["data"]
        return data


def work(host: Host, wp: str) -> None:
    """Let an agent write, review and commit the package's code, then tick the subtasks."""
    workspace = host.ask("resolve-workspace", "--wp", wp)
    for _ in range(MAX_DRAFTS):
        run_agent("implement", workspace)
        if run_agent("review", workspace) == 0:
            break
    subtasks = subtasks_of(Path(workspace["prompt_path"]))
    if subtasks:
        host.run("agent", "tasks", "mark-status", *subtasks, "--status", "done", "--json")
    print(f"  {wp:9} worked on in {workspace['workspace_path']}", flush=True)


def subtasks_of(prompt: Path) -> list[str]:
    """Return the subtasks in the front matter of the prompt: `subtasks: [T001]`, or one a line."""
    words = prompt.read_text(encoding="utf-8").split("---")[1].replace('"', " ").split()
    names = [word.strip("[],'") for word in words]
    return [name for name in names if name[:1] == "T" and name[1:].isdigit()]


def run_agent(task: str, workspace: dict[str, Any]) -> int:
    """Run the agent and return its exit code: 0, or 1 if a review found a fault.

    Raises:
        RuntimeError: The agent failed.
    """
    done = subprocess.run(
        [*AGENT, task, workspace["prompt_path"]],
        cwd=workspace["workspace_path"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in (0, 1) or done.stderr:
        raise RuntimeError(f"the agent failed to {task}: {done.stderr.strip()}")
    return done.returncode


def main(project: str, mission: str) -> int:
    """Return 0 when the mission is merged, 1 after the timeout."""
    host, worked_on = Host(project, mission), set()
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        lanes = {p["wp_id"]: p["lane"] for p in host.ask("mission-state")["work_packages"]}
        for wp in [wp for wp, lane in lanes.items() if lane == "in_progress"]:
            if wp not in worked_on:
                work(host, wp)
                worked_on.add(wp)
        if all(lane in ("done", "canceled") for lane in lanes.values()):
            return 0
        time.sleep(POLL_INTERVAL_S)
    print(f"agents_outside: {mission} is not merged after {TIMEOUT_S} s", file=sys.stderr)
    return 1


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: agents_outside.py PROJECT MISSION")
    sys.exit(main(*sys.argv[1:]))
