"""In whatever order packages are worked on, a merge includes exactly the approved work.

Every file that an agent commits is named after its package, so that a tree shows
whose work it contains.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.fuzz.requests_and_answers import MEMORY
from tests.integration.stage import APPROVED, SLUG, Stage

PACKAGES: dict[str, dict[str, Any]] = {
    "WP01": {"owned_files": ["src/**"]},
    "WP02": {"owned_files": ["src/**"]},
    "WP03": {"owned_files": ["docs/**"], "dependencies": ["WP01"]},
    "WP04": {"owned_files": ["docs/**"]},
}
LANE = {"WP01": "lane-a", "WP02": "lane-a", "WP03": "lane-b", "WP04": "lane-b"}
FOLDER = {"lane-a": "src", "lane-b": "docs"}
OCCUPYING = {"claimed", "in_progress", "for_review", "in_review"}
AT_WORK = OCCUPYING - {"claimed"}
SETTLED = {"approved", "canceled"}
BACK = {"planned", "blocked", "canceled"}
NOW: dict[str, Any] = {"force": True, "note": "because"}

EXAMPLES = int(os.environ.get("SPEC_KITTY_MODEL_EXAMPLES", "6"))
"""Number of examples in one run; a campaign sets a higher one."""

packages = st.sampled_from(sorted(PACKAGES))
lanes = st.sampled_from(sorted(FOLDER))


class Approvals(RuleBasedStateMachine):
    """A real project, and a model of each package's status lane, submitted files and approved files."""

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp(dir=MEMORY))
        self.stage = Stage(root=self.home / "project")
        self.stage.make_repository()
        self.stage.write_mission(PACKAGES)
        self.lane = dict.fromkeys(PACKAGES, "planned")
        self.last: dict[str, str] = {}
        self.submitted: dict[str, set[str]] = {}
        self.approved: dict[str, set[str]] = {}
        self.count = 0

    def teardown(self) -> None:
        try:
            self._merge("merge")
        finally:
            shutil.rmtree(self.home)

    # Actions of agents, reviewers and people.

    @rule(wp_id=packages)
    def start(self, wp_id: str) -> None:
        answer = self.stage.ask("start-implementation", mission=SLUG, wp=wp_id, actor=wp_id)
        needs = PACKAGES[wp_id].get("dependencies", [])
        can_begin = self.lane[wp_id] in {"planned", "claimed"} and self._is_free(wp_id)
        can_begin = can_begin and all(self.lane[x] in SETTLED for x in needs)
        assert answer["success"] == (can_begin or self.lane[wp_id] == "in_progress"), answer
        if can_begin:
            self._entered(wp_id, "in_progress")

    @rule()
    def start_all_that_one_listing_names(self) -> None:
        listed = self.stage.done("list-ready", mission=SLUG)["ready_work_packages"]
        for wp_id in [it["wp_id"] for it in listed]:
            self.stage.done("start-implementation", mission=SLUG, wp=wp_id, actor=wp_id)
            self._entered(wp_id, "in_progress")

    @rule(wp_id=packages)
    def claim(self, wp_id: str) -> None:
        if self._move(wp_id, "claimed", actor=wp_id):
            self._entered(wp_id, "claimed")

    @rule(lane_id=lanes)
    @precondition(lambda self: any(self._workspace(x).is_dir() for x in FOLDER))
    def commit(self, lane_id: str) -> None:
        """Commit at any time: also after a submission, an approval or a rejection."""
        workspace = self._workspace(lane_id)
        if workspace.is_dir() and lane_id in self.last:
            self.count += 1
            name = f"{FOLDER[lane_id]}/{self.last[lane_id]}-{self.count}.txt"
            self.stage.commit({name: "work\n"}, folder=workspace)

    @rule(lane_id=lanes, far=st.booleans())
    def reset(self, lane_id: str, far: bool) -> None:
        workspace = self._workspace(lane_id)
        if workspace.is_dir():
            newest = self.stage.git("rev-list", "--max-count=2", "HEAD", folder=workspace).split()
            goal = "main" if far else newest[-1]
            self.stage.git("reset", "-q", "--hard", goal, folder=workspace)

    @rule(lane_id=lanes)
    def lose_branch(self, lane_id: str) -> None:
        """Only for an execution lane whose work is all approved: other work cannot be restored."""
        mates = [x for x in PACKAGES if LANE[x] == lane_id]
        if self._workspace(lane_id).is_dir() and all(
            self.lane[x] in {"approved", "planned", "canceled"} for x in mates
        ):
            shutil.rmtree(self._workspace(lane_id))
            self.stage.git("branch", "-q", "-D", f"kitty/mission-{SLUG}-{lane_id}")
            self.stage.git("gc", "-q", "--prune=now")

    @rule(wp_id=packages)
    def submit(self, wp_id: str) -> None:
        files = self._files(f"kitty/mission-{SLUG}-{LANE[wp_id]}", wp_id)
        if self._move(wp_id, "for_review"):
            self._entered(wp_id, "for_review")
            self.submitted[wp_id] = files

    @rule(wp_id=packages, is_good=st.booleans())
    def review(self, wp_id: str, is_good: bool) -> None:
        asked = self.stage.ask("start-review", mission=SLUG, wp=wp_id, actor="reviewer")
        assert asked["success"] == (self.lane[wp_id] in {"for_review", "in_review"}), asked
        if not asked["success"]:
            return
        self._entered(wp_id, "in_review")
        verdict = "approved" if is_good else "changes_requested"
        to = "approved" if is_good else "in_progress"
        assert self._move(wp_id, to, review_result=APPROVED | {"verdict": verdict})
        if is_good:
            self._left(wp_id, to)
            self.approved[wp_id] = self.submitted[wp_id]
        else:
            self._entered(wp_id, to)

    @rule(wp_id=packages, to=st.sampled_from(sorted(BACK)))
    def send_back(self, wp_id: str, to: str) -> None:
        if self.lane[wp_id] not in SETTLED and self._move(wp_id, to, **NOW):
            self._left(wp_id, to)

    @rule(wp_id=packages)
    def release(self, wp_id: str) -> None:
        """The next claim is by the same actor: the model names actors after packages."""
        who: dict[str, Any] = {"wp": wp_id, "actor": "person", "note": "because", "force": True}
        answer = self.stage.ask("release-claim", mission=SLUG, **who)
        assert answer["success"] == (self.lane[wp_id] in {"claimed", "in_progress"}), answer
        if answer["success"]:
            late = {"wp": wp_id, "actor": answer["data"]["released_holder"], "note": "late"}
            assert not self.stage.ask("append-history", mission=SLUG, **late)["success"]
            self._left(wp_id, "planned")

    @rule(wp_id=packages)
    def resume(self, wp_id: str) -> None:
        if self.lane[wp_id] == "blocked" and self._move(wp_id, "in_progress", actor=wp_id):
            self._entered(wp_id, "in_progress")

    @rule(wp_id=packages)
    def approve_by_force(self, wp_id: str) -> None:
        if self.lane[wp_id] != "approved" and self._move(wp_id, "approved", **NOW):
            if self.lane[wp_id] in {"for_review", "in_review"}:
                self.approved[wp_id] = self.submitted[wp_id]
            else:
                commit = self._recorded(wp_id)
                self.approved[wp_id] = self._files(commit, wp_id) if commit else set()
            self._left(wp_id, "approved")

    @rule(wp_id=packages)
    def withdraw(self, wp_id: str) -> None:
        if self.lane[wp_id] == "approved" and self._move(wp_id, "planned", review_ref="r-1"):
            self._left(wp_id, "planned")
            del self.approved[wp_id]

    @rule(strategy=st.sampled_from(["merge", "squash", "rebase"]))
    @precondition(lambda self: all(lane in SETTLED for lane in self.lane.values()))
    def merge(self, strategy: str) -> None:
        self._merge(strategy)

    @invariant()
    def one_package_at_a_time(self) -> None:
        for lane_id in FOLDER:
            at_once = [x for x in PACKAGES if LANE[x] == lane_id and self.lane[x] in OCCUPYING]
            assert len(at_once) <= 1, at_once

    @invariant()
    def the_host_has_every_package_where_the_model_has_it(self) -> None:
        for wp_id, lane in self.lane.items():
            assert self.stage.lane(wp_id) in {lane, "done"}

    # Helpers.

    def _merge(self, strategy: str) -> None:
        for wp_id, lane in self.lane.items():
            if lane not in SETTLED and self._move(wp_id, "canceled", **NOW):
                self._left(wp_id, "canceled")
        if not self.approved:
            return
        answer = self.stage.ask("merge-mission", mission=SLUG, strategy=strategy)
        assert answer["success"], answer
        merged = {x for wp_id in PACKAGES for x in self._files("main", wp_id)}
        assert merged == set().union(*self.approved.values())

    def _move(self, wp_id: str, to: str, **args: Any) -> bool:
        asked = {"actor": "person"} | args
        answer = self.stage.ask("transition", mission=SLUG, wp=wp_id, to=to, **asked)
        assert answer["error_code"] != "HOST_ERROR", answer
        return bool(answer["success"])

    def _is_free(self, wp_id: str) -> bool:
        mates = [x for x in PACKAGES if LANE[x] == LANE[wp_id] and x != wp_id]
        return all(self.lane[x] not in OCCUPYING for x in mates)

    def _entered(self, wp_id: str, lane: str) -> None:
        self.lane[wp_id] = lane
        if lane in AT_WORK:
            self.last[LANE[wp_id]] = wp_id

    def _left(self, wp_id: str, lane: str) -> None:
        self.lane[wp_id] = lane

    def _workspace(self, lane_id: str) -> Path:
        return self.stage.root / ".worktrees" / f"{SLUG}-{lane_id}"

    def _files(self, commit: str, wp_id: str) -> set[str]:
        named = self.stage.git("for-each-ref", "--format=%(refname:short)", f"refs/heads/{commit}")
        if not named and commit.startswith("kitty/"):
            return set()
        listed = self.stage.git("ls-tree", "-r", "--name-only", commit).splitlines()
        return {path for path in listed if f"/{wp_id}-" in path and not path.startswith("kitty-")}

    def _recorded(self, wp_id: str) -> str | None:
        log = self.stage.root / "kitty-specs" / SLUG / "status.events.jsonl"
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        commits = [it["commit"] for it in lines if it.get("wp_id") == wp_id and "commit" in it]
        commit: str | None = commits[-1]
        return commit


TestApprovals = Approvals.TestCase
TestApprovals.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
)
