"""An orchestrator of the strict generation: `strict_client.py MISSION`, one package at a time.

It never forces its way, sends review results and evidence, takes up its own work where
`resolve-workspace` says that it is, and recovers its own orphaned review by one forced move.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ACTOR = "strict-client"
REVIEWER_TOOLS = "Read,Grep"
AUTHOR_TOOLS = "Read,Write"
POLICY = json.dumps(
    {
        "orchestrator_id": ACTOR,
        "orchestrator_version": "1.3.0",
        "agent_family": "claude",
        "approval_mode": "full_auto",
        "sandbox_mode": "workspace_write",
        "network_mode": "none",
        "dangerous_flags": [],
    }
)


@dataclass(frozen=True, kw_only=True)
class Package:
    """A package that this client works on."""

    mission: str
    wp_id: str

    def call(self, command: str, *flags: str) -> dict[str, Any]:
        return host(command, "--mission", self.mission, "--wp", self.wp_id, *flags)

    def change(self, command: str, *flags: str) -> dict[str, Any]:
        return self.call(command, "--actor", ACTOR, "--policy", POLICY, *flags)

    def start(self) -> None:
        """Start the package."""
        self.change("start-implementation")

    def implement(self) -> None:
        """Start or resume the package, let the agent work, and review until it is approved."""
        begun = self.change("start-implementation")
        place = begun if not begun["no_op"] else self.call("resolve-workspace")
        self.work(place)

    def work(self, place: dict[str, Any]) -> None:
        if agent(place, tools=AUTHOR_TOOLS) != 0:
            raise SystemExit(f"{self.wp_id}: the author failed")
        proven = ("--subtasks-complete", "--implementation-evidence-present")
        self.change("transition", "--to", "for_review", *proven)
        self.review()

    def review(self) -> None:
        """Claim the review, let the agent review, and decide with a result."""
        self.change("start-review")
        place = self.call("resolve-workspace")
        is_approved = agent(place, tools=REVIEWER_TOOLS) == 0
        verdict = "approved" if is_approved else "changes_requested"
        review = {"reviewer": "claude", "verdict": verdict, "reference": f"review-{self.wp_id}"}
        decided = ["--review-result-json", json.dumps(review), "--review-ref", review["reference"]]
        if is_approved:
            evidence = ["--evidence-json", json.dumps({"review": review})]
            self.change("transition", "--to", "approved", *decided, *evidence)
        else:
            self.change("transition", "--to", "in_progress", *decided)
            self.work(place)

    def recover_review(self) -> None:
        """Review again, because the reviewer was killed with the last run of this client."""
        note = "the reviewer died with its orchestrator"
        self.change("transition", "--to", "for_review", "--force", "--note", note)
        self.review()


def main(mission: str) -> None:
    """Resume what the last run left, then work on ready packages until there are none."""
    for found in host("mission-state", "--mission", mission)["work_packages"]:
        package = Package(mission=mission, wp_id=found["wp_id"])
        if found["lane"] == "in_review" and found["last_actor"] == ACTOR:
            package.recover_review()
        elif found["lane"] == "in_progress":
            package.implement()
    while ready := host("list-ready", "--mission", mission)["ready_work_packages"]:
        named = [Package(mission=mission, wp_id=it["wp_id"]) for it in ready]
        # A refusal ends this client: all packages of one list can be started.
        for package in named:
            package.start()
        for package in named:
            package.implement()


def host(command: str, *flags: str) -> dict[str, Any]:
    """The data of the host's answer; a refusal ends this client."""
    words = ["spec-kitty", "orchestrator-api", command, *flags]
    envelope = json.loads(subprocess.run(words, capture_output=True, check=False).stdout)
    if not envelope["success"]:
        raise SystemExit(json.dumps(envelope))
    data: dict[str, Any] = envelope["data"]
    return data


def agent(place: dict[str, Any], *, tools: str) -> int:
    """Run an agent with the prompt in the package's workspace; return its exit code."""
    return subprocess.run(
        ["claude", "-p", "--allowedTools", tools],
        cwd=place["workspace_path"],
        input=Path(place["prompt_path"]).read_bytes(),
        check=False,
    ).returncode


if __name__ == "__main__":
    main(sys.argv[1])
