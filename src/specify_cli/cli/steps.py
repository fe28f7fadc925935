"""Send a request of a person, print its result and, on a refusal, the next command."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from specify_cli.cli import advice, output
from specify_cli.cli.client import envelope_of, print_envelope, settled
from specify_cli.cli.output import say
from specify_cli.cli.prompting import Chosen

MOST_SHOWN = 3
"""Commits that a warning names."""


def carry_out(
    command: str,
    mission: Chosen,
    *,
    word: str,
    wp: str | None = None,
    as_json: bool = False,
    is_last: bool = True,
    **args: Any,
) -> dict[str, Any]:
    """Return the data of the contract command that the command `word` sends.

    A refusal ends the process and names the next command. With `as_json` the envelope is printed
    if it is a refusal or the last one of the command.
    """
    envelope = envelope_of(command, by_person=True, mission=mission.slug, wp=wp, **args)
    hint: str | list[str] = ""
    if not (envelope["success"] or as_json):
        hint = _resolving(envelope["data"], mission, word=word)
        hint = hint or advice.after_refusal(envelope, mission, wp=wp)
        envelope = _in_words(envelope, mission, word=word, wp=wp)
    data = settled(envelope, as_json=as_json, advice=hint)
    if as_json and is_last:
        print_envelope(envelope)
    if is_last and not as_json:
        outside = data.get("outside_owned_files")
        if outside:
            say(f"warning: outside the owned files: {', '.join(outside)}", is_error=True)
        for left in data.get("commits_not_included", ()):
            say(_not_included(left), is_error=True)
        for warning in data.get("warnings", ()):
            say(f"warning: {warning}", is_error=True)
    return data


def _resolving(data: Mapping[str, Any], mission: Chosen, *, word: str) -> list[str]:
    """Return the commands that resolve the conflicts of a refusal; none if it has none."""
    if "conflicting" not in data:
        return []
    from specify_cli.cli import conflicts

    return conflicts.advice_on(data, advice.packages_of(mission), mission, word=word)


def _not_included(left: Mapping[str, Any]) -> str:
    ids = [commit[:12] for commit in left["commits"][:MOST_SHOWN]]
    rest = left["total"] - len(ids)
    more = f" and {rest} more" if rest else ""
    return (
        f"not included, because no approval covers them: commits of {left['lane_branch']}:"
        f" {', '.join(ids)}{more}; see 'git show {' '.join(ids)}'"
    )


def _in_words(
    envelope: dict[str, Any], mission: Chosen, *, word: str, wp: str | None
) -> dict[str, Any]:
    if envelope["error_code"] != "TRANSITION_REJECTED":
        return envelope
    package = advice.package_named(wp, advice.packages_of(mission))
    place = advice.workspace_of(wp, mission)
    message = output.refusal_text(
        envelope["data"],
        word=word,
        wp=wp,
        package=package,
        missing_workspace=None if place.get("workspace_exists", True) else place["workspace_path"],
    )
    return envelope | {"data": envelope["data"] | {"message": message}}
