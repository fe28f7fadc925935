"""An orchestrator that asks the host through files alone. Standard library only.

    file_orchestrator.py INBOX OUTBOX MISSION

It is given two folders and the name of a mission, and drives the mission to merged. What it knows, it
reads from the host at the start of each round, so it can be killed and started again at any time.

Where it can see the worktrees it runs agents in them. In a sandbox that has the two folders and nothing
else it cannot: then agents work outside, and the host says when they are done.
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
# Under which rules the agents run. The host checks it and records it with every move.
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
ROUNDS_WITHOUT_PROGRESS = 60
# The guard that wants every subtask ticked and a commit on the branch: an agent is still at work.
STILL_AT_WORK = "subtasks_and_evidence"


class Refused(Exception):
    """The host refused. `code` says why; the message is for people."""

    def __init__(self, envelope: dict[str, Any]) -> None:
        self.code: str = envelope["error_code"]
        at_work = envelope["data"].get("guard") == STILL_AT_WORK
        self.is_retryable: bool = envelope["data"]["retryable"] or at_work
        super().__init__(f"{envelope['command']}: {self.code}: {envelope['data']['message']}")


class Mailbox:
    """The protocol: one file in, one file out."""

    def __init__(self, inbox: Path, outbox: Path) -> None:
        self.inbox, self.outbox = inbox, outbox

    def call(self, command: str, **args: Any) -> dict[str, Any]:
        """The data of the host's answer.

        Raises:
            Refused: the host said no.
            TimeoutError: it has said nothing yet; the request still waits in the inbox.
        """
        request_id = f"{time.time_ns()}-{uuid.uuid4().hex[:8]}"
        self.submit(request_id, command, args)
        envelope = self.wait(request_id)
        if not envelope["success"]:
            raise Refused(envelope)
        data: dict[str, Any] = envelope["data"]
        return data

    def submit(self, request_id: str, command: str, args: dict[str, Any]) -> None:
        """The request lies in the inbox, whole: the host takes no file that begins with a dot."""
        request = {
            "contract_version": "1.3.0",
            "correlation_id": request_id,
            "command": command,
            "args": args,
            "policy": POLICY,
        }
        temporary = self.inbox / f".{request_id}.tmp"
        temporary.write_text(json.dumps(request), encoding="utf-8")
        temporary.rename(self.inbox / f"{request_id}.json")

    def wait(self, request_id: str) -> dict[str, Any]:
        """The envelope that answers the request. It appears whole, so there is nothing to retry."""
        reply = self.outbox / f"{request_id}.json"
        deadline = time.monotonic() + REPLY_TIMEOUT_S
        while not reply.exists():
            if time.monotonic() > deadline:
                worker = self.outbox / "worker.json"
                raise TimeoutError(f"no answer to {request_id}: does a worker run? See {worker}")
            time.sleep(0.005)
        envelope: dict[str, Any] = json.loads(reply.read_text(encoding="utf-8"))
        return envelope


class Orchestrator:
    """Decides what is to be done next; the host decides whether it may be."""

    def __init__(self, mailbox: Mailbox, mission: str) -> None:
        self.mailbox, self.mission = mailbox, mission
        self.steps = {
            "in_progress": self.implement,
            "for_review": self.start_review,
            "in_review": self.review,
        }

    def run(self) -> None:
        """The mission is merged. Raises: Refused, TimeoutError, RuntimeError."""
        say("contract", self.mailbox.call("contract-version")["api_version"])
        idle_rounds = 0
        while not self.is_settled():
            idle_rounds = 0 if self.advance() else idle_rounds + 1
            if idle_rounds > ROUNDS_WITHOUT_PROGRESS:
                raise RuntimeError(f"{self.mission} does not move on: look at its board")
            time.sleep(min(idle_rounds, 1))
        accepted = self.ask("accept-mission", actor=REVIEWER)
        say("accepted", ", ".join(accepted["accepted_wps"]))
        merged = self.ask("merge-mission", actor=REVIEWER)
        say("merged", f"into {merged['target_branch']} at {merged['commit'][:7]}")

    def is_settled(self) -> bool:
        """Whether nothing is left to do but to accept and to merge."""
        return all(wp["lane"] in ("approved", "done", "canceled") for wp in self.packages())

    def advance(self) -> bool:
        """Every package has gone one step where it could; whether any did."""
        moved = False
        for wp, step in [*self.steps_at_hand()]:
            try:
                step(wp)
                moved = True
            except Refused as refusal:
                # Another time perhaps, as a new request: the next round looks where things stand.
                if not refusal.is_retryable:
                    raise
                say(wp, str(refusal))
        return moved

    def steps_at_hand(self) -> Iterator[tuple[str, Any]]:
        """What can be done now: whatever is ready is begun, whatever was begun goes on."""
        for wp in self.ask("list-ready")["ready_work_packages"]:
            yield wp["wp_id"], self.start
        for wp in self.packages():
            if wp["lane"] in self.steps:
                yield wp["wp_id"], self.steps[wp["lane"]]

    def start(self, wp: str) -> None:
        """The package is ours, and its worktree is ready."""
        place = self.ask("start-implementation", wp=wp, actor=IMPLEMENTER)
        say(wp, f"started on {place['lane_branch']}")

    def implement(self, wp: str) -> None:
        """The agent has worked and committed; the package waits for review."""
        # Started again by the same actor, a package in progress just says where it is worked on.
        place = self.ask("start-implementation", wp=wp, actor=IMPLEMENTER)
        run_agent("implement", place)
        # Our word counts for packages without subtasks. Where there are, the host counts them itself.
        self.move(wp, to="for_review", actor=IMPLEMENTER, subtasks_complete=True)

    def start_review(self, wp: str) -> None:
        """The review is ours."""
        self.ask("start-review", wp=wp, actor=REVIEWER)
        say(wp, "under review")

    def review(self, wp: str) -> None:
        """The package is approved, or back at work."""
        place = self.ask("resolve-workspace", wp=wp)
        complaint = run_agent("review", place)
        result = {
            "reviewer": REVIEWER,
            "verdict": "changes_requested" if complaint else "approved",
            "reference": complaint or f"trial of {wp}",
        }
        if complaint:
            self.move(wp, to="in_progress", actor=REVIEWER, review_result=result)
            say(wp, f"rejected: {complaint}")
        else:
            evidence = {"review": result}
            self.move(wp, to="approved", actor=REVIEWER, review_result=result, evidence=evidence)

    def packages(self) -> list[dict[str, Any]]:
        """Where every package stands."""
        packages: list[dict[str, Any]] = self.ask("mission-state")["work_packages"]
        return packages

    def move(self, wp: str, **args: Any) -> None:
        """The package has moved to another lane."""
        moved = self.ask("transition", wp=wp, **args)
        say(wp, f"{moved['from_lane']} -> {moved['to_lane']}")

    def ask(self, command: str, **args: Any) -> dict[str, Any]:
        """The data of the host's answer about our mission. Raises: as `Mailbox.call`."""
        return self.mailbox.call(command, mission=self.mission, **args)


def run_agent(task: str, place: dict[str, Any]) -> str:
    """What the agent said against the work; empty when all is well, or the work is out of sight.

    Raises: RuntimeError when the agent did not end as agents do.
    """
    if not Path(place["workspace_path"]).is_dir():
        return ""
    done = subprocess.run(
        [*AGENT, task, place["prompt_path"]],
        cwd=place["workspace_path"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in (0, 1) or done.stderr:
        raise RuntimeError(f"the agent failed at {task}: {done.stderr.strip()}")
    return done.stdout.strip()


def say(who: str, what: str) -> None:
    """A line of progress for whoever looks on."""
    print(f"  {who:9} {what}", flush=True)


def main(inbox: str, outbox: str, mission: str) -> int:
    """0 when the mission is merged."""
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
