from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from specify_cli.errors import StorageFailed
from specify_cli.files.regular_files import NotRegular
from specify_cli.mailbox.inbox import Inbox, Landed
from specify_cli.mailbox.layout import MailboxLayout

# Only root may give a file away.
OTHER_UID = 12345 if os.geteuid() == 0 else os.geteuid()


def rename_across_file_systems(old: str, new: str, /, *, src_dir_fd: int, dst_dir_fd: int) -> None:
    """Rename like the kernel between two file systems."""
    if not os.path.sameopenfile(src_dir_fd, dst_dir_fd):
        os.stat(old, dir_fd=src_dir_fd, follow_symlinks=False)
        raise OSError(errno.EXDEV, "Invalid cross-device link")
    os.rename(old, new, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)


@pytest.fixture
def inbox(layout: MailboxLayout) -> Inbox:
    return Inbox(layout.paths("default"))


@pytest.fixture
def far_inbox(layout: MailboxLayout) -> Inbox:
    return Inbox(layout.paths("default"), rename=rename_across_file_systems)


@pytest.mark.parametrize("name", ["a.json", "0-._Z.json", "x" * 128 + ".json", "workers.json"])
def test_a_valid_file_name_can_be_answered(name: str) -> None:
    assert Landed(0, name).stem == name.removesuffix(".json")


@pytest.mark.parametrize(
    "name",
    [
        "a",
        ".json",
        ".a.json",
        "a/b.json",
        "x" * 129 + ".json",
        "a\n.json",
        "a.json\n",
        "\u00e4.json",
    ],
)
def test_an_invalid_file_name_cannot_be_answered(name: str) -> None:
    assert Landed(0, name).stem is None


def test_a_listing_is_bounded(inbox: Inbox) -> None:
    for number in range(5):
        (inbox.folder / f"{number}.json").touch()
    assert len(inbox.landed(limit=3)) == 3
    assert inbox.backlog().depth == 5


