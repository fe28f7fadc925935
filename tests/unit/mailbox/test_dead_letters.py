from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from specify_cli.mailbox.dead_letters import DeadLetters, Stray
from specify_cli.mailbox.layout import MailboxLayout
from tests.together import meet


def test_threads_set_entries_aside_one_at_a_time(layout: MailboxLayout) -> None:
    def refuse(letter_id: str, why: str, identity: str) -> Mapping[str, Any]:
        return {"why": why}

    def move(folder: Path, new_name: str) -> Path:
        (folder / new_name).touch()
        return folder / new_name

    letters = DeadLetters(layout, refuse=refuse)
    stray = Stray(name="a", identity="default", why="it is strange", move=move)
    assert not meet(os, "replace", lambda: letters.set_aside(stray))
