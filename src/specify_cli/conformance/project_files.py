"""Validation of the files that a host has written into a project."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from specify_cli.conformance.documents import schema_errors

HAS_LOG = "status.events.jsonl"


def project_errors(root: Path) -> list[str]:
    """Return the violations in event logs, lane plans, journal and heartbeat of the project."""
    return [fault for schema, value in _written(root) for fault in schema_errors(schema, value)]


def _written(root: Path) -> Iterator[tuple[str, Any]]:
    outbox = root / ".kitty" / "outbox"
    for log in (root / "kitty-specs").glob(f"*/{HAS_LOG}"):
        yield from (("event", line) for line in own_lines(log))
    for plan in (root / "kitty-specs").glob("*/lanes.json"):
        yield "lanes-file", json.loads(plan.read_bytes())
    for line in json_lines(outbox / "journal.jsonl"):
        yield "journal-line", line
    if (outbox / "worker.json").exists():
        yield "worker", json.loads((outbox / "worker.json").read_bytes())


def own_lines(log: Path) -> list[dict[str, Any]]:
    """Return the lines of an event log that this host wrote."""
    own = [line for line in log.read_bytes().splitlines() if b'"request_digest"' in line]
    return [json.loads(line) for line in own]


def json_lines(path: Path) -> list[dict[str, Any]]:
    """Return the JSON objects in the file, one a line; none if the file does not exist."""
    return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []
