"""The next command for a person, after a success or a refusal."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from specify_cli.cli.client import actor_or_user, envelope_of, standing_in, way_to_missions
from specify_cli.cli.prompting import Chosen, named_actor
from specify_cli.nearest import nearest

NEXT_WORDS = {
    "planned": "implement {wp}",
    "claimed": "implement {wp}",
    "in_progress": "implement {wp} --done",
    "for_review": "review {wp}",
    "in_review": "review {wp}",
    "blocked": "unblock {wp}",
}
"""The command that moves a package on, by status lane."""

INSTEAD = {
    "not_stale": "release-claim {wp} --force --note 'the holder is silent'",
    "reason": "move {wp} {to_lane} --note 'other work comes first'",
    "review_reference": "move {wp} {to_lane} --review-ref 'the review'",
}
"""The command that a guard accepts."""

BACK: Mapping[tuple[Any, Any], str] = {
    ("claimed", "planned"): "release-claim {wp}",
    ("in_review", "for_review"): "release-claim {wp}",
    ("canceled", "planned"): "move {wp} planned --force --note 'wanted again'",
}
"""The command that makes a move back, which the table does not have."""

HOLDERS = {"claimed": "claimed_by", "in_progress": "claimed_by", "in_review": "reviewer"}
"""The field with the only actor who can move a package on, by status lane."""

BEFORE_BEGIN = ("planned", "claimed")
BEFORE_WORK = (*BEFORE_BEGIN, "blocked")
OVER = ("done", "canceled")
AGAIN = "correct that, then run the same command again"
SETTLED = ("approved", *OVER)


def after_refusal(envelope: Mapping[str, Any], mission: Chosen, *, wp: str | None = None) -> str:
    """Return the next command after a refusal."""
    code, data = envelope["error_code"], envelope["data"]
    plain = {
        "MISSION_NOT_FOUND": way_to_missions() or AGAIN,
        "MISSION_AMBIGUOUS": "run the same command again, with --mission and one of these",
        "UNSUPPORTED_STRATEGY": mission.next(f"merge --strategy {_strategy(data)}"),
    }
    if code in plain:
        return plain[code]
    if code == "STATE_UNREADABLE":
        is_config = str(data.get("file", "")).endswith("config.toml")
        return "spec-kitty mailbox access" if is_config else "spec-kitty doctor"
    packages = packages_of(mission)
    if missing := _note_missing([data], packages, mission):
        return missing
    if not packages:
        return AGAIN if code == "PREFLIGHT_FAILED" else mission.next("tasks")
    if code == "WP_NOT_FOUND":
        return f"spec-kitty tasks list {mission.slug}"
    if code == "WP_ALREADY_CLAIMED":
        return _instead_of(package_named(wp, packages), packages, mission)
    if code == "TRANSITION_REJECTED":
        return _after_rejection(data, packages, mission, wp=wp)
    return _after_obstacle(data, packages, mission, wp=wp)


def same_command() -> str:
    """Return the command that this process runs, for a shell."""
    return f"spec-kitty {shlex.join(sys.argv[1:])}"


def _after_obstacle(
    data: Mapping[str, Any],
    packages: Sequence[Mapping[str, Any]],
    mission: Chosen,
    *,
    wp: str | None,
) -> str:
    if data.get("reason_code") in ("uncommitted_work", "uncommitted_changes"):
        return AGAIN
    if data.get("reason_code") == "in_use":
        from specify_cli import bootstrap

        root = bootstrap.find_project(standing_in())
        return f"cd {shlex.quote(str(root))} && {same_command()}"
    if click.get_current_context().info_name == "update":
        return _into_work(wp, packages, mission)
    occupied = [data["occupied_by"]] if "occupied_by" in data else None
    unfinished = data.get("unsatisfied_dependencies") or occupied or _unfinished(packages)
    again = AGAIN if data["retryable"] else ""
    onward = further(packages, unfinished, mission) or _note_missing(packages, packages, mission)
    return onward or again or _board(mission)


def _note_missing(
    dependents: Sequence[Mapping[str, Any]], packages: Sequence[Mapping[str, Any]], mission: Chosen
) -> str:
    """Return the command for a canceled package without a note that one of `dependents` waits for."""
    held_up = [x for x in dependents if x.get("lane", "planned") in BEFORE_WORK]
    waited_for = {wp_id for x in held_up for wp_id in x.get("unsatisfied_dependencies", ())}
    canceled = (x["wp_id"] for x in packages if x["lane"] == "canceled")
    unsaid = next((wp_id for wp_id in canceled if wp_id in waited_for), None)
    return mission.next(f"move {unsaid} canceled --note 'not needed'") if unsaid else ""


def _strategy(data: Mapping[str, Any]) -> str:
    """Return the strategy that was meant."""
    known = data.get("supported") or ["merge"]
    return nearest(str(data.get("strategy")), known) or str(known[0])


def _into_work(wp: str | None, packages: Sequence[Mapping[str, Any]], mission: Chosen) -> str:
    """Return the command that brings the package into work."""
    package = package_named(wp, packages)
    if package is not None and package["lane"] == "approved":
        return mission.next(f"move {wp} in_progress --review-ref 'to be updated'")
    return further(packages, [wp or ""], mission) or _board(mission)


def after_settling(mission: Chosen) -> str:
    """Return the next command after a package is finished: another package, or accept."""
    return _onward(packages_of(mission), mission)


def after_moving(wp: str, mission: Chosen) -> str:
    """Return the next command after `wp` moved: for `wp`, else as for a finished package."""
    packages = packages_of(mission)
    own = [x for x in packages if x["wp_id"] == wp]
    onward = further(own, [wp], mission) or _note_missing(own, packages, mission)
    return onward or _onward(packages, mission)


def after_accepting(mission: Chosen) -> str:
    """Return the next command after the mission was accepted: merge it, unless that is done."""
    return _board(mission) if _is_merged(packages_of(mission), mission) else mission.next("merge")


def further(packages: Sequence[Mapping[str, Any]], wp_ids: Sequence[str], mission: Chosen) -> str:
    """Return the command for the first of the packages that can move on."""
    for package in packages:
        words = _words(package) if package["wp_id"] in wp_ids else None
        if words:
            return mission.next(words.format(wp=package["wp_id"]))
    return ""


def packages_of(mission: Chosen) -> list[dict[str, Any]]:
    """Return the packages of the mission; none if it cannot be read."""
    packages: list[dict[str, Any]]
    packages = envelope_of("mission-state", mission=mission.slug)["data"].get("work_packages", [])
    return packages


def package_named(
    wp: str | None, packages: Sequence[Mapping[str, Any]]
) -> Mapping[str, Any] | None:
    """Return the package with this id, if there is one."""
    return next((x for x in packages if x["wp_id"] == wp), None)


def workspace_of(wp: str | None, mission: Chosen) -> Mapping[str, Any]:
    """Return the data of resolve-workspace for the package."""
    data: Mapping[str, Any]
    data = envelope_of("resolve-workspace", mission=mission.slug, wp=wp)["data"]
    return data


def holder_besides(package: Mapping[str, Any], who: str) -> str | None:
    """Return the holder of the package or its review; None if it is `who`, or nobody."""
    holder = package[HOLDERS[package["lane"]]] if package["lane"] in HOLDERS else None
    return None if holder == who else holder


def back_to_work(wp: str, mission: Chosen) -> str:
    """Return the command with which the implementer of `wp` continues."""
    package = package_named(wp, packages_of(mission))
    holder = holder_besides(package, current_actor()) if package else None
    return mission.next(f"implement {wp}", actor=holder)


def unblocked(package: Mapping[str, Any]) -> str:
    """Return the status lane to which a blocked package goes back."""
    return "planned" if package.get("blocked_from") in BEFORE_BEGIN else "in_progress"


def _unfinished(packages: Sequence[Mapping[str, Any]]) -> list[str]:
    return [x["wp_id"] for x in packages if x["lane"] not in SETTLED]


def _is_merged(packages: Sequence[Mapping[str, Any]], mission: Chosen) -> bool:
    """Return whether all packages are done or canceled, and no workspace is left to be merged.

    A package can be forced to done before its work is merged. A merge removes the workspaces.
    """
    if not packages or any(x["lane"] not in OVER for x in packages):
        return False
    slug = envelope_of("mission-state", mission=mission.slug)["data"]["mission_slug"]
    listed = envelope_of("list-workspaces")["data"].get("workspaces", ())
    return all(it["mission_slug"] != slug or it["kind"] == "missing" for it in listed)


def _words(package: Mapping[str, Any]) -> str | None:
    lane, steps = package["lane"], package["subtasks"]
    if lane == "blocked" and unblocked(package) == "planned" and not package.get("contested"):
        return NEXT_WORDS[lane]
    if (
        package.get("waiting_for_lane")
        or package.get("contested")
        or (lane in BEFORE_WORK and package["unsatisfied_dependencies"])
    ):
        return None
    if holder_besides(package, current_actor()):
        return None
    if lane == "in_progress" and steps["done"] < steps["total"]:
        return "tasks done {wp}"
    return NEXT_WORDS.get(lane)


def current_actor() -> str:
    """Return the --actor of this command. Default: the user."""
    return actor_or_user(named_actor())


def _onward(packages: Sequence[Mapping[str, Any]], mission: Chosen) -> str:
    if not packages:
        return mission.next("tasks")
    unfinished = _unfinished(packages)
    if unfinished:
        ready = _another(packages, mission) or further(packages, unfinished, mission)
        return ready or _note_missing(packages, packages, mission) or _board(mission)
    return _board(mission) if _is_merged(packages, mission) else mission.next("accept")


def _board(mission: Chosen) -> str:
    return f"spec-kitty status {mission.slug}"


def _another(packages: Sequence[Mapping[str, Any]], mission: Chosen) -> str:
    ready = [x["wp_id"] for x in packages if x["lane"] == "planned"]
    return further(packages, ready, mission)


def _instead_of(
    package: Mapping[str, Any] | None, packages: Sequence[Mapping[str, Any]], mission: Chosen
) -> str:
    is_in_review = package is not None and package["lane"] == "in_review"
    return _board(mission) if is_in_review else _another(packages, mission) or _board(mission)


def _accepted(data: Mapping[str, Any]) -> str | None:
    """Return the command that makes the refused move, with more options or in another way."""
    guard = data.get("guard", "")
    way = (data.get("from_lane"), data.get("to_lane"))
    return BACK.get(way) if guard == "edge" else INSTEAD.get(guard)


def _after_rejection(
    data: Mapping[str, Any],
    packages: Sequence[Mapping[str, Any]],
    mission: Chosen,
    *,
    wp: str | None,
) -> str:
    package = package_named(wp, packages)
    if package is None:
        return _board(mission)
    if data.get("guard") in ("paths", "owned_files", "intake"):
        return AGAIN
    if words := _accepted(data):
        return mission.next(words.format(wp=wp, **data))
    if data.get("guard") in ("self_review", "not_held"):
        return _board(mission)
    steps = package["subtasks"]
    has_open_steps = steps["done"] < steps["total"]
    is_unproven = data.get("guard") == "subtasks_and_evidence"
    if has_open_steps or not is_unproven:
        return further([package], [package["wp_id"]], mission) or _onward(packages, mission)
    if click.get_current_context().info_name == "move" and not steps["total"]:
        return mission.next(f"implement {wp} --done")
    place = workspace_of(wp, mission)
    if not place.get("workspace_exists"):
        return mission.next(f"implement {wp}", actor=holder_besides(package, current_actor()))
    switch = f"git switch {shlex.quote(place['lane_branch'])} && git merge -"
    return (
        f"commit your work in {place['workspace_path']}, or merge it there from another branch"
        f" ({switch}), then run the same command again"
    )
