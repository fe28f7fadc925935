"""A folder that is a symlink, or becomes one while the worker runs, is not followed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.campaign import sampled
from tests.integration.hostile_input.served import DEADLINE_S, Served
from tests.integration.hostile_input.swapper import exchange

HERE = Path(__file__).parent
SWAPPING_S = 1.5
DROP_EVERY_S = 0.02
# Folders that the worker accesses by descriptor. The journal and the locks are
# opened by name, in folders that only the host and its operator can write.
BY_DESCRIPTOR = ("inbox", "claimed", "dead-letters")
COMPONENTS = ("", "inbox", "outbox", "private", "claimed", "dead-letters", "locks")


def lure(served: Served) -> Path:
    """A copy of the mailbox outside the project, with waiting requests, sealed."""
    copy = served.outside / "kitty"
    # The worker renames those meanwhile.
    besides = shutil.ignore_patterns(".*.tmp")
    shutil.copytree(served.layout.kitty, copy, symlinks=True, ignore=besides)
    for name in ("private", "locks"):
        shutil.copytree(served.layout.record / name, copy / name, symlinks=True, ignore=besides)
    for stem in ("lured", "outside"):
        (copy / "inbox" / f"{stem}.json").write_bytes(served.request(stem))
    name = "01J00000000000000000000000-lured-claim.json"
    (copy / "private" / "claimed" / name).write_bytes(served.request("lured-claim"))
    served.seal()
    return copy


def link_beside(served: Served, component: str) -> tuple[Path, Path]:
    """Our folder, and a symlink to its copy outside."""
    layout, copy = served.layout, lure(served)
    beside_record = {
        "private": layout.host,
        "claimed": layout.claimed,
        "dead-letters": layout.dead_letters,
        "locks": layout.locks,
    }
    ours = beside_record.get(component, layout.kitty / component)
    below = "private" if component in ("claimed", "dead-letters") else ""
    link = served.stage.root / "the-link"
    link.symlink_to(copy / below / component)
    return ours, link


def no_lure_was_taken(served: Served) -> None:
    for stem in ("lured", "outside", "lured-claim"):
        assert not served.fates(f"{stem}.json")


@pytest.mark.parametrize("component", sampled(COMPONENTS, every=3))
def test_worker_refuses_a_mailbox_with_a_symlinked_folder(served: Served, component: str) -> None:
    served.drop("waits.json", served.request("waits"))
    ours, link = link_beside(served, component)
    exchange(str(ours), str(link))
    done = served.stage.run("mailbox", "serve", "--once")
    assert done.exit_code == 1
    assert b"Traceback" not in done.stderr
    for word in ("status", "verify"):
        assert b"Traceback" not in served.stage.run("mailbox", word).stderr
    exchange(str(ours), str(link))
    served.start()
    assert served.settled(["waits.json"]) == {"waits.json": "OK"}
    no_lure_was_taken(served)
    served.prove()


@pytest.mark.parametrize("component", BY_DESCRIPTOR)
def test_folder_swapped_repeatedly_with_a_symlink_is_never_followed(
    served: Served, component: str
) -> None:
    served.start("--poll-interval-s", "0.01")
    ours, link = link_beside(served, component)
    inbox = os.open(served.layout.inbox, os.O_RDONLY | os.O_DIRECTORY)
    words = [sys.executable, str(HERE / "swapper.py"), str(ours), str(link), str(SWAPPING_S)]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as swapper:
        names = list(drop_until(swapper, inbox, served))
        swaps = int(swapper.communicate(timeout=DEADLINE_S)[0])
    os.close(inbox)
    assert swaps >= 2
    served.inputs += swaps
    wanted = dict.fromkeys(names, "OK")
    assert served.settled(wanted) == wanted
    no_lure_was_taken(served)
    served.prove()


def drop_until(swapper: subprocess.Popen[bytes], inbox: int, served: Served) -> Iterator[str]:
    """Put requests into the open folder `inbox` and yield their names until the swapper ends."""
    flags, pause = os.O_WRONLY | os.O_CREAT | os.O_EXCL, threading.Event()
    while swapper.poll() is None:
        name = f"landed-{served.inputs}.json"
        with os.fdopen(os.open(".landing.tmp", flags, dir_fd=inbox), "wb") as file:
            file.write(served.request(name.removesuffix(".json")))
        os.rename(".landing.tmp", name, src_dir_fd=inbox, dst_dir_fd=inbox)
        served.inputs += 1
        yield name
        pause.wait(DROP_EVERY_S)
