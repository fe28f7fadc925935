"""The contract's files as they ship with this host, and their schemas."""

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
    """One version of the contract, in the folder that has its `schemas`."""

    folder: Path

    def read(self, name: str) -> Any:
        """The JSON value in the file of that name, given without its ending."""
        return json.loads((self.folder / f"{name}.json").read_text(encoding="utf-8"))

    def schema(self, name: str) -> dict[str, Any]:
        """The schema of that name, such as `commands/transition.request`."""
        schema: dict[str, Any] = self.read(f"schemas/{name}")
        return schema

    def texts(self) -> dict[str, str]:
        """The normative prose by the name of its file."""
        return {path.name: path.read_text("utf-8") for path in sorted(self.folder.glob("*.md"))}

    def schema_files(self) -> list[Path]:
        """Every schema."""
        return sorted((self.folder / "schemas").rglob("*.json"))

    def commands(self) -> dict[str, dict[str, Any]]:
        """The commands by name."""
        return {command["name"]: command for command in self.read("commands")}

    def cases(self) -> list[Path]:
        """The golden cases."""
        return sorted((self.folder / "fixtures" / "cases").glob("*/*.json"))


CONTRACT = Contract(ROOT / "v1")


@cache
def _validator(name: str) -> Draft202012Validator:
    schema = CONTRACT.schema(name)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=FormatChecker())


def schema_errors(name: str, value: Any) -> list[str]:
    """What the schema of that name has against `value`, and where; empty when it fits."""
    found = _validator(name).iter_errors(value)
    return [f"{name}: {error.json_path}: {error.message}" for error in found]
