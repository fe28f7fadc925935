"""An orchestrator that talks to the host through files only. Standard library only.

    file_orchestrator.py INBOX OUTBOX MISSION

It drives a mission from planned to merged. It keeps no state: at the start of each round it reads the
state of the mission from the host, so it can be killed and started again at any time.

If it can access the workspaces, it runs agents in them. In a sandbox that has only the two folders it
cannot. Then agents work outside, and the host tells when a package can be submitted.
"""

import json
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

AGENT = [sys.executable, str(Path(__file__).with_name("pretend_agent.py"))]
IMPLEMENTER, REVIEWER = "example-implementer", "example-reviewer"
# The rules under which the agents run. The host validates the policy and records it with every transition.
POLICY = {
    "orchestrator_id": "file-orchestrator",
    "orchestrator_version": "1.0.0",
    "agent_family": "pretend",
    "approval_mode": "full_auto",
    "sandbox_mode": "workspace_write",
    "network_mode": "none",
    "dangerous_flags": [],
}
REPLY_TIMEOUT_S = 60
# How long it waits for a change before it looks again, and how long a mission may make no progress.
WAIT_S, LONGEST_IDLE_S = 5, 60
# The guard that requires ticked subtasks and a commit. If it refuses, an agent is still at work.
WORK_GUARD = "subtasks_and_evidence"


class Refused(Exception):
    """The host refused a request. Programs decide by `code`; the message is for people."""

    def __init__(self, envelope: dict[str, Any]) -> None:
        self.code: str = envelope["error_code"]
        is_at_work = envelope["data"].get("guard") == WORK_GUARD
        self.is_retryable: bool = envelope["data"]["retryable"] or is_at_work
        super().__init__(f"{envelope['command']}: {self.code}: {envelope['data']['message']}")


class Mailbox:
    """The protocol: write one request file, read one reply file."""

    def __init__(self, inbox: Path, outbox: Path) -> None:
        self.inbox, self.outbox = inbox, outbox
        # The version of the contract that the requests are written for.
        self.contract_version = "1.3.0"

    def call(self, command: str, **args: Any) -> dict[str, Any]:
        """Send a request and return the `data` of the answer.

        Raises:
            Refused: The host refused the request.
            TimeoutError: There is no reply yet; the request stays valid.
        """
        request_id = f"{time.time_ns()}-{uuid.uuid4().hex[:8]}"
        self.submit(request_id, command, args)
        envelope = self.wait(request_id)
        if not envelope["success"]:
            raise Refused(envelope)
        data: dict[str, Any] = envelope["data"]
        return data

    def submit(self, request_id: str, command: str, args: dict[str, Any]) -> None:
        """Put the request into the inbox. The host ignores names that begin with a dot."""
        request = {
            "contract_version": self.contract_version,
            "correlation_id": request_id,
            "command": command,
            "args": args,
            "policy": POLICY,
        }
        temporary = self.inbox / f".{request_id}.tmp"
        temporary.write_text(json.dumps(request), encoding="utf-8")
        temporary.rename(self.inbox / f"{request_id}.json")

    def wait(self, request_id: str) -> dict[str, Any]:
        """Wait for the reply. It appears complete, by rename, so it can be read at once."""
        reply = self.outbox / f"{request_id}.json"
        deadline = time.monotonic() + REPLY_TIMEOUT_S
        while not reply.exists():
            if time.monotonic() > deadline:
                worker = self.outbox / "worker.json"
                raise TimeoutError(f"no reply to {request_id}: does a worker run? See {worker}")
            time.sleep(0.005)
        envelope: dict[str, Any] = json.loads(reply.read_text(encoding="utf-8"))
        return envelope


