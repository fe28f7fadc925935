"""Prints each violation of the boundary as `path:line: what: why`; exit 1 where there is one."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.architecture.orchestrator_boundary.report import violations


def main(arguments: list[str]) -> int:
    """The exit code: 0 for a clean checkout, 1 for violations, 2 where there is no checkout."""
    root = Path(arguments[0] if arguments else ".")
    if not (root / "src" / "specify_cli").is_dir():
        print(f"{root}: no checkout of the project: src/specify_cli is missing", file=sys.stderr)
        return 2
    found = violations(root)
    for violation in found:
        print(violation)
    if not found:
        print("orchestrator boundary: clean")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
