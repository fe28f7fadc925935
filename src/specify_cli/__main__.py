"""Running `python -m specify_cli` is running `spec-kitty`."""

from __future__ import annotations

from specify_cli.cli.main import main

if __name__ == "__main__":
    main()
