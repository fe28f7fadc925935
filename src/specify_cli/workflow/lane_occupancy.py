"""The package that occupies an execution lane."""

from __future__ import annotations

from specify_cli.core import lane_schedule
from specify_cli.errors import LaneAllocationFailed
from specify_cli.workflow.mission import OpenMission


def check_turn(mission: OpenMission, wp_id: str) -> None:
    """Require that no other package occupies the execution lane, even with force.

    Raises:
        LaneAllocationFailed: one does, with the `reason_code` `lane_occupied`.
    """
    if mission.state_of(wp_id).occupies:
        return
    other = lane_schedule.occupant(mission.lane_mates(wp_id), mission.state, besides=wp_id)
    if other is None:
        return
    lane_id = mission.lane_ids[wp_id]
    state = mission.state_of(other)
    holder = state.claimed_by or state.last_actor
    whose = f" for {holder!r}" if holder else ""
    reason = (
        f"{other}, which is {state.lane}{whose}, occupies its execution lane {lane_id}: one package"
        " at a time is worked on there, until it is approved, blocked, canceled or planned again"
    )
    raise LaneAllocationFailed(
        f"no workspace for {wp_id}: {reason}",
        reason=reason,
        reason_code="lane_occupied",
        occupied_by=other,
        claimed_by=holder,
        files=[],
        lane_id=lane_id,
    )
