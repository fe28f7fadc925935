"""Validate a request before its mission is looked up."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from specify_cli import clock
from specify_cli.errors import ContractVersionMismatch, RequestExpired, SpecKittyError
from specify_cli.orchestrator_api import arguments, policy, versions
from specify_cli.orchestrator_api.arguments import Params
from specify_cli.orchestrator_api.command import Command
from specify_cli.orchestrator_api.envelope import CONTRACT_VERSION, UNKNOWN_COMMAND
from specify_cli.orchestrator_api.request import Request
from specify_cli.storage.request_file import Lookup

if TYPE_CHECKING:
    from specify_cli.orchestrator_api.access import Access

ACTOR = "actor"
LONGEST_VERSION = 20

PROOFS = ("evidence", "review_result")
"""Arguments that are validated after the policy."""


class ValidatedRequest:
    """A validated request. A `refusal` ends it before its mission is looked up.

    `given` has the given arguments as JSON values. `lookup` is set if the mission was looked up before.
    `can_wait` says whether a read may wait for a change. `access` has the grants that were in force
    when a request of the mailbox was begun.
    """

    def __init__(
        self, *, request: Request, digest: str = "", refusal: SpecKittyError | None = None
    ) -> None:
        self.request = request
        self.digest = digest
        self.command: Command | None = None
        self.params: Params | None = None
        self.given: dict[str, Any] = {}
        self.policy: dict[str, Any] | None = None
        self.refusal = refusal
        self.lookup: Lookup | None = None
        self.can_wait = False
        self.access: Access | None = None

    @property
    def wire_name(self) -> str:
        """The command's name in the envelope."""
        return self.command.wire_name if self.command else UNKNOWN_COMMAND


def judge(request: Request, find: Callable[[str], Command]) -> ValidatedRequest:
    """Validate in the contract's order: parser, policy, evidence and review result."""
    # Credentials are masked before anything is kept.
    judgement = ValidatedRequest(request=request.masked())
    try:
        _judge(judgement.request, find, judgement)
    except SpecKittyError as error:
        judgement.refusal = error
    return judgement if judgement.digest else _with_digest(judgement)


def unjudged(request: Request) -> ValidatedRequest:
    """Return the request before validation, with credentials masked."""
    return _with_digest(ValidatedRequest(request=request.masked()))


def _with_digest(judgement: ValidatedRequest) -> ValidatedRequest:
    request = judgement.request
    judgement.digest = digest_of(request.command, request.args, request.policy)
    return judgement


def unread(raw: bytes, refusal: SpecKittyError, *, correlation_id: str) -> ValidatedRequest:
    """Return the validation result of bytes that are not a readable request."""
    nothing = Request(command="", args={}, correlation_id=correlation_id)
    digest = f"sha256:{hashlib.sha256(raw).hexdigest()}"
    return ValidatedRequest(request=nothing, digest=digest, refusal=refusal)


def digest_of(command: str, args: dict[str, Any], declared: Any) -> str:
    """Return the digest that identifies a repeated request; nulls are ignored."""
    whole = {"args": args, "command": command}
    if declared is not None:
        whole["policy"] = declared
    text = json.dumps(arguments.without_nulls(whole), sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _judge(request: Request, find: Callable[[str], Command], judgement: ValidatedRequest) -> None:
    try:
        command = judgement.command = find(request.command)
    finally:  # Checked first: an unknown command of a later version is not a usage error.
        _check_version(request.contract_version)
    params, complaints = arguments.validate(command.params, request.args)
    for name, problem in complaints:
        if name.partition(".")[0] not in PROOFS:
            raise arguments.complaint(command.params, name, problem)
    if ACTOR in request.redacted:
        raise arguments.complaint(
            command.params, ACTOR, "it looks like a credential; use a name that can be recorded"
        )
    if params is not None:
        judgement.given = arguments.given(params)
        judgement.digest = digest_of(command.name, judgement.given, request.policy)
    expired = _expired(request.not_after)
    try:
        if params is None:
            _judge_beside_proofs(request, command, judgement)
            raise arguments.complaint(command.params, *complaints[0])
        _judge_params(params, command, judgement)
    except SpecKittyError as error:
        raise expired or error from None
    if expired:
        # Validated anyway, because work that was begun in time is completed.
        raise expired


def _judge_params(params: Params, command: Command, judgement: ValidatedRequest) -> None:
    judgement.params = params
    declared, is_required = judgement.request.policy, command.needs_policy(params)
    judgement.policy = policy.check(declared, is_required=is_required)
    if command.check:
        command.check(params)


def _judge_beside_proofs(request: Request, command: Command, judgement: ValidatedRequest) -> None:
    """Validate the policy before malformed proofs are refused."""
    rest = {name: value for name, value in request.args.items() if name not in PROOFS}
    params, _ = arguments.validate(command.params, rest)
    judgement.policy = policy.check(request.policy, is_required=command.needs_policy(params))


def _check_version(asked: str | None) -> None:
    if asked is not None and not versions.speaks(CONTRACT_VERSION, asked):
        # Other text is not quoted, because it may contain a credential.
        is_version = versions.parse(asked) and len(asked) <= LONGEST_VERSION
        problem = (
            f"the request is written for contract {asked!r}"
            if is_version
            else "contract_version is not a version such as 1.5.0"
        )
        raise ContractVersionMismatch(
            f"{problem}; this host speaks {CONTRACT_VERSION}: use the same major version and a"
            " minor version that the host has"
        )


def _expired(not_after: datetime | None) -> RequestExpired | None:
    if not_after is None or clock.now() <= not_after:
        return None
    return RequestExpired(f"not_after {not_after.isoformat()} has passed: send a new request")
