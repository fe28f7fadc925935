"""An operator's session in a real terminal: a worker under load, from its start to a restored backup."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.stage import POLICY, SLUG, Stage
from tests.integration.terminal.shell import Shell
from tests.integration.terminal_status.screen import Screen

pytestmark = pytest.mark.long

LOAD = """\
# Every fourth request is refused: WP02 is planned.
n=0
until [ -e stop ]; do
  n=$((n + 1))
  name=append-history; wp=WP01; more='"note":"pass '$n'"'
  [ $((n %% 4)) = 0 ] && name=transition && wp=WP02 && more='"to":"for_review"'
  args='{"mission":"%s","wp":"'$wp'","actor":"ada",'$more'}'
  echo '{"contract_version":"1.5.0","correlation_id":"load-'$n'","command":"'$name'","args":'$args',"policy":%s}' >.kitty/inbox/.load
  mv .kitty/inbox/.load .kitty/inbox/load-$n.json
  sleep 0.1
done
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "demo"
    made.mkdir()
    stage = Stage(root=made)
    stage.make_repository()
    mission = stage.write_mission({"WP01": {}, "WP02": {}})
    stage.git("add", str(mission))
    stage.git("commit", "-q", "-m", "mission")
    (tmp_path / "load.sh").write_text(LOAD % (SLUG, json.dumps(POLICY)))
    return made


@pytest.fixture
def shells(folder: Path, tmp_path: Path) -> Iterator[tuple[Shell, Shell]]:
    """Two terminals; the second one follows the journal."""
    # Not tmp_path: a socket's path may have about a hundred characters at most.
    with tempfile.TemporaryDirectory() as place:
        opened = []
        for name in ("one", "two"):
            shell = Shell(screen=Screen(socket=Path(place) / name))
            shell.open(folder, beside=tmp_path / f"bin-{name}")
            opened.append(shell)
        yield opened[0], opened[1]
        (folder / "stop").touch()
        opened[0].type("kill $(jobs -p); wait")
        for shell in opened:
            shell.screen.close()


def test_operator_session_with_a_worker_under_load(
    shells: tuple[Shell, Shell], folder: Path, tmp_path: Path
) -> None:
    shell, follower = shells
    start(shell)
    follow(follower)
    find_refused(shell)
    reload(shell, folder)
    keep(shell, folder)
    back_up_and_restore(shell, tmp_path)
    # The load continued all the time, and the tail followed the journal across its parts.
    assert newest(follower.screen.text()) > newest(
        shell.type("spec-kitty mailbox tail --until 2s -n 1 --no-follow")
    )


def start(shell: Shell) -> None:
    assert "down: no worker has served it yet\nnext: spec-kitty mailbox serve\n" in shell.type(
        "spec-kitty mailbox status"
    )
    shell.type("spec-kitty mailbox serve 2>../worker.log &")
    shell.type("until [ -e .kitty/outbox/worker.json ]; do sleep 0.1; done; sh ../load.sh &")
    assert "the inbox is watched" in shell.type("head -n 1 ../worker.log | cat")
    assert "well: process" in shell.type("spec-kitty mailbox status")


def follow(shell: Shell) -> None:
    shell.begin("spec-kitty mailbox tail -n 1")
    shell.screen.wait_for(lambda text: text.count("TRANSITION_R") >= 2)
    end(shell)
    shell.begin("spec-kitty mailbox tail --wp WP02 -n 1")
    shell.screen.wait_for(lambda text: text.count("WP02") >= 3 and "append-history" not in text)
    end(shell)
    shell.begin("spec-kitty mailbox tail -n 1")


def find_refused(shell: Shell) -> None:
    refused = shell.type("spec-kitty mailbox tail --failed --since 5m -n 1 --no-follow")
    story = shell.type(f"spec-kitty mailbox show {newest(refused)}")
    assert re.search(r"\nload-\d+  transition  TRANSITION_REJECTED\n", story)
    assert "\n  reason     WP02 cannot go from planned to for_review" in story
    assert "\n  policy     nightly 1.0.0" in story
    stats = shell.type("spec-kitty mailbox stats --since 5m")
    assert re.search(r"\ntransition +(\d+) +\1 ", stats), stats
    assert re.search(r"\nTRANSITION_REJECTED +\d+\n", stats), stats


def reload(shell: Shell, folder: Path) -> None:
    config = folder / ".kitty/config.toml"
    config.write_text("reads_dayz = 7\n")
    screen = shell.type("spec-kitty mailbox reload; echo code $?").replace("\n", "")
    assert "did you mean 'reads_days'?" in screen
    assert "code 1" in screen
    assert "degraded: " in shell.type("spec-kitty mailbox status")
    config.write_text("reads_days = 7\n")
    assert "reads_days: 30 -> 7\n" in shell.type("spec-kitty mailbox reload")
    assert "well: process" in shell.type("spec-kitty mailbox status")


def keep(shell: Shell, folder: Path) -> None:
    # If the journal is moved away, the host starts another part.
    shell.type("mv .kitty/outbox/journal.jsonl ../moved.jsonl")
    shell.type("until ls .kitty/outbox/journal-1.jsonl 2>/dev/null; do sleep 0.1; done")
    (folder / ".kitty/config.toml").write_text("reads_days = 7\njournal_max_bytes = 0\n")
    shell.begin("spec-kitty mailbox prune")
    shell.answer("1 part of the journal would be archived", "n")
    shell.finish()
    shell.begin("spec-kitty mailbox prune")
    shell.answer("Go ahead? [y/N]", "y")
    assert "1 part of the journal archived" in shell.finish()
    assert "journal-1.jsonl.gz" in shell.type("ls .kitty/archive")
    assert "load-1  append-history  OK" in shell.type("spec-kitty mailbox show 1")
    assert "sound" in shell.type("spec-kitty mailbox verify")


def back_up_and_restore(shell: Shell, tmp_path: Path) -> None:
    assert "1 archived part of the journal" in shell.type("spec-kitty backup ../demo.backup")
    head = shell.type("spec-kitty mailbox head").split()[-3]
    shell.type("git clone -q . ../elsewhere; spec-kitty restore ../demo.backup --into ../elsewhere")
    shell.type("cd ../elsewhere")
    assert "the log lacks" in shell.type("spec-kitty doctor")
    assert "wrote the missing lines" in shell.type("spec-kitty doctor --fix")
    assert "sound" in shell.type("spec-kitty mailbox verify")
    screen = shell.type(f"spec-kitty mailbox head --expect {head}")
    assert "the record ends at entry" in screen
    shell.type("cd ../demo")


def end(shell: Shell) -> None:
    """End the running command with Ctrl-C and wait for a fresh prompt."""
    shell.screen.press("C-c")
    shell.screen.wait_for(lambda text: f"{shell.typed + 1} $" in text)
    shell.screen.press("Enter")
    shell.finish()


def newest(screen: str) -> int:
    """The number of the last line of a table."""
    return int(re.findall(r"^ *(\d+) +\d", screen, re.MULTILINE)[-1])
