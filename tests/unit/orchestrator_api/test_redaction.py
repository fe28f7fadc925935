"""What looks like a credential is masked everywhere, and the request is executed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from specify_cli import bootstrap, worker_setup
from specify_cli.orchestrator_api.request import Origin, Request, for_intent
from specify_cli.storage import former_intents, records
from specify_cli.storage.layout import Layout
from tests.integration.stage import SLUG, Stage
from tests.unit.orchestrator_api.doors import committed_before_the_answer

SECRET = "ghp_" + "fake" * 5
NOTE = {"mission": SLUG, "wp": "WP01", "actor": "coder", "note": f"pushed with {SECRET}"}


def everything_in(project: Stage) -> str:
    files = [path for path in project.root.rglob("*") if path.is_file()]
    return "".join(path.read_bytes().decode("latin-1") for path in files)


def test_a_credential_in_a_note_is_masked_and_reported(project: Stage) -> None:
    envelope = project.ask("append-history", **NOTE, policy=None)
    assert envelope["data"]["redacted"] == ["note"]
    assert project.events()[-1]["delta"]["note"] == "pushed with [redacted: github]"
    assert SECRET not in everything_in(project)


def test_a_note_that_only_mentions_secrets_is_unchanged(project: Stage) -> None:
    note = "the token is missing, API_KEY is read from the secret store"
    data = project.done("append-history", **(NOTE | {"note": note}), policy=None)
    assert "redacted" not in data
    assert project.events()[-1]["delta"]["note"] == note


def test_credentials_in_references_and_reviewers_are_masked(project: Stage) -> None:
    review = {
        "reviewer": SECRET,
        "verdict": "approved",
        "reference": f"https://u:{SECRET}@h.example",
    }
    data = project.done(
        "transition",
        mission=SLUG,
        wp="WP01",
        actor="coder",
        to="approved",
        force=True,
        note="n",
        evidence={"review": review},
        review_result={**review, "feedback_path": f"/tmp/{SECRET}"},
    )
    assert data["redacted"] == [
        "evidence.review.reviewer",
        "evidence.review.reference",
        "review_result.reviewer",
        "review_result.reference",
        "review_result.feedback_path",
    ]
    assert project.events()[-1]["evidence"]["review"]["reviewer"] == "[redacted: github]"
    assert SECRET not in everything_in(project)


def test_an_actor_that_looks_like_a_credential_is_refused(project: Stage) -> None:
    envelope = project.ask("append-history", **(NOTE | {"actor": SECRET}), policy=None)
    assert envelope["error_code"] == "USAGE_ERROR"
    assert SECRET not in everything_in(project) + str(envelope)


def serve(project: Stage) -> str:
    """Run a worker until the inbox is empty; return its log."""
    told: list[str] = []
    worker_setup.worker(project.root, poll_interval_s=1, log=told.append).drain()
    return "".join(told)


def drop(project: Stage, name: str, content: dict[str, Any] | bytes) -> None:
    inbox = project.root / ".kitty" / "inbox"
    inbox.mkdir(parents=True, exist_ok=True)
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    (inbox / name).write_bytes(raw)


def body(stem: str, command: str, args: dict[str, Any], **more: Any) -> dict[str, Any]:
    head = {"contract_version": "1.4.0", "correlation_id": stem, "command": command, "args": args}
    return head | more


def test_a_repeated_request_with_a_credential_has_the_same_answer(project: Stage) -> None:
    drop(project, "one.json", body("one", "append-history", NOTE))
    log = serve(project)
    first = project.reply("one")
    assert first["data"]["redacted"] == ["note"]
    drop(project, "one.json", body("one", "append-history", NOTE))
    log += serve(project)
    assert project.reply("one") == first
    assert len(project.events()) == len(project.journal()) == 1
    assert SECRET not in log + everything_in(project)


def test_a_credential_in_the_file_name_of_a_dead_letter_is_masked(
    project: Stage,
) -> None:
    args = {"mission": "001-x"}
    drop(project, f"{SECRET}.json", body("x", "mission-state", args))
    log = serve(project)
    [record] = (Layout(project.root).host / "dead-letters").glob("*.json")
    assert json.loads(record.read_bytes())["name"] == "[redacted: github].json"
    assert SECRET not in log + everything_in(project)
    assert not any(SECRET in path.name for path in project.root.rglob("*"))


@pytest.mark.parametrize(
    ("policy", "code"),
    [
        ('{"a": 1, "a": 2}', "POLICY_VALIDATION_FAILED"),
        ('{"my-secret-token": 1, "my-secret-token": 2}', "POLICY_VALIDATION_FAILED"),
        ('{"a": NaN}', "POLICY_VALIDATION_FAILED"),
        ("[" * 150 + "]" * 150, "POLICY_VALIDATION_FAILED"),
        ('"{}"', "POLICY_VALIDATION_FAILED"),
        ("5", "POLICY_VALIDATION_FAILED"),
        ('""', "POLICY_METADATA_REQUIRED"),
        ("null", "POLICY_METADATA_REQUIRED"),
    ],
)
def test_an_invalid_policy_has_the_same_code_in_the_mailbox(
    project: Stage, policy: str, code: str
) -> None:
    args = {"mission": SLUG, "wp": "WP01", "actor": "coder"}
    whole = json.dumps(body("one", "start-implementation", args, policy="HERE"))
    drop(project, "one.json", whole.replace('"HERE"', policy).encode())
    log = serve(project)
    assert project.reply("one")["error_code"] == code
    assert "my-secret-token" not in log + everything_in(project)


def test_a_call_noted_by_a_former_release_is_answered_without_its_credential(
    project: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin = Origin(door="cli", identity="uid:0")
    asked = Request(command="append-history", args=NOTE, correlation_id="one")

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    bootstrap.mailbox_layout(project.root).ensure()
    with monkeypatch.context() as patch, committed_before_the_answer():
        patch.setattr("specify_cli.storage.journal.Journal.append", killed)
        with pytest.raises(KeyboardInterrupt):
            bootstrap.dispatcher(project.root).answer(asked, origin)
    note = Layout(project.root).host / "begun" / "one.json"
    note.parent.mkdir()
    note.write_text(json.dumps(for_intent(asked.masked(), origin)))
    former_intents.take_over(records.made(Layout(project.root)), Layout(project.root))
    assert SECRET not in everything_in(project)
    bootstrap.dispatcher(project.root).settle_intents()
    [line] = project.journal()
    assert line["envelope"]["data"]["redacted"] == ["note"]
    again = bootstrap.dispatcher(project.root).answer(asked, origin)
    assert (again.envelope, again.is_repeat) == (line["envelope"], True)
    assert len(project.events()) == 1


def test_a_credential_in_an_exception_is_masked_in_the_fault_log(project: Stage) -> None:
    where = bootstrap.ProjectHost(project.root).report_fault(ValueError(f"no {SECRET}"))
    assert where.endswith("faults.log")
    assert "[redacted: github]" in everything_in(project)
    assert SECRET not in everything_in(project)
