"""What is said of a program that does not keep to the contract."""

from __future__ import annotations


class Nonconformity(Exception):
    """A program under test broke a rule; the text says what was seen, and what should have been."""


def demand(holds: object, complaint: str) -> None:
    """The rule is kept.

    Raises:
        Nonconformity: it is not; the complaint says what was seen.
    """
    if not holds:
        raise Nonconformity(complaint)
