"""What a person types next: after a success, and after a refusal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from specify_cli.cli.asking import envelope_of
from specify_cli.cli.choosing import Chosen

NEXT_WORDS = {
    "planned": "implement {wp}",
    "claimed": "implement {wp}",
    "in_progress": "implement {wp} --done",
    "for_review": "review {wp} --approve",
    "in_review": "review {wp} --approve",
    "approved": "accept",
    "blocked": "move {wp} in_progress",
}
"""Lane to the words that take a package further from there."""

SETTLED = ("approved", "done", "canceled")


def after_refusal(envelope: Mapping[str, Any], mission: Chosen, *, wp: str | None = None) -> str:
    """The command that a person who was refused types next; empty where there is none to give."""
    code, data = envelope["error_code"], envelope["data"]
    plain = {
        "MISSION_NOT_FOUND": "spec-kitty mission list",
        "MISSION_AMBIGUOUS": "the same with --mission and one of these",
        "WP_NOT_FOUND": f"spec-kitty tasks list {mission.slug}",
        "UNSUPPORTED_STRATEGY": mission.next("merge --strategy merge"),
    }
    if code in plain:
        return plain[code]
    packages = packages_of(mission)
    if code == "WP_ALREADY_CLAIMED":
        return _another(packages, mission) or f"spec-kitty status {mission.slug}"
    if code == "TRANSITION_REJECTED":
        return _after_rejection(data, packages, mission, wp=wp)
    waiting = data.get("unsatisfied_dependencies") or _unfinished(packages)
    again = "the same again, once that is put right" if data["retryable"] else ""
    return further(packages, waiting, mission) or again


def after_settling(mission: Chosen) -> str:
    """The command to type once a package is approved: the next package, or the end."""
    packages = packages_of(mission)
    ready = _another(packages, mission)
    return ready or further(packages, _unfinished(packages), mission) or mission.next("accept")


def further(packages: Sequence[Mapping[str, Any]], wp_ids: Sequence[str], mission: Chosen) -> str:
    """The command that takes the first of the packages further that can be taken further."""
    for package in packages:
        is_waiting = package["lane"] == "planned" and package["unsatisfied_dependencies"]
        words = NEXT_WORDS.get(package["lane"])
        if package["wp_id"] in wp_ids and words and not is_waiting:
            return mission.next(words.format(wp=package["wp_id"]))
    return ""


def packages_of(mission: Chosen) -> list[dict[str, Any]]:
    """The packages of the mission; none where it cannot be read."""
    packages: list[dict[str, Any]]
    packages = envelope_of("mission-state", mission=mission.slug)["data"].get("work_packages", [])
    return packages


def package_named(
    wp: str | None, packages: Sequence[Mapping[str, Any]]
) -> Mapping[str, Any] | None:
    """The package with this id, if there is one."""
    return next((x for x in packages if x["wp_id"] == wp), None)


def _unfinished(packages: Sequence[Mapping[str, Any]]) -> list[str]:
    return [x["wp_id"] for x in packages if x["lane"] not in SETTLED]


def _another(packages: Sequence[Mapping[str, Any]], mission: Chosen) -> str:
    ready = [x["wp_id"] for x in packages if x["lane"] == "planned"]
    return further(packages, ready, mission)


def _after_rejection(
    data: Mapping[str, Any],
    packages: Sequence[Mapping[str, Any]],
    mission: Chosen,
    *,
    wp: str | None,
) -> str:
    package = package_named(wp, packages)
    if package is None:
        return ""
    if data.get("guard") != "subtasks_and_evidence":
        return further([package], [package["wp_id"]], mission)
    steps = package["subtasks"]
    if steps["done"] < steps["total"]:
        return mission.next(f"tasks done {wp}")
    place = envelope_of("resolve-workspace", mission=mission.slug, wp=wp)["data"]
    return f"cd {place['workspace_path']}, commit your work there, then the same again"
