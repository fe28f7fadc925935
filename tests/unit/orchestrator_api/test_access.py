"""A request that is not granted is refused and recorded, has no effect and reveals nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from specify_cli import bootstrap
from specify_cli.errors import StateUnreadable, StorageFailed
from specify_cli.orchestrator_api.dispatcher import Dispatcher
from tests.integration.stage import POLICY, SLUG, Stage, digest_of_tree
from tests.unit.orchestrator_api.doors import (
    KilledHost,
    answer,
    body,
    committed_before_the_answer,
    configure,
)

NIGHTLY = '[orchestrators.nightly]\ncommands = ["all"]\n'
OTHERS = '[orchestrators.other]\ncommands = ["all"]\n'
NOTE = {"mission": SLUG, "wp": "WP01", "actor": "coder", "note": "n"}
START = {"mission": SLUG, "wp": "WP01", "actor": "coder"}
REFUSED = "NOT_AUTHORIZED"


def note(**changes: Any) -> bytes:
    return body("one", "append-history", NOTE | changes)


def asked(project: Stage, raw: bytes, identity: str = "nightly") -> str | None:
    code: str | None = answer(project, raw, identity=identity)["error_code"]
    return code


@pytest.mark.parametrize("identity", ["nightly", "default", "stranger"])
def test_an_orchestrator_that_is_not_listed_may_do_nothing(project: Stage, identity: str) -> None:
    configure(project, OTHERS)
    before = digest_of_tree(project.root)
    for number, (command, args) in enumerate(
        [("contract-version", {}), ("mission-state", {"mission": SLUG}), ("append-history", NOTE)]
    ):
        stem = f"id-{number}"
        envelope = answer(project, body(stem, command, args), stem=stem, identity=identity)
        assert envelope["error_code"] == REFUSED
        assert envelope["data"]["retryable"] is False
        assert "config.toml" in envelope["data"]["message"]
    assert digest_of_tree(project.root) == before
    assert [line["identity"] for line in project.journal()] == [identity] * 3


def test_without_a_config_only_the_root_inbox_is_granted(project: Stage) -> None:
    assert asked(project, note(), "nightly") == REFUSED
    assert asked(project, note(), "default") is None


def test_the_command_line_is_not_restricted(project: Stage) -> None:
    configure(project, OTHERS)
    assert project.ask("append-history", **NOTE)["success"]


@pytest.mark.parametrize(
    ("grant", "raw", "expected"),
    [
        ('actors = ["nightly-*"]', note(), REFUSED),
        ('actors = ["nightly-*"]', note(actor="nightly-1"), None),
        ('actors = ["nightly-*"]', note(actor="Nightly-1"), REFUSED),
        ('actors = ["*"]', body("one", "merge-mission", {"mission": SLUG}), REFUSED),
        ('actors = ["nightly"]', body("one", "mission-state", {"mission": SLUG}), None),
        ('missions = ["001-*"]', note(mission="1"), None),
        ('missions = ["001-*"]', note(mission="search"), None),
        ('missions = ["search"]', note(mission="search"), REFUSED),
        ('missions = ["002-*"]', note(mission=SLUG), REFUSED),
        ('missions = ["002-*"]', note(mission="../../etc"), REFUSED),
        ('missions = ["002-*"]', note(mission="002-none"), "MISSION_NOT_FOUND"),
        ('missions = ["002-*"]', body("one", "contract-version", {}), None),
        ('policy = {network_mode = ["none"]}', note(), None),
        ('policy = {network_mode = ["full"]}', note(), REFUSED),
        ('policy = {tool_restrictions = ["x"]}', note(), REFUSED),
        ("policy = {dangerous_flags = []}", note(), None),
    ],
)
def test_a_request_is_carried_out_only_within_its_grant(
    project: Stage, grant: str, raw: bytes, expected: str | None
) -> None:
    configure(project, NIGHTLY + grant + "\n")
    before = digest_of_tree(project.root)
    assert asked(project, raw) == expected
    if expected:
        assert digest_of_tree(project.root) == before


def test_a_policy_grant_does_not_require_a_policy(project: Stage) -> None:
    configure(project, NIGHTLY + 'policy = {network_mode = ["full"]}\n')
    assert asked(project, body("one", "append-history", NOTE, policy=None)) is None


def test_a_forged_actor_is_refused_and_recorded_with_the_identity(project: Stage) -> None:
    configure(project, NIGHTLY + 'actors = ["nightly-*"]\n')
    assert asked(project, note(actor="reviewer")) == REFUSED
    line = project.journal()[0]
    assert (line["identity"], line["actor"]) == ("nightly", "reviewer")
    claimed = {"orchestrator_id": "other"}
    raw = body("two", "append-history", NOTE | {"actor": "nightly-1"}, policy=POLICY | claimed)
    assert answer(project, raw, stem="two", identity="nightly")["success"]
    assert project.events()[0]["identity"] == "nightly"


def test_the_id_of_another_orchestrator_does_not_return_its_answer(project: Stage) -> None:
    configure(project, OTHERS + '[orchestrators.nightly]\ncommands = ["read-only"]\n')
    theirs = answer(project, note(), identity="other")
    assert theirs["success"]
    mine = answer(project, note(), identity="nightly")
    assert mine["error_code"] == REFUSED
    assert theirs["data"]["history_entry_id"] not in json.dumps(mine)
    assert len(project.events()) == 1


def test_refusals_do_not_reveal_missions_that_are_not_granted(project: Stage) -> None:
    project.write_mission({}, slug="002-secret")
    project.write_mission({}, slug="001-secret")
    configure(project, NIGHTLY + 'missions = ["001-*"]\n')
    for number, mission in enumerate(["secret", "002-secret", "2", "001-x", "002-x", "1"]):
        stem = f"id-{number}"
        raw = body(stem, "mission-state", {"mission": mission})
        envelope = answer(project, raw, stem=stem, identity="nightly")
        assert not envelope["success"]
        told = envelope["data"]["message"].replace(repr(mission), "")
        assert "secret" not in told
        assert SLUG not in told


def test_an_ambiguous_selector_lists_only_granted_missions(project: Stage) -> None:
    project.write_mission({}, slug="secret-1", mission_number=1)
    configure(project, NIGHTLY + 'missions = ["001-*", "1"]\n')
    envelope = answer(project, body("one", "mission-state", {"mission": "1"}), identity="nightly")
    assert envelope["error_code"] == "MISSION_AMBIGUOUS"
    assert envelope["data"]["candidates"] == [SLUG]
    assert "secret" not in json.dumps(envelope)


@pytest.mark.parametrize("config", [OTHERS, NIGHTLY + 'missions = ["002-*"]\n'])
@pytest.mark.parametrize(
    ("command", "args"), [("append-history", NOTE), ("start-implementation", START)]
)
def test_an_interrupted_request_is_completed_after_its_grant_is_withdrawn(
    project: Stage, config: str, command: str, args: dict[str, Any]
) -> None:
    configure(project, NIGHTLY)
    raw = body("one", command, args)
    with pytest.raises(StorageFailed), committed_before_the_answer():
        Dispatcher(KilledHost(project.root)).answer_bytes(raw, stem="one", identity="nightly")
    events = project.events()
    assert events
    configure(project, config)
    other = body("one", command, args | {"actor": "other"})
    assert asked(project, other) == "CORRELATION_ID_CONFLICT"
    assert asked(project, raw) is None
    assert project.events() == events
    assert project.journal()[-1]["event_ids"] == [event["event_id"] for event in events]
    assert answer(project, raw, identity="other")["error_code"] != "CORRELATION_ID_CONFLICT"
    again = body("two", command, args)
    assert answer(project, again, stem="two", identity="nightly")["error_code"] == REFUSED


def test_an_interrupted_merge_is_completed_after_its_grant_is_withdrawn(
    project: Stage,
) -> None:
    project.approve("WP01", {"one.txt": "1\n"})
    project.approve("WP02", {"two.txt": "2\n"})
    configure(project, NIGHTLY)
    raw = body("one", "merge-mission", {"mission": SLUG})
    with pytest.raises(StorageFailed):
        Dispatcher(KilledHost(project.root)).answer_bytes(raw, stem="one", identity="nightly")
    merged = project.git("rev-parse", "main")
    configure(project, OTHERS)
    assert answer(project, raw, identity="nightly")["data"]["commit"] == merged


def test_replies_and_journal_have_paths_as_the_orchestrator_sees_them(project: Stage) -> None:
    configure(project, NIGHTLY + 'paths = {".worktrees" = "/sandbox/trees"}\n' + OTHERS)
    mine = answer(project, body("one", "start-implementation", START), identity="nightly")
    assert mine["data"]["workspace_path"] == f"/sandbox/trees/{SLUG}-lane-a"
    assert mine["data"]["prompt_path"].startswith(str(project.root))
    assert project.journal()[0]["envelope"] == mine
    raw = body("one", "resolve-workspace", {"mission": SLUG, "wp": "WP01"})
    theirs = answer(project, raw, identity="other")
    assert theirs["data"]["workspace_path"].startswith(str(project.root))
    configure(project, NIGHTLY)
    assert answer(project, body("one", "start-implementation", START), identity="nightly") == mine


def test_with_a_damaged_config_no_request_is_answered(project: Stage) -> None:
    configure(project, "damaged")
    with pytest.raises(StateUnreadable):
        answer(project, note(), identity="default")
    assert project.events() == []
    assert not (project.root / ".kitty" / "outbox" / "journal.jsonl").exists()


# The mission that is checked is the one that is used.


def link_away(meta: Path) -> None:
    elsewhere = meta.parents[2] / "elsewhere.json"
    meta.rename(elsewhere)
    meta.symlink_to(elsewhere)


def enlarge(meta: Path) -> None:
    meta.write_text(meta.read_text() + " " * 100_000)


def replace_by_fifo(meta: Path) -> None:
    meta.unlink()
    os.mkfifo(meta)


@pytest.mark.parametrize("change", [link_away, enlarge, replace_by_fifo])
@pytest.mark.parametrize("selector", ["1", "1x"])
def test_a_numeric_glob_does_not_grant_the_mission_with_that_number(
    project: Stage, change: Callable[[Path], None], selector: str
) -> None:
    change(project.root / "kitty-specs" / SLUG / "meta.json")
    configure(project, NIGHTLY + 'missions = ["1*"]\n')
    before = digest_of_tree(project.root)
    assert asked(project, note(mission=selector)) in {REFUSED, "MISSION_NOT_FOUND"}
    assert digest_of_tree(project.root) == before
    assert project.events() == []


def test_a_mission_that_takes_the_number_after_the_lookup_is_not_used(project: Stage) -> None:
    project.write_mission({"WP01": {}}, slug="002-other")
    missions = project.root / "kitty-specs"
    raw = note(mission="1")
    dispatcher = bootstrap.dispatcher(project.root)
    lookup = dispatcher.look_up(raw)
    (missions / SLUG).rename(missions / "003-search")
    (missions / "002-other").rename(missions / "001-other")
    answer = dispatcher.answer_bytes(raw, stem="one", identity="default", lookup=lookup)
    assert answer.envelope["error_code"] == "MISSION_NOT_FOUND"
    assert project.events("001-other") == project.events("003-search") == []


def test_a_mission_created_after_the_lookup_is_not_used(project: Stage) -> None:
    configure(project, NIGHTLY + 'missions = ["0*", "7"]\n')
    raw = note(mission="7")
    dispatcher = bootstrap.dispatcher(project.root)
    lookup = dispatcher.look_up(raw)
    project.write_mission({"WP01": {}}, slug="007-secret")
    answer = dispatcher.answer_bytes(raw, stem="one", identity="nightly", lookup=lookup)
    assert answer.envelope["error_code"] == "MISSION_NOT_FOUND"
    assert project.events("007-secret") == []


# Branches that a merge may move.


def merge(**more: Any) -> bytes:
    return body("one", "merge-mission", {"mission": SLUG, "actor": "coder"} | more)


@pytest.mark.parametrize(
    ("grant", "args", "expected"),
    [
        ("", {"target": "production", "push": True}, REFUSED),
        ("", {"target": "production"}, REFUSED),
        ("", {"target": "no-such-branch"}, REFUSED),
        ("", {"push": True}, REFUSED),
        ("", {"target": "Main"}, REFUSED),
        ("", {"target": " main"}, REFUSED),
        ("", {"target": "main^{}"}, REFUSED),
        ("", {"target": "refs/heads/main"}, REFUSED),
        ("", {"target": "HEAD"}, REFUSED),
        ("", {"target": "m*"}, REFUSED),
        ("", {}, "PREFLIGHT_FAILED"),
        ("", {"target": "main"}, "PREFLIGHT_FAILED"),
        ("push = true", {"push": True}, "PREFLIGHT_FAILED"),
        ("push = true", {"target": "production", "push": True}, REFUSED),
        ('targets = ["prod*"]', {}, REFUSED),
        ('targets = ["prod*"]', {"target": "production"}, "PREFLIGHT_FAILED"),
        ('targets = ["prod*"]', {"target": "production", "push": True}, REFUSED),
    ],
)
def test_a_merge_moves_and_pushes_only_granted_branches(
    project: Stage, grant: str, args: dict[str, Any], expected: str
) -> None:
    project.git("branch", "production")
    configure(project, NIGHTLY + 'missions = ["001-*"]\n' + grant + "\n")
    before = project.git("for-each-ref")
    assert asked(project, merge(**args)) == expected
    assert project.git("for-each-ref") == before


def test_refusing_a_target_does_not_reveal_existing_branches(project: Stage) -> None:
    project.git("branch", "production")
    configure(project, NIGHTLY)
    told = [
        answer(
            project,
            body(stem, "merge-mission", {"mission": SLUG, "target": target}),
            stem=stem,
            identity="nightly",
        )
        for stem, target in (("one", "production"), ("two", "nowhere"))
    ]
    words = [envelope["data"]["message"] for envelope in told]
    assert words[0].replace("production", "nowhere") == words[1]
    assert "main" not in words[0]


def test_without_grants_and_at_the_command_line_any_target_is_allowed(project: Stage) -> None:
    project.git("branch", "production")
    args = {"target": "production"}
    assert asked(project, merge(**args), "default") == "PREFLIGHT_FAILED"
    configure(project, NIGHTLY)
    asked_here = project.ask("merge-mission", mission=SLUG, **args)
    assert asked_here["error_code"] == "PREFLIGHT_FAILED"


@pytest.fixture(scope="module")
def mergeable(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """A mission whose packages are all approved; shared by tests of refusals, which do not change it."""
    made = Stage(root=tmp_path_factory.mktemp("mergeable") / "project")
    made.make_repository()
    made.write_mission({"WP01": {}, "WP02": {"dependencies": ["WP01"]}})
    made.git("symbolic-ref", "refs/heads/alias", "refs/heads/main")
    made.approve("WP01", {"one.txt": "1\n"})
    made.approve("WP02", {"two.txt": "2\n"})
    return made


@pytest.mark.parametrize(
    "target",
    ["main^{}", "main~0", "main@{0}", " main", "refs/heads/main", "m*", "HEAD", "alias", "a\0b"],
)
def test_a_target_must_be_the_plain_name_of_a_branch(mergeable: Stage, target: str) -> None:
    before = mergeable.git("for-each-ref")
    refusal = mergeable.ask("merge-mission", mission=SLUG, target=target)
    assert refusal["error_code"] == "PREFLIGHT_FAILED"
    assert mergeable.git("for-each-ref") == before
