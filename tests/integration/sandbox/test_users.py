"""Two users with a mailbox each: neither can use the other's, and each has only what it was granted."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from tests.integration.sandbox import users
from tests.integration.sandbox.bubblewrap import EXAMPLES
from tests.integration.sandbox.conftest import await_files, grant, plan, serve
from tests.integration.sandbox.users import ALICE, BOB, Place
from tests.integration.sandbox.workspaces import Workspace
from tests.integration.stage import POLICY, SLUG, outcome

GRANTS = f"""\
[orchestrators.alice]
commands = ["read-only", "append-history"]
missions = ["001-*"]
actors = ["alice-*"]
uid = {ALICE}
[orchestrators.alice.quota]
max_waiting = 3
max_request_bytes = 1000
[orchestrators.bob]
commands = ["read-only"]
uid = {BOB}
"""
NOTE = {"mission": SLUG, "wp": "WP01", "note": "n"}


@pytest.fixture
def place() -> Iterator[Place]:
    """A mission, grants for both users, and a worker."""
    with users.place() as made:
        plan(made.stage)
        grant(made.stage, GRANTS)
        serve(made.stage, "bob")
        yield made


def test_each_user_is_answered_in_their_own_mailbox_by_their_own_grants(place: Place):
    taken = place.ask(ALICE, "alice", "one", "append-history", actor="alice-1", **NOTE)
    looked = place.ask(BOB, "bob", "one", "mission-state", mission=SLUG)
    codes = [
        place.ask(ALICE, "alice", "two", "append-history", actor="bob", **NOTE)["error_code"],
        place.ask(BOB, "bob", "two", "append-history", actor="bob", **NOTE)["error_code"],
    ]

    assert taken["success"], taken
    assert looked["success"], looked
    assert codes == ["NOT_AUTHORIZED", "NOT_AUTHORIZED"]
    told = [(line["identity"], line["correlation_id"]) for line in place.stage.journal()]
    assert told == [("alice", "one"), ("bob", "one"), ("alice", "two"), ("bob", "two")]
    assert place.stage.run("mailbox", "verify").exit_code == 0


@pytest.mark.parametrize(
    "script",
    [
        "echo {} >/inbox/planted.json",
        "ls /inbox",
        "ls /outbox",
        "cat /outbox/worker.json",
        "echo {} >/outbox/planted.json",
    ],
)
def test_mailbox_of_another_user_is_inaccessible_even_if_bound(place: Place, script: str):
    code, said = place.run(ALICE, "bob", ["sh", "-ec", script])

    assert code != 0, said
    assert "ermission denied" in said or "Read-only file system" in said


@pytest.mark.parametrize(
    "script",
    [
        "echo {{}} >{inbox}/../bob/planted.json",
        "echo {{}} >{inbox}/../planted.json",
        "echo {{}} >{outbox}/planted.json",
        "rm {outbox}/worker.json",
        "cat {outbox}/../../config.toml",
        "ls {outbox}/../../../.git/spec-kitty",
    ],
)
def test_user_has_no_more_access_outside_a_sandbox(place: Place, script: str):
    inbox, outbox = place.mailbox("alice")
    words = ["sh", "-ec", script.format(inbox=inbox, outbox=outbox)]

    done = subprocess.run([*users.as_user(ALICE), *words], capture_output=True, check=False)

    assert b"ermission denied" in done.stderr


def test_request_owned_by_another_user_is_refused(place: Place):
    inbox, outbox = place.mailbox("alice")

    users.put(inbox, "forged", "mission-state", uid=BOB, mission=SLUG)

    asked = users.request("mine", "mission-state", {"mission": SLUG})
    assert place.ask(ALICE, "alice", "mine", asked["command"], **asked["args"])["success"]
    codes = {
        line["correlation_id"]: line["envelope"]["error_code"] for line in place.stage.journal()
    }
    assert codes == {"forged": "NOT_AUTHORIZED", "mine": None}
    assert (outbox / "forged.json").exists()


def test_requests_beyond_the_quota_and_too_large_ones_are_refused(place: Place):
    # Without a worker all requests wait.
    for worker in place.stage.started:
        worker.terminate()
        outcome(worker)
    inbox, outbox = place.mailbox("alice")
    for number in range(5):
        users.put(inbox, f"waiting-{number}", "mission-state", uid=ALICE, mission=SLUG)
    users.put(place.mailbox("bob")[0], "waiting", "mission-state", uid=BOB, mission=SLUG)

    serve(place.stage, "bob")
    large = place.ask(ALICE, "alice", "large", "mission-state", mission="x" * 1000)
    await_files([outbox / f"waiting-{number}.json" for number in range(5)])
    await_files([place.mailbox("bob")[1] / "waiting.json"])

    assert large["error_code"] == "REQUEST_TOO_LARGE"
    codes = [
        line["envelope"]["error_code"]
        for line in place.stage.journal()
        if line["correlation_id"].startswith("waiting-")
    ]
    assert sorted(codes, key=str) == [None, None, None, "STORAGE_FAILED", "STORAGE_FAILED"]


def test_agent_of_another_user_works_in_the_workspace_made_for_it():
    """From start to submission, by a user other than the host's, only in sandboxes."""
    with users.place() as place:
        place.stage.write_mission({"WP01": {"owned_files": ["index.py"]}})
        place.stage.git("add", "kitty-specs")
        place.stage.git("commit", "-q", "-m", "plan")
        grants = f'[orchestrators.alice]\ncommands = ["all"]\nuid = {ALICE}\n'
        grant(place.stage, grants)
        serve(place.stage, "alice")
        at = {"mission": SLUG, "wp": "WP01", "actor": "alice-1"}
        begun = place.ask(ALICE, "alice", "start", "start-implementation", policy=POLICY, **at)
        assert begun["success"], begun
        agent = Workspace(
            stage=place.stage, owner=ALICE, script=place.carried(EXAMPLES / "in-sandbox.sh")
        )
        assert str(agent.path) == begun["data"]["workspace_path"]

        work = (
            "echo work >index.py && git add index.py && git commit -q -m work && git fetch project"
        )
        ended = agent.inside(work)
        assert ended.exit_code == 0, ended
        submitted = place.ask(
            ALICE, "alice", "done", "transition", to="for_review", policy=POLICY, **at
        )

        assert submitted["success"], submitted
        assert agent.path.stat().st_uid == ALICE
        branch = f"kitty/mission-{SLUG}-lane-a"
        assert place.stage.git("log", "-1", "--format=%s", branch) == "work"
