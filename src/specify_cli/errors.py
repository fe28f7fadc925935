"""Errors of the host; each class has its contract code.

Source: `contract/v1/errors.json` defines the codes; a test compares both.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` is slow to import, and a mailbox client does not need it.
    from typing import ClassVar

A_PACKAGE = ("mission_slug", "wp_id")


class SpecKittyError(Exception):
    """Base class; the message says what was wrong, where, and what to do.

    Attributes:
        code: The contract's error code.
        retryable: Whether the same request may succeed later.
        about: Details that name the mission and package. Code that knows them fills them in.
        details: Further fields of the envelope's `data`. Their values must be JSON values.
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
    """`not_after` had passed when the request was read."""

    code = "REQUEST_EXPIRED"


class ContractVersionMismatch(SpecKittyError):
    """The host does not support the caller's version of the contract."""

    code = "CONTRACT_VERSION_MISMATCH"


class NotAuthorized(SpecKittyError):
    """The caller's identity has no grant for this."""

    code = "NOT_AUTHORIZED"


class CorrelationIdConflict(SpecKittyError):
    """Another request used the correlation id before."""

    code = "CORRELATION_ID_CONFLICT"


class PolicyMetadataRequired(SpecKittyError):
    """A run-affecting call came without policy metadata."""

    code = "POLICY_METADATA_REQUIRED"


class PolicyValidationFailed(SpecKittyError):
    """Policy metadata has a wrong shape, a banned flag, or looks like a secret."""

    code = "POLICY_VALIDATION_FAILED"


class MissionNotFound(SpecKittyError):
    """There is no project, or no mission of this name."""

    code = "MISSION_NOT_FOUND"


class MissionAmbiguous(SpecKittyError):
    """The selector matches several missions; `candidates` lists them."""

    code = "MISSION_AMBIGUOUS"


class WorkPackageNotFound(SpecKittyError):
    """The mission has no work package of this name."""

    code = "WP_NOT_FOUND"
    about = A_PACKAGE


class DependenciesNotSatisfied(SpecKittyError):
    """Dependencies of the package are not satisfied; details: `unsatisfied_dependencies`."""

    code = "DEPENDENCIES_NOT_SATISFIED"
    about = A_PACKAGE
    retryable = True


class WorkPackageAlreadyClaimed(SpecKittyError):
    """Another actor holds the package; details: `claimed_by`, `requesting_actor`."""

    code = "WP_ALREADY_CLAIMED"
    about = A_PACKAGE


class TransitionRejected(SpecKittyError):
    """The transition does not exist, or its guard refused it; details: `guard`, `from_lane`, `to_lane`.

    The guard `intake` adds `reason_code` and `files`.
    """

    code = "TRANSITION_REJECTED"
    about = A_PACKAGE


class LaneAllocationFailed(SpecKittyError):
    """The workspace of an execution lane could not be prepared; details: `reason`, `reason_code`, `files`."""

    code = "LANE_ALLOCATION_FAILED"
    about = A_PACKAGE
    retryable = True


class LaneLost(LaneAllocationFailed):
    """Recorded work is missing from the repository; a retry does not restore it."""

    retryable = False


class MissionNotReady(SpecKittyError):
    """Packages are neither approved nor done; details: `incomplete_wps`."""

    code = "MISSION_NOT_READY"
    about = ("mission_slug",)
    retryable = True


class PreflightFailed(SpecKittyError):
    """Acceptance or merge is not possible; details: `errors` names every obstacle."""

    code = "PREFLIGHT_FAILED"
    about = ("mission_slug", "target_branch")
    retryable = True


class UnsupportedStrategy(SpecKittyError):
    """The merge strategy is not supported; details: `strategy`, `supported`."""

    code = "UNSUPPORTED_STRATEGY"


class StateUnreadable(SpecKittyError):
    """A state file is damaged; the message names file and line."""

    code = "STATE_UNREADABLE"

    @classmethod
    def in_line(cls, file: object, line: int, complaint: str) -> StateUnreadable:
        """Return the error about a line of a file."""
        return cls(f"{file}, line {line}: {complaint}", file=str(file), line=line)


class RecordBehind(StateUnreadable):
    """The record lacks entries that the journal or commits name: it was restored from an older backup."""


class StorageFailed(SpecKittyError):
    """The disk is full, read-only or broken, or too many requests came; nothing was applied."""

    code = "STORAGE_FAILED"
    retryable = True


class Unfinished(StorageFailed):
    """The operation can be neither undone nor completed now. The same request completes it later.

    This is not an answer to the request: it is not recorded, and the request waits.
    """


class HostError(SpecKittyError):
    """A fault of the host; the message names the log that holds the traceback."""

    code = "HOST_ERROR"


@contextmanager
def error_details(**known: str) -> Iterator[None]:
    """Add those of `known` that its code allows to the details of an error in the block."""
    try:
        yield
    except SpecKittyError as error:
        about = {name: value for name, value in known.items() if name in error.about}
        error.details = about | error.details
        raise
