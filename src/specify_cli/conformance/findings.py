"""The exception of a check that has found a violation of the contract."""

from __future__ import annotations


class Nonconformity(Exception):
    """The program under test violates a rule; the text says what was seen and expected."""


def demand(holds: object, complaint: str) -> None:
    """Assert that the rule is kept.

    Raises:
        Nonconformity: `holds` is false. `complaint` says what was seen.
    """
    if not holds:
        raise Nonconformity(complaint)
