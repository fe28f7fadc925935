"""The golden cases, as `contract/v1/fixtures/README.md` describes them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from specify_cli.conformance.documents import CONTRACT, Contract

INTERFACES = ("cli", "mailbox")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A golden case: a project, preparing steps, one request and its expected answer."""

    name: str
    title: str
    project: str
    before: list[dict[str, Any]]
    request: dict[str, Any]
    expect: dict[str, Any]
    lanes: dict[str, str]
    interfaces: tuple[str, ...]
    requires: frozenset[str]

    @property
    def command(self) -> str | None:
        """The command of the contract that the request names; None if it names none."""
        name = self.request.get("command")
        return name if name in CONTRACT.commands() else None


def read_case(path: Path) -> Case:
    """Read the case in the file."""
    content = json.loads(path.read_text(encoding="utf-8"))
    return Case(
        name=f"{path.parent.name}/{path.stem}",
        title=content["title"],
        project=content["project"],
        before=content["before"],
        request=content["request"],
        expect=content["expect"],
        lanes=content["lanes"],
        interfaces=tuple(content.get("doors", INTERFACES)),
        requires=frozenset(content.get("requires", ())),
    )


def all_cases(contract: Contract = CONTRACT) -> list[Case]:
    """Return every case of the contract, sorted by name."""
    return [read_case(path) for path in contract.cases()]
