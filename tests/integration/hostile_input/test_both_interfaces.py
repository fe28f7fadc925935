"""Hostile, damaged or missing input gets exactly one envelope, and nothing is half written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.campaign import sampled
from tests.integration.stage import (
    POLICY,
    SLUG,
    TIMEOUT_S,
    Outcome,
    Stage,
    digest_of_tree,
    environment,
    flags,
    outcome,
)

pytestmark = pytest.mark.long

CHANGING: Mapping[str, Mapping[str, str]] = {
    "start-implementation": {"wp": "WP01", "actor": "coder"},
    "append-history": {"wp": "WP01", "actor": "coder", "note": "n"},
    "merge-mission": {"actor": "coder"},
    "accept-mission": {"actor": "coder"},
}
READING: Mapping[str, Mapping[str, str]] = {
    "mission-state": {},
    "list-ready": {},
    "resolve-workspace": {"wp": "WP01"},
}
EVERY = {**CHANGING, **READING}
NO_MISSION = [
    "../../etc",
    "/etc",
    "..",
    ".",
    "kitty-specs/001-search",
    "x" * 10_000,
    "9" * 10_000,
    "001-search/",
    "\x1b[31m",
    "-",
    " ",
    "*",
]


@pytest.fixture
def mission(stage: Stage) -> Path:
    return stage.write_mission({"WP01": {}, "WP02": {"dependencies": ["WP01"]}})


def by_command_line(
    stage: Stage, command: str, *, mission: str = SLUG, cwd: Path | None = None
) -> str | None:
    """Return the code of the one envelope; check that nothing but `.kitty` was touched."""
    policy = POLICY if command == "start-implementation" else None
    words = [command, *flags(mission=mission, policy=policy, **EVERY[command])]
    before = digest_of_tree(stage.root)
    answer = stage.api(*words, cwd=cwd)
    assert digest_of_tree(stage.root) == before
    assert b"Traceback" not in answer.stdout + answer.stderr
    assert answer.stderr == b""
    return answer.code


def by_mailbox(stage: Stage, requests: Mapping[str, tuple[str, str]]) -> dict[str, str | None]:
    """Let one worker answer all; return stem to code; check that nothing but `.kitty` was touched."""
    for stem, (command, mission) in requests.items():
        policy = POLICY if command == "start-implementation" else None
        stage.put(stem, command, policy=policy, mission=mission, **EVERY[command])
    before = digest_of_tree(stage.root)
    done = stage.run("mailbox", "serve", "--once")
    assert digest_of_tree(stage.root) == before
    assert done.exit_code == 0
    assert b"Traceback" not in done.stderr
    return {stem: stage.reply(stem)["error_code"] for stem in requests}


def at_both_doors(stage: Stage, *commands: str) -> set[str | None]:
    """The codes that the commands return at both interfaces."""
    requests = {f"id-{command}": (command, SLUG) for command in commands}
    codes = {by_command_line(stage, command) for command in commands}
    return codes | set(by_mailbox(stage, requests).values())


# Names.


@pytest.mark.parametrize("name", sampled(NO_MISSION, every=3))
def test_command_line_reports_invalid_mission_names_as_not_found(
    stage: Stage, mission: Path, name: str
) -> None:
    for command in ("mission-state", "append-history"):
        assert by_command_line(stage, command, mission=name) == "MISSION_NOT_FOUND"


def test_mailbox_reports_invalid_mission_names_as_not_found(stage: Stage, mission: Path) -> None:
    names = [*NO_MISSION, "001-search\0", "\0", "\u202e", "a\nb"]
    requests = {
        f"{command}-{number}": (command, name)
        for number, name in enumerate(names)
        for command in EVERY
    }
    assert set(by_mailbox(stage, requests).values()) == {"MISSION_NOT_FOUND"}


@pytest.mark.parametrize(
    "wp", ["../WP01", "wp01", "WP", "WP01\n", "x" * 10_000, "WP\u0660\u0661", "WP99"]
)
def test_invalid_package_names_are_reported_as_not_found(
    stage: Stage, mission: Path, wp: str
) -> None:
    before = digest_of_tree(stage.root)
    for command in ("resolve-workspace", "append-history", "start-implementation"):
        args = {**EVERY[command], "wp": wp}
        assert stage.ask(command, mission=SLUG, **args)["error_code"] == "WP_NOT_FOUND"
    assert digest_of_tree(stage.root) == before


@pytest.mark.parametrize("hostile", [b"\xff\xfe", b"a\xffb"])
def test_arguments_that_are_not_utf_8_are_usage_errors(
    stage: Stage, mission: Path, hostile: bytes
) -> None:
    for flag in (b"--mission", b"--nonsense", b"--correlation-id"):
        words = [os.fsdecode(flag), os.fsdecode(hostile)]
        assert stage.api("merge-mission", *words).code == "USAGE_ERROR"


# Damaged files.


DAMAGES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "meta that is no JSON": ("meta.json", lambda path: path.write_text('{"mission_slug": ')),
    "meta that is a list": ("meta.json", lambda path: path.write_text("[]")),
    "meta that is no text": ("meta.json", lambda path: path.write_bytes(b"\xff\0")),
    "a damaged line in the middle of the log": (
        "status.events.jsonl",
        lambda path: path.write_text('{"kind":"x"}\n{"half\n{"kind":"x"}\n'),
    ),
    "a prompt with a damaged header": (
        "tasks/WP01-step.md",
        lambda path: path.write_text("---\ndependencies: [\n---\n"),
    ),
    "a prompt with an impossible date": (
        "tasks/WP01-step.md",
        lambda path: path.write_text("---\ncreated: 2026-02-31\n---\n"),
    ),
    "a checklist that is no text": ("tasks.md", lambda path: path.write_bytes(b"\xff")),
}


@pytest.mark.parametrize("damage", sampled(DAMAGES, every=3))
def test_damaged_file_is_reported_as_unreadable_by_name(
    stage: Stage, mission: Path, damage: str
) -> None:
    name, apply = DAMAGES[damage]
    apply(mission / name)
    assert at_both_doors(stage, "mission-state", "start-implementation") == {"STATE_UNREADABLE"}
    for command, args in EVERY.items():
        answer = stage.ask(command, mission=SLUG, **args)
        assert answer["error_code"] == "STATE_UNREADABLE"
        assert answer["data"]["file"] == str(mission / name)


def test_damaged_lanes_json_is_reported_as_unreadable(stage: Stage, mission: Path) -> None:
    (mission / "lanes.json").write_text('{"lanes": [{"lane_id": "../../out"}]}')
    for command in ("mission-state", "resolve-workspace", "start-implementation"):
        answer = stage.ask(command, mission=SLUG, **EVERY[command])
        assert answer["error_code"] == "STATE_UNREADABLE"


def test_damaged_mission_does_not_block_other_missions(stage: Stage, mission: Path) -> None:
    other = stage.write_mission({}, slug="002-other")
    (other / "meta.json").write_text("{")
    assert stage.ask("mission-state", mission="search")["success"]
    assert stage.ask("append-history", mission="1", **EVERY["append-history"])["success"]


# Missing projects and repositories.


@pytest.fixture
def empty(tmp_path: Path) -> Stage:
    made = Stage(root=tmp_path / "elsewhere")
    made.root.mkdir()
    return made


def test_commands_outside_a_project_find_no_mission_and_create_nothing(empty: Stage) -> None:
    for command in EVERY:
        assert by_command_line(empty, command) == "MISSION_NOT_FOUND"
    assert list(empty.root.iterdir()) == []
    served = empty.run("mailbox", "serve", "--once")
    assert (served.exit_code, served.stdout) == (1, b"")
    assert b"Traceback" not in served.stderr


def test_invalid_specify_repo_root_finds_no_mission(stage: Stage, mission: Path) -> None:
    for value in ("/no/such/folder", "x" * 10_000, "/etc/passwd"):
        env = environment(SPECIFY_REPO_ROOT=value)
        answer = stage.api("mission-state", *flags(), env=env)
        assert answer.code == "MISSION_NOT_FOUND"


def test_deleted_working_directory_gets_an_envelope(stage: Stage) -> None:
    gone = stage.root / "gone"
    gone.mkdir()
    script = 'rmdir "$PWD" && exec "$0" "$@"'
    words = ["-m", "specify_cli", "orchestrator-api", "mission-state", "--mission", "1"]
    process = subprocess.Popen(
        ["sh", "-c", script, sys.executable, *words],
        cwd=gone,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    answer = outcome(process)
    assert answer.code == "MISSION_NOT_FOUND"
    assert b"Traceback" not in answer.stderr


def test_start_and_merge_are_refused_without_a_repository(empty: Stage) -> None:
    empty.write_mission({"WP01": {}})
    assert by_command_line(empty, "mission-state") is None
    assert by_command_line(empty, "start-implementation") == "LANE_ALLOCATION_FAILED"
    for command in ("accept-mission", "merge-mission"):
        assert by_command_line(empty, command) == "PREFLIGHT_FAILED"
    assert empty.events() == []


def test_start_and_merge_are_refused_in_a_repository_without_commits(empty: Stage) -> None:
    empty.git("init", "-q", "-b", "main")
    empty.write_mission({"WP01": {}})
    assert at_both_doors(empty, "mission-state") == {None}
    assert at_both_doors(empty, "start-implementation") == {"LANE_ALLOCATION_FAILED"}
    assert at_both_doors(empty, "accept-mission", "merge-mission") == {"PREFLIGHT_FAILED"}
    assert empty.events() == []


# Refusals leave no trace.


def test_refused_start_leaves_no_event_and_no_workspace(stage: Stage, mission: Path) -> None:
    stage.git("branch", "other")
    before = digest_of_tree(stage.root)
    for args, code in {
        ("WP02", "coder"): "DEPENDENCIES_NOT_SATISFIED",
        ("WP09", "coder"): "WP_NOT_FOUND",
        ("WP01", " "): "USAGE_ERROR",
    }.items():
        wp, actor = args
        answer = stage.ask("start-implementation", mission=SLUG, wp=wp, actor=actor)
        assert answer["error_code"] == code
    assert digest_of_tree(stage.root) == before


def test_start_whose_workspace_cannot_be_created_leaves_no_event(
    stage: Stage, mission: Path
) -> None:
    (stage.root / ".worktrees").write_text("in the way")
    answer = stage.ask("start-implementation", mission=SLUG, **EVERY["start-implementation"])
    assert answer["error_code"] == "LANE_ALLOCATION_FAILED"
    assert answer["data"]["reason"]
    assert stage.events() == []
    assert stage.lane("WP01") == "planned"


def test_refused_merge_and_acceptance_change_nothing(stage: Stage, mission: Path) -> None:
    for command, code in {
        "merge-mission": "PREFLIGHT_FAILED",
        "accept-mission": "MISSION_NOT_READY",
    }.items():
        assert by_command_line(stage, command) == code


# Links.


def test_kitty_folder_that_is_a_symlink_is_not_followed(
    stage: Stage, mission: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (stage.root / ".kitty").symlink_to(outside)
    for command in CHANGING:
        assert by_command_line(stage, command) == "STORAGE_FAILED"
    assert by_command_line(stage, "mission-state") is None
    assert stage.run("mailbox", "serve", "--once").exit_code == 1
    assert list(outside.iterdir()) == []


def test_mission_that_is_a_symlink_out_of_the_project_is_not_found(
    stage: Stage, mission: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    mission.rename(outside)
    mission.symlink_to(outside)
    before = digest_of_tree(outside)
    assert at_both_doors(stage, *EVERY) == {"MISSION_NOT_FOUND"}
    assert digest_of_tree(outside) == before


def test_journal_that_is_a_symlink_is_not_followed(
    stage: Stage, mission: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.write_text("precious")
    (stage.root / ".kitty" / "outbox").mkdir(parents=True)
    (stage.root / ".kitty" / "outbox" / "journal.jsonl").symlink_to(outside)
    answer = stage.ask("append-history", mission=SLUG, **EVERY["append-history"])
    assert answer["error_code"] == "STORAGE_FAILED"
    assert outside.read_text() == "precious"


# A folder that cannot be written.


def read_only(stage: Stage, *words: str) -> Outcome:
    """Run the host with the project mounted read-only, also as root."""
    script = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && cd "$0" && exec "$@"'
    python = sys.executable
    command = ["unshare", "--mount", "--map-root-user", "sh", "-c", script, str(stage.root)]
    process = subprocess.Popen(
        [*command, python, "-m", "specify_cli", *words],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    stage.started.append(process)
    return outcome(process)


def test_read_only_project_can_be_read_and_refuses_changes(stage: Stage, mission: Path) -> None:
    stage.done("append-history", mission=SLUG, **EVERY["append-history"])
    before = digest_of_tree(stage.root, besides=())
    for command, args in EVERY.items():
        policy = POLICY if command == "start-implementation" else None
        answer = read_only(stage, "orchestrator-api", command, *flags(policy=policy, **args))
        assert answer.code == ("STORAGE_FAILED" if command in CHANGING else None)
        told = answer.stderr.decode().splitlines()
        assert all("cannot be read by this user" in line for line in told), told
    served = read_only(stage, "mailbox", "serve", "--once")
    assert (served.exit_code, served.stdout) == (1, b"")
    assert b"Traceback" not in served.stderr
    assert digest_of_tree(stage.root, besides=()) == before


def test_request_refused_on_a_full_disk_can_be_repeated(stage: Stage, mission: Path) -> None:
    note = {"mission": SLUG, "wp": "WP01", "actor": "coder", "note": "n" * 5000}
    stage.done("append-history", **note)
    before = digest_of_tree(stage.root)
    words = ["append-history", *flags(wp="WP01", actor="coder", note="short")]
    words += ["--correlation-id", "again"]
    script = 'ulimit -f 6; exec "$0" "$@"'
    full = subprocess.run(
        ["sh", "-c", script, sys.executable, "-m", "specify_cli", "orchestrator-api", *words],
        cwd=stage.root,
        env=environment(),
        capture_output=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    refused = json.loads(full.stdout)
    assert (full.returncode, refused["error_code"]) == (1, "STORAGE_FAILED")
    assert refused["data"]["retryable"] is True
    assert digest_of_tree(stage.root) == before
    # The change and its answer are recorded together, so the id can be used again.
    assert stage.api(*words).code is None
    assert stage.api(*words[:-1], "anew").code is None
    assert len(stage.events()) == 3