def test_a_listing_has_every_entry_older_than_its_youngest(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        (inbox.folder / f"{name}.json").touch()
    listed, looks = Inbox._list, 0

    def missing_one(
        self: Inbox, folder: int, subfolders: list[str], **known: Mapping[str, Landed]
    ) -> Iterator[Landed]:
        nonlocal looks
        looks += 1
        if looks == 2:
            (inbox.folder / "c.json").touch()
        found = list(listed(self, folder, subfolders, **known))
        return (one for one in found if looks > 1 or one.name != "a.json")

    monkeypatch.setattr(Inbox, "_list", missing_one)
    names = [one.name for one in inbox.landed()]
    assert names[:2] == ["a.json", "b.json"]


@pytest.mark.parametrize("is_told", [True, False])
def test_a_listing_notes_whether_the_inbox_is_watched(layout: MailboxLayout, is_told: bool) -> None:
    inbox = Inbox(layout.paths("default"), on_look=lambda _: is_told)
    assert inbox.landed() == []
    assert inbox.is_watched is is_told


@pytest.mark.parametrize("stem", ["worker", "Worker"])
def test_a_claim_with_an_invalid_id_is_ignored(inbox: Inbox, stem: str) -> None:
    planted = inbox.folder / f".claim-01JD8Z6W3M4Y6T1F8B2Q5R7X9N-{stem}.json"
    planted.touch()
    assert inbox.recover() == []
    assert planted.exists()


@pytest.mark.parametrize("ending", ["ZZ", "ZY"])
def test_a_forged_claim_with_the_highest_id_does_not_lose_other_claims(
    inbox: Inbox, ending: str
) -> None:
    planted = inbox.folder / f".claim-7{'Z' * 23}{ending}-x.json"
    planted.write_bytes(b"{}")
    inbox.recover()
    for name in ("a", "b"):
        (inbox.folder / f"{name}.json").write_bytes(b"{}")
        claim = inbox.claim(f"{name}.json", name)
        assert claim is not None
        inbox.keep(claim, b"{}")
    assert [claim.stem for claim in inbox.recover()] == ["a", "b", "x"]


def test_an_empty_inbox_has_no_oldest_request(inbox: Inbox) -> None:
    assert inbox.backlog().oldest is None


def test_a_request_is_claimed_only_once(inbox: Inbox) -> None:
    (inbox.folder / "a.json").write_bytes(b"1")
    claim = inbox.claim("a.json", "a")
    assert claim is not None
    assert claim.read(10) == b"1"
    assert inbox.claim("a.json", "a") is None
    assert inbox.claims() == [claim]


def test_two_claims_with_the_same_id_are_kept_apart(inbox: Inbox) -> None:
    for body in (b"1", b"2"):
        (inbox.folder / "a.json").write_bytes(body)
        inbox.claim("a.json", "a")
    assert sorted(claim.read(10) for claim in inbox.claims()) == [b"1", b"2"]


def test_a_claim_across_file_systems_stays_hidden_in_the_inbox(far_inbox: Inbox) -> None:
    (far_inbox.folder / "a.json").write_bytes(b"1")
    claim = far_inbox.claim("a.json", "a")
    assert claim is not None
    assert claim.path.parent == far_inbox.folder
    assert claim.read(10) == b"1"
    assert far_inbox.landed() == []
    assert far_inbox.claims() == [claim]
    assert far_inbox.claim("a.json", "a") is None


def test_a_body_across_file_systems_stays_hidden_in_the_inbox(
    far_inbox: Inbox, layout: MailboxLayout
) -> None:
    os.mkfifo(far_inbox.folder / "odd")
    moved = far_inbox.move(far_inbox.folder / "odd", layout.dead_letters, "L.body")
    assert moved == far_inbox.hidden("L.body")
    assert far_inbox.hidden("other.body") is None
    assert far_inbox.landed() == []
    assert far_inbox.claims() == []


def test_a_kept_claim_is_a_copy_that_its_writer_cannot_change(inbox: Inbox) -> None:
    (inbox.folder / "a.json").write_bytes(b"as read")
    os.chown(inbox.folder / "a.json", OTHER_UID, -1)
    with (inbox.folder / "a.json").open("r+b", buffering=0) as writer:
        claim = inbox.claim("a.json", "a")
        assert claim is not None
        kept = inbox.keep(claim, claim.read(10))
        writer.write(b"changed")
    assert inbox.claims() == [kept]
    assert kept.read(10) == b"as read"
    assert kept.path.stat().st_uid == OTHER_UID
    assert inbox.keep(kept, b"other") == kept
    kept.retire()
    assert inbox.claims() == []


@pytest.mark.parametrize("kind", ["inbox", "far_inbox"])
def test_after_a_crash_only_the_kept_copy_counts(
    kind: str, request: pytest.FixtureRequest, layout: MailboxLayout
) -> None:
    inbox: Inbox = request.getfixturevalue(kind)
    (inbox.folder / "a.json").write_bytes(b"as read")
    claim = inbox.claim("a.json", "a")
    assert claim is not None
    kept = layout.claimed / f"{claim.claim_id}-a.json.read"
    kept.write_bytes(b"as read")
    claim.path.write_bytes(b"changed")
    assert [found.path for found in inbox.claims()] == [kept]
    assert [found.read(10) for found in inbox.recover()] == [b"as read"]
    assert not claim.path.exists()


def test_a_half_written_copy_is_removed_at_the_next_start(
    inbox: Inbox, layout: MailboxLayout
) -> None:
    (inbox.folder / "a.json").write_bytes(b"as it lies there")
    claim = inbox.claim("a.json", "a")
    assert claim is not None
    copy = layout.claimed / f".{claim.path.name}.read.0123456789abcdef.tmp"
    copy.write_bytes(b"as it")
    assert [found.read(20) for found in inbox.recover()] == [b"as it lies there"]
    assert list(layout.claimed.iterdir()) == [claim.path]


def test_an_inbox_that_is_a_link_is_not_followed(layout: MailboxLayout, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    layout.inbox.rename(elsewhere)
    layout.inbox.symlink_to(elsewhere)
    with pytest.raises(StorageFailed):
        Inbox(layout.paths("default")).landed()


def test_a_dangling_link_is_listed_and_claimed_as_a_link(inbox: Inbox) -> None:
    (inbox.folder / "a.json").symlink_to("nowhere")
    (landed,) = inbox.landed()
    claim = inbox.claim(landed.name, "a")
    assert inbox.claims() == [claim]
    assert claim is not None
    assert claim.written_at() > 0
    with pytest.raises(NotRegular):
        claim.read(10)


def test_a_kept_copy_gets_the_owner_of_the_link_and_not_of_its_target(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    (inbox.folder / "a.json").write_bytes(b"1")
    claim = inbox.claim("a.json", "a")
    assert claim is not None
    claim.path.unlink()
    claim.path.symlink_to("nowhere")
    link, given = claim.path.lstat(), []
    monkeypatch.setattr(os, "chown", lambda name, *owner, **_: given.append((name, *owner)))
    kept = inbox.keep(claim, b"1")
    assert given == [(kept.path.name, link.st_uid, link.st_gid)]


def test_a_writer_cannot_forge_the_copy_of_a_claim(far_inbox: Inbox) -> None:
    (far_inbox.folder / "a.json").touch()
    claim = far_inbox.claim("a.json", "a")
    assert claim is not None
    forged = far_inbox.folder / f"{claim.path.name}.read"
    forged.write_text("{}")
    assert far_inbox.recover() == [claim]
    assert claim.path.exists()
    assert forged.exists()
