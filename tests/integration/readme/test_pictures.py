"""The picture of the README can be made again."""

from __future__ import annotations

import re
from pathlib import Path

from tests import pictures


def test_both_pictures_show_the_board_and_the_journal(tmp_path: Path):
    pictures.main(tmp_path)

    for name in pictures.COLOURS:
        shown = (tmp_path / f"run-{name}.svg").read_text(encoding="utf-8").replace("&#160;", " ")
        assert "in_review 1" in shown
        assert re.search(r"claude-1 +start-implementation 001-\S+ +WP02 planned", shown)
        assert "url(" not in shown.replace("url(#", "")
