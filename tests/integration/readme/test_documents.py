"""The command blocks of the README and the guides print the output that they show."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from specify_cli.cli.guides import GUIDES, TOPICS
from tests.patience import LONGEST_S
from tests.readme.documents import README, pasted
from tests.readme.following import assert_shown
from tests.readme.test_commands import COMMANDS

# The guide on sandboxes is tested with the other tests of sandboxes.
FOLLOWED = [topic for topic in TOPICS if topic != "sandbox"]
AGENT = """\
#!/bin/sh
cat >/dev/null
case "$*" in
    *Write*)
        case $PWD in *-lane-a) folder=index ;; *) folder=query ;; esac
        mkdir "$folder" && date >"$folder/notes.txt"
        git add "$folder" && git commit -q -m "Write $folder"
        ;;
esac
echo '{"result": {}}'
"""


@pytest.mark.parametrize("topic", FOLLOWED)
def test_every_block_of_a_guide_prints_the_shown_output(topic: str, tmp_path: Path):
    assert_shown(pasted(GUIDES / f"{topic}.md"), tmp_path.resolve(), within_s=LONGEST_S)


def test_every_block_of_the_readme_prints_the_shown_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    programs, project = tmp_path / "bin", tmp_path / "project"
    programs.mkdir()
    (programs / "claude").write_text(AGENT)
    (programs / "claude").chmod(0o755)
    project.mkdir()
    for words in (["init", "-q", "-b", "main"], ["commit", "-q", "--allow-empty", "-m", "Begin"]):
        subprocess.run(["git", *words], cwd=project, check=True)
    monkeypatch.setenv("PATH", str(programs), prepend=":")

    followed = [it for it in pasted(README) if it.mark not in COMMANDS]
    assert_shown(followed, project.resolve(), within_s=LONGEST_S)
