"""`spec-kitty status --stale`: packages whose holders are silent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from specify_cli.cli.ages import age, moment
from specify_cli.cli.prompting import Chosen
from specify_cli.cli.release import RELEASABLE


def stale_lines(
    data: Mapping[str, Any], *, for_s: int, now: datetime, mission: Chosen
) -> Iterator[str]:
    """Yield a line for each silent package, with the command that releases it.

    A package with an invalid or future date is listed too, so that a person can decide.
    """
    for package in data["work_packages"]:
        since = package.get("last_sign_of_life") or package["since"]
        last = moment(since)
        is_recent = last is not None and abs(now - last) < timedelta(seconds=for_s)
        if package["lane"] not in RELEASABLE or is_recent:
            continue
        holder = package["reviewer"] or package["claimed_by"]
        silent = f"for {age(since, now)}, since {since}" if last else "with a valid date"
        if last and last > now:
            silent = f"except one of {since}, which is in the future"
        force = "" if package.get("stale") else " --force"
        wp_id = package["wp_id"]
        words = mission.next(f"release-claim {wp_id}{force} --note 'the holder is silent'")
        yield (
            f"{wp_id}  {package['lane']}  {package['title']}; held by {holder};"
            f" no sign of life {silent}; release it with: {words}"
        )
