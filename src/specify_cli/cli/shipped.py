"""Files that ship with this host besides its code."""

from __future__ import annotations

import os

import specify_cli

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

PACKAGE = os.path.dirname(specify_cli.__file__)


def contract_text(name: str) -> bytes:
    """Return the content of a document of the contract, such as `v1/commands.json`.

    Raises:
        OSError: It cannot be read.
    """
    # Without pathlib, which takes longer to load than the file.
    with open(os.path.join(_contract(), name), "rb") as document:
        return document.read()


def contract() -> Path:
    """Return the folder of the contract's documents."""
    from pathlib import Path

    return Path(_contract())


def lanes() -> list[str]:
    """Return the status lanes in the order of the contract.

    Raises:
        OSError: The document cannot be read.
    """
    import json

    found: list[str] = json.loads(contract_text("v1/lanes.json"))["lanes"]
    return found


def _contract() -> str:
    shipped = os.path.join(PACKAGE, "_contract")
    if os.path.isdir(shipped):
        return shipped
    return os.path.join(os.path.dirname(os.path.dirname(PACKAGE)), "contract")
