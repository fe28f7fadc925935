"""Arguments that several commands take."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, TypedDict

from spec_kitty_client.contract import Verdict
from spec_kitty_client.policy import Policy


class Options(TypedDict, total=False):
    """Options of a call of any command."""

    timeout_s: float
    """Seconds to wait for the reply, all attempts together, in addition to `wait_s` if there is one.
    Default: `timeout_s` of the client."""


class ChangeOptions(Options, total=False):
    """Options of a call of a command that changes something."""

    correlation_id: str
    """Id of the request: up to 128 of `A-Z a-z 0-9 . _ -`, not beginning with a dot, and not `worker`.
    Default: a new one. `ValueError` is raised for another.

    A repeated request under its id has the same reply and no second effect. Another request under the id is
    refused with `CorrelationIdConflict`. In a mailbox, one of the same command gets the first reply instead:
    use an id for one request only."""


class PolicyOptions(ChangeOptions, total=False):
    """Options of a call of a command that takes a policy."""

    policy: Policy | None
    """The policy to declare. Default: `policy` of the client."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Evidence of a review, for `transition` to `approved`."""

    review: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewResult:
    """Result of a review, for `transition` out of `in_review`."""

    reviewer: str
    """The actor that holds the review."""
    verdict: Verdict
    reference: str
    """Where the review can be read, or a description of it."""
    feedback_path: str | None = None
    """A file that says what to change; the host does not open it."""

    @classmethod
    def of(cls, reviewer: str, *, fault: str = "", reference: str = "reviewed") -> ReviewResult:
        """Return the result `changes_requested` with the fault as its reference, or `approved` without a fault."""
        if fault:
            return cls(reviewer=reviewer, verdict="changes_requested", reference=fault)
        return cls(reviewer=reviewer, verdict="approved", reference=reference)

    @property
    def evidence(self) -> Evidence:
        """This result as the evidence that `transition` to `approved` requires."""
        review = {"reviewer": self.reviewer, "verdict": self.verdict, "reference": self.reference}
        return Evidence(review=review)


def as_json(argument: object) -> Any:
    """Return the JSON of an argument."""
    return asdict(argument) if isinstance(argument, ReviewResult | Evidence) else argument
