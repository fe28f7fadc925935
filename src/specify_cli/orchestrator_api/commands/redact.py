"""redact: remove a secret from an event, a request or a dead letter."""

from __future__ import annotations

from specify_cli.errors import UsageError
from specify_cli.orchestrator_api.arguments import Params
from specify_cli.orchestrator_api.command import Cause, Command, Result, UseCases
from specify_cli.orchestrator_api.texts import ACTOR, Name, Words
from specify_cli.orchestrator_api.values import argument


class RedactParams(Params):
    """Arguments of redact.

    The secret comes in hex, because what looks like a credential is masked before anybody sees it. `salt` keeps the
    digest of the request from telling what it was.
    """

    about: Name = argument("Id of the event, the request or the dead letter.")
    text_hex: Name = argument("The secret, in hex.", is_private=True)
    salt: Name = argument("Random text.", is_private=True)
    actor: Words = argument(ACTOR)
    reason: Words = argument("Reason to record.", is_private=True)


class RedactResult(Result):
    """Data of redact."""

    about: str
    log_lines: int
    published_lines: int
    replies: int
    files: tuple[str, ...]
    left: tuple[str, ...]
    also_in: tuple[str, ...]
    commits: tuple[str, ...]
    look: str | None


def handle(params: RedactParams, cause: Cause, services: UseCases) -> RedactResult:
    """Redact the secret; return what was redacted and what still contains it."""
    try:
        secret = bytes.fromhex(params.text_hex).decode()
    except ValueError as error:
        raise UsageError("text_hex is not UTF-8 in hex") from error
    report = services().redacting.redact(
        params.about, secret, actor=params.actor, reason=params.reason, context=cause
    )
    return RedactResult(
        about=report.about,
        log_lines=report.log_lines,
        published_lines=report.published_lines,
        replies=report.replies,
        files=tuple(map(str, report.files)),
        left=tuple(map(str, report.left)),
        also_in=tuple(report.also_in),
        commits=tuple(report.commits),
        look=report.look,
    )


COMMAND = Command(
    name="redact",
    params=RedactParams,
    handle=handle,
    changes_state=True,
    is_for_people=True,
    example='spec-kitty redact 01JD8Z6W3M4Y6T1F8B2Q5R7X9N --reason "a password"',
)
