"""Ask a person at the terminal for a mission, a package or a text that was not given."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import click

from specify_cli.cli.client import (
    REFUSED,
    complain,
    envelope_of,
    is_on_terminal,
    settled,
    standing_in,
)
from specify_cli.cli.output import say

BY_ACTOR = (
    "implement",
    "review",
    "move",
    "unblock",
    "release-claim",
    "accept",
    "merge",
    "tasks done",
    "update",
    "mission mark-merged",
)
"""Commands with an --actor option."""

AT_WORK = ("claimed", "in_progress", "for_review", "in_review")
"""Status lanes of the package that occupies a workspace."""

NEWEST = 10
"""Candidate missions that a message names, the newest ones."""


class Offer(NamedTuple):
    """A choice: its name and its description."""

    name: str
    about: tuple[str, ...] = ()

    def line(self, number: int) -> str:
        """Return the line of the list of choices."""
        return "  ".join(("", str(number), self.name, *self.about))


class Chosen(NamedTuple):
    """A mission, and the option that selects it in the next command.

    `lane_id` is the execution lane in whose workspace the user is, if any.
    """

    slug: str
    flag: str = ""
    lane_id: str | None = None

    def next(self, words: str, *, actor: str | None = None) -> str:
        """Return the next command for this mission, by `actor`. Default: the --actor of this command."""
        import shlex

        name = actor or named_actor()
        takes_actor = words.startswith(BY_ACTOR)
        by = f" --actor {shlex.quote(name)}" if name and takes_actor else ""
        return f"spec-kitty {words}{self.flag}{by}"


def named_actor() -> str | None:
    """Return the --actor of this command."""
    context = click.get_current_context(silent=True)
    return context.params.get("actor") if context else None


def mission_or_default(word: str, named: str | None, *, as_json: bool = False) -> Chosen:
    """Return the named mission, else the default one, else the one picked at the terminal.

    Without a terminal, the process ends with a usage error.
    """
    if named is not None:
        return Chosen(named, _flag(named))
    envelope = envelope_of("choose-mission", folder=str(standing_in()))
    choice = settled(envelope, as_json=as_json)
    if choice["mission_slug"] is not None:
        # A mission found by the current workspace is not the default in another folder.
        is_the_only_one = choice["candidates"] == [choice["mission_slug"]]
        slug = choice["mission_slug"]
        return Chosen(slug, "" if is_the_only_one else _flag(slug), choice["lane_id"])
    candidates: list[str] = choice["candidates"]
    if not candidates:
        make_one = 'spec-kitty specify "What is to be built"'
        complain(word, "this project does not have a mission yet", as_json=as_json, advice=make_one)
    if as_json or not is_on_terminal():
        problem = f"several missions are open; name one with --mission: {_listed(candidates)}"
        complain(word, problem, as_json=as_json, advice="spec-kitty mission list")
    slug = picked("mission", [Offer(name) for name in candidates])
    return Chosen(slug, _flag(slug))


def _flag(mission: str) -> str:
    import shlex

    return f" --mission {shlex.quote(mission)}"


def package_or_question(
    word: str,
    named: str | None,
    *,
    mission: Chosen,
    lanes: Sequence[str] | None = None,
    fits: Callable[[Mapping[str, Any]], bool] = bool,
    words: str | None = None,
    as_json: bool = False,
) -> str:
    """Return the id of the named package, else of the one picked at the terminal.

    The packages in the status lanes `lanes`, by default all, for which `fits` is true are offered.
    In a workspace, the one of its execution lane that is worked on is returned. If there is none, or there is no
    terminal, the process ends with a usage error. The command that it prints begins with `words`;
    default: `word`.
    """
    from specify_cli.mailbox import printable

    if named is not None:
        return package_id(named, mission)
    packages = work_packages(mission.slug, as_json=as_json)
    fitting = [x for x in packages if (lanes is None or x["lane"] in lanes) and fits(x)]
    if not fitting:
        onward = f"spec-kitty status {mission.slug}" if packages else mission.next("tasks")
        problem = _none_fits(words or word, packages, mission)
        complain(word, problem, as_json=as_json, advice=onward)
    here = [x for x in fitting if x["lane_id"] == mission.lane_id and x["lane"] != "planned"]
    at_work = [x for x in here if x["lane"] in AT_WORK] or here
    if len(at_work) == 1:
        return str(at_work[0]["wp_id"])
    if as_json or not is_on_terminal():
        listed = ", ".join(x["wp_id"] for x in fitting)
        complain(
            word,
            f"the work package is missing; name one of {listed}",
            as_json=as_json,
            advice=None
            if word == "move"
            else mission.next(f"{words or word} {fitting[0]['wp_id']}"),
        )
    offers = [
        Offer(x["wp_id"], (printable.printable(x["lane"]), printable.printable(x["title"])))
        for x in fitting
    ]
    return picked("work package", offers)


def package_id(named: str, mission: Chosen) -> str:
    """Return the id of the package; a number such as 1 stands for it, and so does wp1 for WP01."""
    wp_id = named.upper()
    digits = wp_id.removeprefix("WP")
    if len(digits) > 1 or not digits.isdecimal():
        return wp_id
    packages = envelope_of("mission-state", mission=mission.slug)["data"].get("work_packages", ())
    fitting = [x["wp_id"] for x in packages if int(x["wp_id"][2:]) == int(digits)]
    return fitting[0] if len(fitting) == 1 else wp_id


def work_packages(mission: str, *, as_json: bool = False) -> list[dict[str, Any]]:
    """Return the packages of the mission with their state."""
    envelope = envelope_of("mission-state", mission=mission)
    packages: list[dict[str, Any]] = settled(envelope, as_json=as_json)["work_packages"]
    return packages


def _listed(candidates: Sequence[str]) -> str:
    listed = ", ".join(candidates[-NEWEST:])
    more = len(candidates) - NEWEST
    return (
        f"{listed}, or one of {more} older ones: see 'spec-kitty mission list'"
        if more > 0
        else listed
    )


def _none_fits(word: str, packages: Sequence[Mapping[str, Any]], mission: Chosen) -> str:
    if not packages:
        return f"mission {mission.slug} has no work packages"
    return f"no work package is ready for {word!r}: {', '.join(_standing(x) for x in packages)}"


def _standing(package: Mapping[str, Any]) -> str:
    holder = {"in_review": "reviewer", "in_progress": "claimed_by", "claimed": "claimed_by"}
    stands = f"{package['wp_id']} is {package['lane']}"
    waits = ", ".join(package["unsatisfied_dependencies"])
    if package.get("contested"):
        return f"{stands} and contested: see 'spec-kitty status'"
    if package["lane"] == "planned" and waits:
        return f"{stands} and waits for {waits}"
    if package.get("waiting_for_lane"):
        return (
            f"{stands} and waits for {package['waiting_for_lane']}, which uses the same workspace"
        )
    who = package[holder[package["lane"]]] if package["lane"] in holder else None
    return f"{stands}, held by {who}" if who else stands


def picked(what: str, offers: Sequence[Offer]) -> str:
    """Ask for a choice, by number or name, and return its name."""
    for number, offer in enumerate(offers, start=1):
        say(offer.line(number))
    answer: str = click.prompt(f"Which {what}?", prompt_suffix=" ", value_proc=_picking(offers))
    return answer


def confirm(question: str, *, advice: str | None = None) -> None:
    """Ask the question; unless the answer is yes, say that nothing was changed, and end the process."""
    if click.confirm(question):
        return
    say("nothing was changed", is_error=True)
    if advice:
        say(f"next: {advice}", is_error=True)
    sys.exit(REFUSED)


def text_or_question(
    word: str,
    named: str | None,
    *,
    question: str,
    missing: str,
    as_json: bool = False,
    advice: str | None = None,
) -> str:
    """Return the given text, else ask for it at the terminal.

    Without a terminal, the process ends with the usage error `missing`, and prints `advice`.
    """
    if named is not None:
        return named
    if as_json or not is_on_terminal():
        complain(word, missing, as_json=as_json, advice=advice)
    answer: str = click.prompt(question, prompt_suffix=" ")
    return answer


def _picking(offers: Sequence[Offer]) -> Callable[[str], str]:
    names = {offer.name.lower(): offer.name for offer in offers}
    numbers = {str(number): offer.name for number, offer in enumerate(offers, start=1)}

    def pick(typed: str) -> str:
        found = (numbers | names).get(typed.strip().lower())
        if found is None:
            raise click.UsageError(f"enter a number from 1 to {len(offers)}, or a name")
        return found

    return pick
