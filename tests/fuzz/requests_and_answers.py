"""Properties of the answer to arbitrary bytes."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from specify_cli import bootstrap
from specify_cli.conformance import documents
from specify_cli.mailbox.verification import find_breaks
from specify_cli.orchestrator_api.dispatcher import Answer
from specify_cli.storage.layout import Layout
from tests.integration.stage import Stage

# Thousands of syncs prove nothing here, so the project is in memory.
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
# `python -m tests.fuzz.deep` runs many more.
EXAMPLES = int(os.environ.get("SPEC_KITTY_FUZZ_EXAMPLES", "0"))


def check_envelope(envelope: Mapping[str, Any]) -> None:
    """The envelope and its data are valid by the contract's schemas."""
    command = envelope["command"].removeprefix("orchestrator-api.")
    held = f"commands/{command}.reply" if envelope["success"] else "refusal"
    assert documents.schema_errors("envelope", envelope) == []
    assert documents.schema_errors(held, envelope["data"]) == []


def check_answer(project: Stage, answer: Answer, *, stem: str) -> None:
    """The answer is one complete envelope with the request's id, and not a host error."""
    assert answer.reply.endswith(b"\n")
    assert answer.reply.count(b"\n") == 1
    envelope = json.loads(answer.reply)
    assert envelope == answer.envelope
    assert envelope["correlation_id"] == stem
    assert envelope["error_code"] != "HOST_ERROR", faults(project)
    check_envelope(envelope)


def check_project(project: Stage) -> None:
    """Chain, replies and events fit together, and what is recorded can be read by strict readers."""
    layout = bootstrap.mailbox_layout(project.root)
    assert find_breaks(layout) == []
    assert list(bootstrap.find_missing_events(layout)) == []
    for line in (*project.journal(), *project.events()):
        json.dumps(line, ensure_ascii=False, allow_nan=False).encode()


def faults(project: Stage) -> str:
    log = Layout(project.root).host / "faults.log"
    return log.read_text() if log.exists() else "no fault was written down"
