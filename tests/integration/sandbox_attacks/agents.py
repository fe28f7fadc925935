"""Hostile agents that keep working in their sandbox while the host works."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.integration.sandbox.bubblewrap import EXAMPLES
from tests.integration.sandbox.workspaces import of_all_agents
from tests.integration.sandbox_attacks.world import World
from tests.patience import LONGEST_S

LATER = "003-later"
"""The slug of a mission that starts after the attack was planted."""
EVIL = "printf '#!/bin/sh\\necho ran >{tripwire}\\n'"


def evil(world: World) -> str:
    """A shell command that prints a program which leaves the tripwire if it runs."""
    return EVIL.format(tripwire=world.tripwire)


@contextmanager
def beside(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Run the block while the agent works; then end the agent and its sandbox."""
    assert process.stdout
    assert process.stdout.readline() == b"begun\n"
    try:
        yield
        assert process.poll() is None, process.stdout.read()
    finally:
        process.kill()
        process.communicate(timeout=LONGEST_S)


def of_its_orchestrator(world: World, script: str) -> subprocess.Popen[bytes]:
    """Start an agent in the sandbox of its orchestrator, which has every workspace of the project."""
    box = world.box
    options = [*of_all_agents(world.stage), "sh", "-ec", script]
    words = [str(EXAMPLES / "in-sandbox.sh"), str(box), str(box), *options]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def commit_as_user(world: World) -> None:
    """Commit as the user would, so that a planted hook of the project runs."""
    world.stage.commit({"users.txt": "mine\n"})
