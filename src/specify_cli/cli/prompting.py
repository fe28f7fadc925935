"""Which mission and which package a person means who has not said so."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import click

from specify_cli.cli.client import complain, envelope_of, is_on_terminal, settled, standing_in
from specify_cli.cli.questions import Offer, picked

BY_ACTOR = ("implement", "review", "move", "release-claim", "accept", "merge", "tasks done")
"""What takes --actor."""

NEWEST = 10
"""So many of the missions that could be meant are named: the last ones, by number."""


class Chosen(NamedTuple):
    """A mission, and what the next command needs to mean the same one."""

    slug: str
    flag: str = ""

    def next(self, words: str, *, actor: str | None = None) -> str:
        """The command to type next, for this mission, by `actor`; else by the one that was named."""
        import shlex

        name = actor or _named_actor()
        takes_actor = words.startswith(BY_ACTOR)
        by = f" --actor {shlex.quote(name)}" if name and takes_actor else ""
        return f"spec-kitty {words}{self.flag}{by}"


def _named_actor() -> str | None:
    context = click.get_current_context(silent=True)
    return context.params.get("actor") if context else None


def mission_or_default(word: str, named: str | None, *, as_json: bool = False) -> Chosen:
    """The mission named, else the one that is meant; a person at a terminal is asked.

    Ends the process as not understood where nobody can be asked.
    """
    if named is not None:
        return Chosen(named, _flag(named))
    envelope = envelope_of("choose-mission", folder=str(standing_in()))
    choice = settled(envelope, as_json=as_json)
    if choice["mission_slug"] is not None:
        # A mission that was told by the workspace alone is another one to who stands elsewhere.
        is_the_only_one = choice["candidates"] == [choice["mission_slug"]]
        return Chosen(
            choice["mission_slug"], "" if is_the_only_one else _flag(choice["mission_slug"])
        )
    candidates: list[str] = choice["candidates"]
    if not candidates:
        make_one = 'spec-kitty specify "What is to be built"'
        complain(word, "this project has no mission", as_json=as_json, advice=make_one)
    if as_json or not is_on_terminal():
        problem = f"name one mission with --mission: {_listed(candidates)}"
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
    lanes: Sequence[str],
    fits: Callable[[Mapping[str, Any]], bool] = bool,
    as_json: bool = False,
) -> str:
    """The id of the package named, else of the one that a person at a terminal picks.

    Offered are those in `lanes` that `fits` agrees to. Ends the process as not understood where
    there is none, or nobody can be asked.
    """
    from specify_cli.mailbox import printable

    if named is not None:
        return named.upper()
    packages = work_packages(mission.slug, as_json=as_json)
    fitting = [x for x in packages if x["lane"] in lanes and fits(x)]
    if not fitting:
        onward = f"spec-kitty status {mission.slug}" if packages else mission.next("tasks")
        problem = _none_fits(word, packages, mission)
        complain(word, problem, as_json=as_json, advice=onward)
    if as_json or not is_on_terminal():
        listed = ", ".join(x["wp_id"] for x in fitting)
        complain(word, f"name the work package: {listed}", as_json=as_json)
    offers = [
        Offer(x["wp_id"], (printable.printable(x["lane"]), printable.printable(x["title"])))
        for x in fitting
    ]
    return picked("work package", offers)


def work_packages(mission: str, *, as_json: bool = False) -> list[dict[str, Any]]:
    """The packages of the mission and where each stands."""
    envelope = envelope_of("mission-state", mission=mission)
    packages: list[dict[str, Any]] = settled(envelope, as_json=as_json)["work_packages"]
    return packages


def _listed(candidates: Sequence[str]) -> str:
    listed = ", ".join(candidates[-NEWEST:])
    more = len(candidates) - NEWEST
    return (
        f"{listed}, or one of {more} older: see 'spec-kitty mission list'" if more > 0 else listed
    )


def _none_fits(word: str, packages: Sequence[Mapping[str, Any]], mission: Chosen) -> str:
    if not packages:
        return f"mission {mission.slug} has no work packages"
    return f"{word!r} takes none of the work packages as they stand: {', '.join(_standing(x) for x in packages)}"


def _standing(package: Mapping[str, Any]) -> str:
    holder = {"in_review": "reviewer", "in_progress": "claimed_by", "claimed": "claimed_by"}
    stands = f"{package['wp_id']} is {package['lane']}"
    waits = ", ".join(package["unsatisfied_dependencies"])
    if package.get("contested"):
        return f"{stands} and contested: see 'spec-kitty status'"
    if package["lane"] == "planned" and waits:
        return f"{stands} and waits for {waits}"
    if package.get("waiting_for_lane"):
        return f"{stands} and goes on after {package['waiting_for_lane']} in the same workspace"
    who = package[holder[package["lane"]]] if package["lane"] in holder else None
    return f"{stands}, held by {who}" if who else stands