class Orchestrator:
    """Decides what to do next; the host decides whether it is permitted."""

    def __init__(self, mailbox: Mailbox, mission: str) -> None:
        self.mailbox, self.mission = mailbox, mission
        # Whether the host can wait for a change, and the position of the last state that was seen.
        self.can_wait, self.position = False, None
        self.steps = {
            "in_progress": self.implement,
            "for_review": self.start_review,
            "in_review": self.review,
        }

    def run(self) -> None:
        """Drive the mission until it is merged.

        Raises:
            Refused: The host refused a step for good.
            TimeoutError: The host does not answer.
            RuntimeError: There is no progress, or an agent failed.
        """
        version = self.mailbox.call("contract-version")["api_version"]
        say("contract", version)
        self.can_wait = [int(part) for part in version.split(".")] >= [1, 5]
        if self.can_wait:
            self.mailbox.contract_version = "1.5.0"
        idle_since = time.monotonic()
        while not self.is_ready_to_merge():
            if self.advance():
                idle_since = time.monotonic()
            elif time.monotonic() - idle_since > LONGEST_IDLE_S:
                raise RuntimeError(f"{self.mission} makes no progress: see spec-kitty status")
            else:
                self.wait_for_change()
        accepted = self.ask("accept-mission", actor=REVIEWER)
        say("accepted", ", ".join(accepted["accepted_wps"]))
        merged = self.ask("merge-mission", actor=REVIEWER)
        say("merged", f"into {merged['target_branch']} at {merged['commit'][:7]}")

    def is_ready_to_merge(self) -> bool:
        """Whether all packages are approved, done or canceled."""
        return all(wp["lane"] in ("approved", "done", "canceled") for wp in self.packages())

    def advance(self) -> bool:
        """Try one step for each package; return whether any succeeded."""
        advanced = False
        for wp, step in [*self.next_steps()]:
            try:
                step(wp)
                advanced = True
            except Refused as refusal:
                # The next round reads the state again and repeats the step as a new request.
                if not refusal.is_retryable:
                    raise
                say(wp, str(refusal))
        return advanced

    def next_steps(self) -> Iterator[tuple[str, Any]]:
        """Yield packages with their next step: ready packages start, started ones continue."""
        for wp in self.ask("list-ready")["ready_work_packages"]:
            yield wp["wp_id"], self.start
        for wp in self.packages():
            if wp["lane"] in self.steps:
                yield wp["wp_id"], self.steps[wp["lane"]]

    def start(self, wp: str) -> None:
        """Claim the package. The host creates its workspace."""
        workspace = self.ask("start-implementation", wp=wp, actor=IMPLEMENTER)
        say(wp, f"started on {workspace['lane_branch']}")

    def implement(self, wp: str) -> None:
        """Let the agent write and commit the code, then submit the package for review."""
        # For a package in progress of the same actor this changes nothing and returns the paths.
        workspace = self.ask("start-implementation", wp=wp, actor=IMPLEMENTER)
        run_agent("implement", workspace)
        # The host checks the subtasks itself; `subtasks_complete` is accepted and has no effect.
        self.move(wp, to="for_review", actor=IMPLEMENTER, subtasks_complete=True)

    def start_review(self, wp: str) -> None:
        """Claim the review."""
        self.ask("start-review", wp=wp, actor=REVIEWER)
        say(wp, "under review")

    def review(self, wp: str) -> None:
        """Review the package: approve it, or send it back to work."""
        workspace = self.ask("resolve-workspace", wp=wp)
        complaint = run_agent("review", workspace)
        result = {
            "reviewer": REVIEWER,
            "verdict": "changes_requested" if complaint else "approved",
            "reference": complaint or f"review of {wp}",
        }
        if complaint:
            self.move(wp, to="in_progress", actor=REVIEWER, review_result=result)
            say(wp, f"rejected: {complaint}")
        else:
            evidence = {"review": result}
            self.move(wp, to="approved", actor=REVIEWER, review_result=result, evidence=evidence)

    def wait_for_change(self) -> None:
        """Wait until the state differs from the last one that was seen, at most `WAIT_S`.

        A host before contract 1.5.0 cannot wait. An agent's commits are not in the state.
        """
        if self.can_wait:
            self.ask("mission-state", after=self.position, wait_s=WAIT_S)
        else:
            time.sleep(1)

    def packages(self) -> list[dict[str, Any]]:
        """Return the state of every package."""
        state = self.ask("mission-state")
        self.position = state.get("position")
        packages: list[dict[str, Any]] = state["work_packages"]
        return packages

    def move(self, wp: str, **args: Any) -> None:
        """Move the package to another status lane."""
        result = self.ask("transition", wp=wp, **args)
        say(wp, f"{result['from_lane']} -> {result['to_lane']}")

    def ask(self, command: str, **args: Any) -> dict[str, Any]:
        """Send a request about the mission and return the `data` of the answer."""
        return self.mailbox.call(command, mission=self.mission, **args)


def run_agent(task: str, workspace: dict[str, Any]) -> str:
    """Run the agent and return its complaint; empty if there is none or the workspace is not accessible.

    Raises:
        RuntimeError: The agent failed.
    """
    if not Path(workspace["workspace_path"]).is_dir():
        return ""
    done = subprocess.run(
        [*AGENT, task, workspace["prompt_path"]],
        cwd=workspace["workspace_path"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in (0, 1) or done.stderr:
        raise RuntimeError(f"the agent failed to {task}: {done.stderr.strip()}")
    return done.stdout.strip()


def say(who: str, what: str) -> None:
    """Print a line of progress."""
    print(f"  {who:9} {what}", flush=True)


def main(inbox: str, outbox: str, mission: str) -> int:
    """Return 0 when the mission is merged, else 1."""
    try:
        Orchestrator(Mailbox(Path(inbox), Path(outbox)), mission).run()
    except (Refused, TimeoutError, RuntimeError, OSError) as error:
        print(f"file_orchestrator: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit("usage: file_orchestrator.py INBOX OUTBOX MISSION")
    sys.exit(main(*sys.argv[1:]))
