from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from specify_cli.mailbox.layout import MailboxLayout
from specify_cli.mailbox.verification import find_breaks, find_notes
from specify_cli.storage.layout import Layout
from specify_cli.storage.reply_differences import outboxes
from tests.unit.mailbox.recording import put


@pytest.fixture
def served(layout: MailboxLayout, drain: Callable[[], None]) -> MailboxLayout:
    for name in ("a", "b", "c"):
        put(layout, name)
    (layout.inbox / "bad name").touch()
    drain()
    return layout


def test_a_served_mailbox_is_valid(served: MailboxLayout) -> None:
    assert find_breaks(served) == []


def test_an_unused_mailbox_is_valid(tmp_path: object, layout: MailboxLayout) -> None:
    assert find_breaks(layout) == []
    assert not layout.journal.exists()


def test_a_missing_reply_is_noted(served: MailboxLayout) -> None:
    (served.outbox / "a.json").unlink()
    assert find_breaks(served) == []
    (found,) = find_notes(served)
    assert found.startswith("a.json: is missing")


@pytest.mark.parametrize("content", [b"{}", b"", b"not json", b"[" * 100_000])
def test_a_changed_reply_is_reported(served: MailboxLayout, content: bytes) -> None:
    (served.outbox / "b.json").write_bytes(content)
    (found,) = find_breaks(served)
    assert found.startswith("b.json")


def test_a_reply_without_a_journal_line_is_reported(served: MailboxLayout) -> None:
    (served.outbox / "planted.json").write_bytes(b"{}")
    (found,) = find_breaks(served)
    assert found.startswith("planted.json")


def test_the_target_of_a_link_in_the_outbox_is_not_read(
    served: MailboxLayout, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "planted.json").write_bytes(b"{}")
    (served.outbox / "nightly").symlink_to(tmp_path / "elsewhere")
    assert find_breaks(served) == []
    assert [name for name, _ in outboxes(Layout(served.root))] == ["default"]


def test_a_truncated_journal_is_reported(served: MailboxLayout) -> None:
    lines = served.journal.read_bytes().splitlines(keepends=True)
    served.journal.write_bytes(b"".join(lines[:1]))
    assert find_breaks(served)


def test_a_changed_journal_is_reported(served: MailboxLayout) -> None:
    changed = served.journal.read_bytes().replace(
        b'"identity":"default"', b'"identity":"someone"', 1
    )
    served.journal.write_bytes(changed)
    assert any("journal.jsonl line 1:" in found for found in find_breaks(served))
