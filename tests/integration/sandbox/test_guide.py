"""The command blocks of the guide on sandboxes print the output that they show."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from specify_cli.cli.guides import GUIDES
from tests.integration.sandbox.bubblewrap import EXAMPLES
from tests.patience import LONGEST_S
from tests.readme.documents import pasted
from tests.readme.following import assert_shown


def test_every_block_prints_the_shown_output(tmp_path: Path):
    clone = tmp_path / "clone"
    shutil.copytree(EXAMPLES, clone / "examples")

    assert_shown(pasted(GUIDES / "sandbox.md"), clone, within_s=LONGEST_S)


def test_readme_lists_every_example():
    text = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    beside = {link for link in re.findall(r"\]\(([^)#:]+)\)", text) if "/" not in link}

    assert beside == {path.name for path in EXAMPLES.glob("*.*")} - {"README.md"}
