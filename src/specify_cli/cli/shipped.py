"""Files that ship with this host besides its code."""

from __future__ import annotations

from pathlib import Path

import specify_cli

PACKAGE = Path(specify_cli.__file__).parent
SHIPPED = PACKAGE / "_contract"
GUIDES = PACKAGE / "guides"
CHECKOUT = PACKAGE.parents[1] / "contract"


def contract() -> Path:
    """Return the folder of the contract's documents."""
    return SHIPPED if SHIPPED.is_dir() else CHECKOUT
