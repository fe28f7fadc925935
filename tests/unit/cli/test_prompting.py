"""A person picks an offer by number or by name."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner, Result

from specify_cli.cli.prompting import Offer, picked

OFFERS = [Offer("WP01", ("planned", "Index")), Offer("WP02", ("claimed", "Query"))]


@click.command()
def word() -> None:
    click.echo(f"<{picked('work package', OFFERS)}>")


def asked(*typed: str) -> Result:
    return CliRunner().invoke(word, input="".join(f"{line}\n" for line in typed))


@pytest.mark.parametrize("typed", ["2", "WP02", "wp02", " 2 "])
def test_an_offer_is_picked_by_number_or_name(typed: str):
    assert "<WP02>" in asked(typed).stdout


@pytest.mark.parametrize("typed", ["0", "3", "-1", "WP03", "x"])
def test_the_question_is_repeated_until_the_answer_is_valid(typed: str):
    result = asked(typed, "1")

    assert "a number from 1 to 2, or a name" in result.output
    assert result.output.count("Which work package?") == 2
    assert "<WP01>" in result.stdout


def test_every_offer_is_listed_with_its_details():
    assert asked("1").stdout.startswith("  1  WP01  planned  Index\n  2  WP02  claimed  Query\n")
