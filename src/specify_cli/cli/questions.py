"""What a person at a terminal is asked for, who has not given it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import click

from specify_cli.cli.client import complain, is_on_terminal
from specify_cli.cli.output import say


class Offer(NamedTuple):
    """Something to pick: its name, and what else a line about it says."""

    name: str
    about: tuple[str, ...] = ()

    def line(self, number: int) -> str:
        """The line that offers it."""
        return "  ".join(("", str(number), self.name, *self.about))


def picked(what: str, offers: Sequence[Offer]) -> str:
    """The name of the offer that was picked, by its number or its name."""
    for number, offer in enumerate(offers, start=1):
        say(offer.line(number))
    answer: str = click.prompt(f"Which {what}?", prompt_suffix=" ", value_proc=_picking(offers))
    return answer


def text_or_question(
    word: str, named: str | None, *, question: str, missing: str, as_json: bool = False
) -> str:
    """The text given, else what a person at a terminal types.

    Ends the process as not understood, with `missing`, where nobody can be asked.
    """
    if named is not None:
        return named
    if as_json or not is_on_terminal():
        complain(word, missing, as_json=as_json)
    answer: str = click.prompt(question, prompt_suffix=" ")
    return answer


def _picking(offers: Sequence[Offer]) -> Callable[[str], str]:
    names = {offer.name.lower(): offer.name for offer in offers}
    numbers = {str(number): offer.name for number, offer in enumerate(offers, start=1)}

    def pick(typed: str) -> str:
        found = (numbers | names).get(typed.strip().lower())
        if found is None:
            raise click.UsageError(f"a number from 1 to {len(offers)}, or a name")
        return found

    return pick
