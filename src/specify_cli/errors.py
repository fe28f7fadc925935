"""Every deliberate error of the host; the class carries its contract code.

Source: codes and their meaning stand in `contract/v1/errors.json`; a test holds both together.
"""

from __future__ import annotations

TYPE_CHECKING = False
if (
    TYPE_CHECKING
):  # `typing` itself is slow to load, and a client behind a mailbox needs none of it.
    from typing import ClassVar

A_PACKAGE = ("mission_slug", "wp_id")


class SpecKittyError(Exception):
    """Root of every refusal: says what was wrong, where, and what to do.

    `details` become fields of the envelope's `data`, so their values must be JSON values. `about` are
    those that say which mission and package it is about: who has found these fills them in.
    """

    code: ClassVar[str] = "HOST_ERROR"
    retryable: ClassVar[bool] = False
    about: ClassVar[tuple[str, ...]] = ()

    def __init__(self, message: str, **details: object) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class UsageError(SpecKittyError):
    """The request was not understood: command, arguments or their shape."""

    code = "USAGE_ERROR"


class RequestMalformed(SpecKittyError):
    """The request is not exactly one strict JSON object."""

    code = "REQUEST_MALFORMED"


class RequestTooLarge(SpecKittyError):
    """The request exceeds the size bound."""

    code = "REQUEST_TOO_LARGE"


class RequestExpired(SpecKittyError):
    """`not_after` had passed when the request was looked at."""

    code = "REQUEST_EXPIRED"


class ContractVersionMismatch(SpecKittyError):
    """The caller speaks a version of the contract that this host does not."""

    code = "CONTRACT_VERSION_MISMATCH"


class NotAuthorized(SpecKittyError):
    """The identity that asked was not granted this."""

    code = "NOT_AUTHORIZED"


class CorrelationIdConflict(SpecKittyError):
    """The correlation id was used before by another request."""

    code = "CORRELATION_ID_CONFLICT"


class PolicyMetadataRequired(SpecKittyError):
    """A run-affecting call came without policy metadata."""

    code = "POLICY_METADATA_REQUIRED"


class PolicyValidationFailed(SpecKittyError):
    """Policy metadata has a wrong shape, a banned flag, or looks like a secret."""

    code = "POLICY_VALIDATION_FAILED"


class MissionNotFound(SpecKittyError):
    """No project, or no mission under that name."""

    code = "MISSION_NOT_FOUND"


class MissionAmbiguous(SpecKittyError):
    """The selector fits several missions; `candidates` lists them."""

    code = "MISSION_AMBIGUOUS"


class WorkPackageNotFound(SpecKittyError):
    """The mission has no work package of that name."""

    code = "WP_NOT_FOUND"
    about = A_PACKAGE


class DependenciesNotSatisfied(SpecKittyError):
    """A package was to be started before its dependencies; `unsatisfied_dependencies`."""

    code = "DEPENDENCIES_NOT_SATISFIED"
    about = A_PACKAGE
    retryable = True


class WorkPackageAlreadyClaimed(SpecKittyError):
    """Another actor holds the package; `claimed_by`, `requesting_actor`."""

    code = "WP_ALREADY_CLAIMED"
    about = A_PACKAGE


class TransitionRejected(SpecKittyError):
    """The move is not in the table, or its guard refused; `guard`, `from_lane`, `to_lane`.

    With the guard `intake` also `reason_code` and `files`.
    """

    code = "TRANSITION_REJECTED"
    about = A_PACKAGE


class LaneAllocationFailed(SpecKittyError):
    """The workspace of an execution lane could not be made ready; `reason`, `reason_code`, `files`."""

    code = "LANE_ALLOCATION_FAILED"
    about = A_PACKAGE
    retryable = True


class LaneLost(LaneAllocationFailed):
    """Work that is recorded is not in the repository any more: to ask again does not bring it back."""

    retryable = False


class MissionNotReady(SpecKittyError):
    """Packages are neither approved nor done; `incomplete_wps`."""

    code = "MISSION_NOT_READY"
    about = ("mission_slug",)
    retryable = True


class PreflightFailed(SpecKittyError):
    """Something stands in the way of acceptance or merge; `errors` names every obstacle."""

    code = "PREFLIGHT_FAILED"
    about = ("mission_slug", "target_branch")
    retryable = True


class UnsupportedStrategy(SpecKittyError):
    """The merge strategy `strategy` is none of `supported`."""

    code = "UNSUPPORTED_STRATEGY"


class StateUnreadable(SpecKittyError):
    """A state file is damaged; the message names file and line."""

    code = "STATE_UNREADABLE"


class RecordBehind(StateUnreadable):
    """The host's record lacks what journal or commits tell of: it was restored from an older backup."""


class StorageFailed(SpecKittyError):
    """The disk refused: full, read-only, or broken."""

    code = "STORAGE_FAILED"
    retryable = True


class Unfinished(StorageFailed):
    """What was begun can neither be taken back nor be completed now; the same request completes it.

    So it is no answer to that request: it is not recorded, and the request waits.
    """


class HostError(SpecKittyError):
    """A fault of the host itself; the log that the message names has the traceback."""

    code = "HOST_ERROR"
