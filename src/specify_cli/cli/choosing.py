"""Which mission and which package a person means who has not said so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import click

from specify_cli.cli.asking import complain, envelope_of, is_on_terminal, settled, standing_in


class Chosen(NamedTuple):
    """A mission, and what the next command needs to mean the same one."""

    slug: str
    flag: str = ""

    def next(self, words: str) -> str:
        """The command to type next, for this mission."""
        return f"spec-kitty {words}{self.flag}"


def mission_or_default(word: str, named: str | None, *, as_json: bool = False) -> Chosen:
    """The mission named, else the one that is meant; a person at a terminal is asked.

    Ends the process as not understood where nobody can be asked.
    """
    if named is not None:
        return Chosen(named, f" --mission {named}")
    envelope = envelope_of("choose-mission", folder=str(standing_in()))
    choice = settled(envelope, as_json=as_json, advice="spec-kitty init")
    if choice["mission_slug"] is not None:
        return Chosen(choice["mission_slug"])
    candidates: list[str] = choice["candidates"]
    if not candidates:
        problem = "this project has no mission: make one with 'spec-kitty specify TITLE'"
        complain(word, problem, as_json=as_json)
    if as_json or not is_on_terminal():
        listed = ", ".join(candidates)
        complain(word, f"name one mission with --mission: {listed}", as_json=as_json)
    slug = _picked("mission", candidates)
    return Chosen(slug, f" --mission {slug}")


def package_or_question(
    word: str, named: str | None, *, mission: Chosen, lanes: Sequence[str], as_json: bool = False
) -> str:
    """The id of the package named, else of the one that a person at a terminal picks.

    Offered are those in `lanes`. Ends the process as not understood where nobody can be asked.
    """
    if named is not None:
        return named.upper()
    packages = work_packages(mission.slug, as_json=as_json)
    fitting = [x["wp_id"] for x in packages if x["lane"] in lanes] or [x["wp_id"] for x in packages]
    if not fitting:
        problem = f"mission {mission.slug} has no work packages: 'spec-kitty tasks' makes them"
        complain(word, problem, as_json=as_json)
    if as_json or not is_on_terminal():
        listed = ", ".join(fitting)
        complain(word, f"name the work package: {listed}", as_json=as_json)
    return _picked("work package", fitting)


def work_packages(mission: str, *, as_json: bool = False) -> list[dict[str, Any]]:
    """The packages of the mission and where each stands."""
    envelope = envelope_of("mission-state", mission=mission)
    packages: list[dict[str, Any]] = settled(envelope, as_json=as_json)["work_packages"]
    return packages


def _picked(what: str, offered: Sequence[str]) -> str:
    for number, name in enumerate(offered, start=1):
        click.echo(f"  {number}  {name}")
    number = click.prompt(f"Which {what}", type=click.IntRange(1, len(offered)))
    return offered[number - 1]
