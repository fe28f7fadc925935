"""Files that are not regular are dead-lettered unread; files that are too large are refused unread."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.hostile_input.served import Served

LARGE = 10 * 1024**3


def symlink(served: Served, path: Path) -> None:
    path.symlink_to(served.outside / "secret.json")


def dangling_symlink(served: Served, path: Path) -> None:
    path.symlink_to(served.outside / "nothing")


def link_to_itself(served: Served, path: Path) -> None:
    path.symlink_to(path.name)


def link_to_a_reply(served: Served, path: Path) -> None:
    path.symlink_to("../outbox/journal.jsonl")


def link_to_an_endless_device(served: Served, path: Path) -> None:
    path.symlink_to("/dev/zero")


def hard_link(served: Served, path: Path) -> None:
    os.link(served.outside / "secret.json", path)


def fifo(served: Served, path: Path) -> None:
    os.mkfifo(path)


def unix_socket(served: Served, path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(path.parent)  # A socket's path may have about a hundred characters at most.
        try:
            listener.bind(path.name)
        finally:
            os.chdir(here)


def folder(served: Served, path: Path) -> None:
    # Filled before it gets its name, because the worker takes it at once.
    being_made = path.with_name(".being-made")
    being_made.mkdir()
    (being_made / "inner.json").write_bytes(served.request("inner"))
    being_made.rename(path)


def unreadable_folder(served: Served, path: Path) -> None:
    path.mkdir(mode=0)


def character_device(served: Served, path: Path) -> None:
    os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))  # /dev/zero


def tape_like_device(served: Served, path: Path) -> None:
    os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(9, 0))  # Opening it rewinds a tape.


def block_device(served: Served, path: Path) -> None:
    os.mknod(path, stat.S_IFBLK | 0o666, os.makedev(7, 0))  # /dev/loop0


def sparse(served: Served, path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(LARGE)


def one_byte_too_large(served: Served, path: Path) -> None:
    path.write_bytes(b" " * (256 * 1024 + 1))


def empty(served: Served, path: Path) -> None:
    path.touch()


Make = Callable[[Served, Path], None]
SET_ASIDE: list[Make] = [
    symlink,
    dangling_symlink,
    link_to_itself,
    link_to_a_reply,
    link_to_an_endless_device,
    hard_link,
    fifo,
    unix_socket,
    folder,
    unreadable_folder,
]
# Only root can create them.
DEVICES: list[Make] = [character_device, tape_like_device, block_device]
FATES: dict[Make, str] = {
    sparse: "REQUEST_TOO_LARGE",
    one_byte_too_large: "REQUEST_TOO_LARGE",
    empty: "REQUEST_MALFORMED",
}


def makers() -> list[Make]:
    return [*SET_ASIDE, *(DEVICES if os.geteuid() == 0 else []), *FATES]


@pytest.mark.parametrize("is_there_before", [False, True])
def test_special_and_oversized_files_are_rejected_unread(
    served_on_disk: Served, is_there_before: bool
) -> None:
    served = served_on_disk
    if not is_there_before:
        served.start()
        served.begin_honest_work()
    expected = {}
    for make in makers():
        place = served.layout.inbox / f"{make.__name__}.json"
        make(served, place)
        expected[place.name] = FATES.get(make, "DEAD LETTER")
        served.inputs += 1
    if is_there_before:
        served.start()
        served.begin_honest_work()
    assert served.settled(expected) == expected
    assert not list(served.layout.outbox.glob("inner*"))
    served.prove()


def test_special_files_with_invalid_names_are_dead_lettered(served_on_disk: Served) -> None:
    served = served_on_disk
    served.start()
    served.begin_honest_work()
    expected = {}
    for make in (*SET_ASIDE[:8], sparse, empty):
        place = served.layout.inbox / f"{make.__name__} \x1b[31m.json"
        make(served, place)
        expected[place.name] = "DEAD LETTER"
        served.inputs += 1
    assert served.settled(expected) == expected
    served.prove()


def test_file_that_alternates_with_a_symlink_is_answered_once(served: Served) -> None:
    """The name alternates between a symlink and a request while the worker reads the inbox."""
    served.start()
    served.begin_honest_work()
    names = [f"turn-{number}" for number in range(100)]
    for name in names:
        target = served.layout.inbox / f"{name}.json"
        for turn in range(6):
            other = served.layout.inbox / ".turning.tmp"
            if turn % 2:
                other.write_bytes(served.request(name))
            else:
                other.symlink_to(served.outside / "secret.json")
            other.rename(target)
        served.inputs += 1
    served.wait_until(lambda: all(served.code(name) for name in names))
    assert {served.code(name) for name in names} == {"OK"}
    served.wait_until(lambda: not list(served.layout.inbox.glob("*.json")))
    served.prove()
