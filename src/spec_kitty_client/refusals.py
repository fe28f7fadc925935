"""An exception for each error code of the contract.

The text of each class is the meaning of its code. Programs decide by the class, never by the message.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from spec_kitty_client.contract import Guard, Lane, ReasonCode
from spec_kitty_client.refused import Refused
from spec_kitty_client.reply_parts import Conflict, RefusedPath


class UsageError(Refused):
    """The request is invalid: an unknown command, an unknown, missing or repeated argument,
    an argument of the wrong shape, malformed JSON in a flag, an unknown status lane, or a
    wrong shape of evidence or review result. The message names the argument.
    """


class PolicyMetadataRequired(Refused):
    """The command, or the status lane that a transition enters, requires policy metadata,
    and the request has none.
    """


class PolicyValidationFailed(Refused):
    """The policy metadata has a wrong shape, names a banned flag, or holds something that
    looks like a secret. `field` is the path of the offending field; the value is never
    repeated.
    """

    field: str


class MissionNotFound(Refused):
    """There is no project, no mission matches the selector, or the selector is not a plain
    name.
    """


class WpNotFound(Refused):
    """The mission has no work package of that name, or the name is not `WP` followed by
    digits.
    """

    mission_slug: str | None = None
    wp_id: str | None = None


class DependenciesNotSatisfied(Refused):
    """The request claims or starts a package whose dependencies are not all approved, done,
    or canceled with a note. Force does not override this.
    """

    unsatisfied_dependencies: tuple[str, ...]
    mission_slug: str | None = None
    wp_id: str | None = None


class WpAlreadyClaimed(Refused):
    """Another actor holds the work package or its review. An actor whose claim was released
    gets this code, too, once somebody else holds the package.
    """

    claimed_by: str
    requesting_actor: str
    mission_slug: str | None = None
    wp_id: str | None = None


class TransitionRejected(Refused):
    """The transition is not in the table, its guard refused it, force was requested without
    a note, or reference, result and evidence disagree. `guard` tells which. `from_lane` is
    absent if the request was refused before the package was looked up (guard
    `review_agreement`). With the guards `paths` and `owned_files`, `paths` names the first
    refused paths, each with a commit that has it, and `paths_total` is the number of all.
    With the guard `not_stale`, `stale_at` is the time at which the claim becomes stale, if
    the operator has a setting. With the guard `intake`, `reason_code` tells why the commits
    of the workspace could not be fetched, and `files` are the files concerned, if any.
    """

    from_lane: Lane | None = None
    to_lane: Lane
    guard: Guard
    stale_at: str | None = None
    reason_code: ReasonCode | None = None
    files: tuple[str, ...] = ()
    paths: tuple[RefusedPath, ...] = ()
    paths_total: int | None = None
    mission_slug: str | None = None
    wp_id: str | None = None


class LaneAllocationFailed(Refused):
    """The workspace of the execution lane could not be prepared. `reason` tells why,
    `reason_code` is the case (orchestrator-api.md describes each), and `files` are the
    files concerned. `conflict`: `conflicting` has each conflict with its two sides and the
    commands that resolve it. `lane_lost` and `dependency_lost`: a branch with recorded work
    does not exist any more. `branch_damaged`: it exists but does not name a commit of its own. These three
    are not retryable. All others are, most of them after the remedy that `reason` names.
    `lane_occupied`: another package, `occupied_by`, held by `claimed_by`, is worked on in
    the execution lane. `uncommitted_work`: another package left uncommitted work in the
    workspace. The host leaves no branch, workspace, registration or event behind.
    """

    reason: str
    reason_code: ReasonCode | None = None
    occupied_by: str | None = None
    claimed_by: str | None = None
    files: tuple[str, ...] = ()
    conflicting: tuple[Conflict, ...] = ()
    mission_slug: str | None = None
    wp_id: str | None = None
    lane_id: str | None = None


class MissionNotReady(Refused):
    """The request accepts a mission whose work packages are not all approved, done or
    canceled.
    """

    incomplete_wps: tuple[str, ...]
    mission_slug: str | None = None


class PreflightFailed(Refused):
    """There are obstacles to acceptance or merge. `errors` names every obstacle found. If
    execution lanes and target conflict, `conflicts` lists the paths, and `conflicting` has
    each conflict with its two sides and the commands that resolve it. If the work changes
    what a merge may not touch, `paths` lists the first of those paths, each with a commit
    that has it, and `paths_total` is the number of all. Nothing was moved.
    """

    errors: tuple[str, ...]
    conflicts: tuple[str, ...] = ()
    conflicting: tuple[Conflict, ...] = ()
    paths: tuple[RefusedPath, ...] = ()
    paths_total: int | None = None
    mission_slug: str | None = None
    target_branch: str | None = None


class UnsupportedStrategy(Refused):
    """The merge strategy is not one of `supported`."""

    supported: tuple[str, ...]
    strategy: str | None = None


class ContractVersionMismatch(Refused):
    """The caller's version is not supported, or is not a version; the message names the
    caller's and the host's.
    """

    provider_version: str | None = None
    min_supported_provider_version: str | None = None
    api_version: str | None = None


class MissionAmbiguous(Refused):
    """The selector matches several missions; `candidates` lists their folder names."""

    candidates: tuple[str, ...]


class CorrelationIdConflict(Refused):
    """The correlation id was used before by another request. The first answer does not
    change.
    """


class RequestMalformed(Refused):
    """The request file is not exactly one JSON object in UTF-8 without byte order mark, or
    it repeats a key, uses NaN or Infinity, or nests too deeply.
    """


class RequestTooLarge(Refused):
    """The request file exceeds the host's size bound, 256 KiB by default; `max_bytes` is
    the bound.
    """

    max_bytes: int


class RequestExpired(Refused):
    """`not_after` had passed when the host reached the request."""


class NotAuthorized(Refused):
    """The operator has not granted this command, mission, actor or policy to the
    orchestrator.
    """


class StateUnreadable(Refused):
    """A state file of the project is damaged; `file` and `line` tell where, if known."""

    file: str | None = None
    line: int | None = None


class StorageFailed(Refused):
    """The host could not store the request or its effect: the disk is full, read-only or
    broken, or the limit of waiting requests or the quota of a day is reached;
    `takes_more_at` tells when requests are taken again. Nothing was applied. An answer with
    `reason` comes from a client that waits for a reply in a mailbox: there is no reply yet,
    and the request stays valid under its id.
    """

    reason: str | None = None
    takes_more_at: str | None = None


class HostError(Refused):
    """An internal error of the host. The message has a reference to the host's log, never a
    traceback.
    """


_BY_CODE = {
    re.sub(r"(?<!^)(?=[A-Z])", "_", it.__name__).upper(): it for it in Refused.__subclasses__()
}


def refusal(envelope: Mapping[str, Any]) -> Refused:
    """Return the exception for an envelope that is not a success; `Refused` for an unknown code."""
    return _BY_CODE.get(envelope["error_code"], Refused)(envelope)
