"""The files of the contract that ship with this host, and validation against its schemas."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

PACKAGE = Path(__file__).parents[1]
SHIPPED = PACKAGE / "_contract"
ROOT = SHIPPED if SHIPPED.is_dir() else PACKAGE.parents[1] / "contract"


@dataclass(frozen=True, slots=True)
class Contract:
    """One version of the contract; `folder` is the folder that holds `schemas`."""

    folder: Path

    def read(self, name: str) -> Any:
        """Read the JSON file of that name, given without its suffix."""
        return json.loads((self.folder / f"{name}.json").read_text(encoding="utf-8"))

    def schema(self, name: str) -> dict[str, Any]:
        """Read the schema of that name, such as `commands/transition.request`."""
        schema: dict[str, Any] = self.read(f"schemas/{name}")
        return schema

    def texts(self) -> dict[str, str]:
        """Return the normative texts by file name."""
        return {path.name: path.read_text("utf-8") for path in sorted(self.folder.glob("*.md"))}

    def schema_files(self) -> list[Path]:
        """Return the paths of all schemas."""
        return sorted((self.folder / "schemas").rglob("*.json"))

    def commands(self) -> dict[str, dict[str, Any]]:
        """Return the commands by name."""
        return {command["name"]: command for command in self.read("commands")}

    def cases(self) -> list[Path]:
        """Return the paths of all golden cases."""
        return sorted((self.folder / "fixtures" / "cases").glob("*/*.json"))


CONTRACT = Contract(ROOT / "v1")


@cache
def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(CONTRACT.schema(name), format_checker=FormatChecker())


def schema_errors(name: str, value: Any) -> list[str]:
    """Validate `value`; return one message for each violation, empty if it is valid."""
    found = _validator(name).iter_errors(value)
    return [f"{name}: {error.json_path}: {error.message}" for error in found]
