"""What looks like a credential is written down nowhere, and the call is carried out."""

from __future__ import annotations

from tests.integration.stage import SLUG, Stage

SECRET = "ghp_" + "fake" * 5
NOTE = {"mission": SLUG, "wp": "WP01", "actor": "coder", "note": f"pushed with {SECRET}"}


def everything_in(project: Stage) -> str:
    files = [path for path in project.root.rglob("*") if path.is_file()]
    return "".join(path.read_bytes().decode("latin-1") for path in files)


def test_a_note_is_masked_and_the_reply_says_so(project: Stage) -> None:
    envelope = project.ask("append-history", **NOTE, policy=None)
    assert envelope["data"]["redacted"] == ["note"]
    assert project.events()[-1]["delta"]["note"] == "pushed with [redacted: github]"
    assert SECRET not in everything_in(project)


def test_a_note_about_secrets_is_kept_as_it_is(project: Stage) -> None:
    note = "the token is missing, API_KEY is read from the secret store"
    data = project.done("append-history", **(NOTE | {"note": note}), policy=None)
    assert "redacted" not in data
    assert project.events()[-1]["delta"]["note"] == note


def test_references_and_reviewers_are_masked(project: Stage) -> None:
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
