"""Drive all packages that can be worked on at the same time. To continue, start it again."""

import asyncio
import sys
from pathlib import Path

from spec_kitty_client import AsyncClient, Lane, Policy, Refused, ReviewResult, connect

if len(sys.argv) != 3:
    sys.exit("usage: parallel_orchestrator.py PROJECT|INBOX:OUTBOX MISSION")
WHERE, MISSION = sys.argv[1:]
AGENT = [sys.executable, str(Path(__file__).with_name("pretend_agent.py"))]
AUTHOR, REVIEWER = "example-implementer", "example-reviewer"
client = AsyncClient(connect(WHERE), policy=Policy.for_agent("pretend", orchestrator_id="example"))


async def run_agent(task: str, wp: str) -> str:  # Its complaint; empty if it has succeeded.
    place, pipe = await client.resolve_workspace(MISSION, wp), asyncio.subprocess.PIPE
    command = [*AGENT, task, place.prompt_path]
    agent = await asyncio.create_subprocess_exec(*command, cwd=place.workspace_path, stdout=pipe)
    if not (complaint := (await agent.communicate())[0].decode().strip()) and agent.returncode:
        raise ChildProcessError(f"{wp}: the agent failed to {task}")
    return complaint


async def drive(wp: str, lane: Lane) -> None:  # From its status lane to `approved`.
    while lane != "approved":
        if lane in ("for_review", "in_review"):
            await client.start_review(MISSION, wp, actor=REVIEWER)
            review = ReviewResult.of(REVIEWER, fault=await run_agent("review", wp))
            lane = "approved" if review.verdict == "approved" else "in_progress"
            await client.transition(MISSION, wp, to=lane, actor=REVIEWER, review_result=review)
        else:
            await client.start_implementation(MISSION, wp, actor=AUTHOR)
            await run_agent("implement", wp)
            await client.mark_subtasks(MISSION, [wp], status="done", actor=AUTHOR)
            lane = (await client.transition(MISSION, wp, to="for_review", actor=AUTHOR)).to_lane
        print(wp, lane, flush=True)


async def main() -> None:  # Until the mission is merged.
    driven: dict[str, asyncio.Task[None]] = {}
    while True:
        ready = {it.wp_id for it in (await client.list_ready(MISSION)).ready_work_packages}
        for it in (await client.mission_state(MISSION)).work_packages:
            if it.wp_id not in driven and (it.wp_id in ready or it.claimed_by):
                driven[it.wp_id] = asyncio.create_task(drive(it.wp_id, it.lane))
        if not (at_work := [task for task in driven.values() if not task.done()]):
            break
        await asyncio.wait(at_work, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.gather(*driven.values())  # Raises what stopped a package.
    await client.accept_mission(MISSION, actor=REVIEWER)
    print("merged into", (await client.merge_mission(MISSION, actor=REVIEWER)).target_branch)


try:
    asyncio.run(main())
except (Refused, OSError) as error:
    sys.exit(f"parallel_orchestrator: {error}")
