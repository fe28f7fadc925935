"""What ships with this host beside its code."""

from __future__ import annotations

from pathlib import Path

import specify_cli

PACKAGE = Path(specify_cli.__file__).parent
SHIPPED = PACKAGE / "_contract"
GUIDES = PACKAGE / "guides"
CHECKOUT = PACKAGE.parents[1] / "contract"


def contract() -> Path:
    """The folder that the contract's documents lie in."""
    return SHIPPED if SHIPPED.is_dir() else CHECKOUT
