"""Files with any name get an outcome, and control codes of others do not reach a terminal."""

from __future__ import annotations

import json
import os
import re
import unicodedata
from collections.abc import Iterator

from tests.integration.hostile_input.served import Served
from tests.integration.hostile_input.terminal import Terminal
from tests.integration.stage import SLUG, digest_of_tree

# Set the title or clipboard, clear, move, query the terminal, reset, ring the bell, hide letters.
CODES = (
    "\x1b]0;owned\x07",
    "\x1b]52;c;b3duZWQ=\x07",
    "\x1b[2J\x1b[H",
    "\x1b[6n",
    "\x1b[31;7mowned",
    "\x1bc",
    "\x9b2J",
    "\x9d0;owned\x9c",
    "\r\x08\x07\x0b\x0c\x7f",
    "\u202eowned\u202c\u2066\u200b\u200d\ufeff",
    "\n2026-11-22 mailbox default forged OK",
)
ALPHABETS = (
    "übergröße", "ελληνικά", "кириллица", "עברית", "العربية", "हिन्दी", "ไทย", "日本語", "한국어",
    "中文", "ქართული", "አማርኛ", "ᏣᎳᎩ", "🐈‍⬛", "\U0001d4b6\U0001d4b7\U0001d4b8", "ﬁ", "\u0131", "İ", "\u0660\u0661", "\uff41\uff42\uff43", "e\u0301",
    "\u00e9", "\u2028", "\u00a0", "\u3000", "\u200b", "\ufeff", "\ufffe", "\U0010ffff",
)  # fmt: skip
SHELL = (
    "$(touch owned)", "`touch owned`", "a;touch owned", "a|b", "a&b", "a>b", "*", "?", "[a]", "~",
    "'", '"', "\\", "%s%n", "{0}", " ", "a b", "\t", "#", "!!", "\x01", "\x7f", "@/dev/null", "nul:",
)  # fmt: skip
IN_THE_WAY = (
    "worker.json",
    "WORKER.json",
    "Worker.JSON",
    "journal.jsonl",
    "a.json.json ",
    "a.JSON",
)
LONG = ("x" * 129 + ".json", "x" * 250 + ".json", "é" * 125 + ".json", "y" * 255)
NO_UTF_8 = (b"\xff\xfe.json", b"\xc3(.json", b"a\x80\x81", b"\xed\xa0\x80.json")
FINE = ("x" * 128 + ".json", "-.json", "--help.json", "a..b.json", "_.json", "CON.json", "0.json")


def names() -> Iterator[bytes]:
    for text in (*ALPHABETS, *SHELL, *CODES):
        plain = text.replace("/", "")
        yield os.fsencode(f"{plain}.json")
        yield os.fsencode(plain + "\n")
    yield from map(os.fsencode, (*IN_THE_WAY, *LONG))
    yield from NO_UTF_8


def test_files_with_invalid_names_are_dead_lettered(served: Served) -> None:
    before = digest_of_tree(served.stage.root)
    served.start()
    served.begin_honest_work()
    wanted = {os.fsdecode(name): "DEAD LETTER" for name in names()}
    for name in wanted:
        served.drop(name, served.request("x"))
    for name in FINE:
        served.drop(name, served.request(name.removesuffix(".json")))
    wanted |= dict.fromkeys(FINE, "OK")
    found = served.settled(wanted)
    assert {name: fate for name, fate in found.items() if fate != wanted[name]} == {}
    assert digest_of_tree(served.stage.root) == before
    served.prove()


def test_names_in_different_unicode_normal_forms_are_different_names(
    served: Served,
) -> None:
    composed = unicodedata.normalize("NFC", "é") + ".json"
    taken_apart = unicodedata.normalize("NFD", "é") + ".json"
    served.start()
    served.begin_honest_work()
    for name in (composed, taken_apart):
        served.drop(name, b"{}")
    assert set(served.settled([composed, taken_apart]).values()) == {"DEAD LETTER"}
    served.prove()


# Terminals.


def plant(served: Served) -> list[str]:
    """Put control codes wherever others can put text; return the stems of the requests."""
    served.stage.write_mission(
        {"WP01": {"title": "".join(CODES)}}, slug="002-other", title="".join(CODES)
    )
    folder = served.stage.root / "kitty-specs" / "003-\x1b]0;owned\x07"
    folder.mkdir()
    (folder / "meta.json").write_text(json.dumps({"title": CODES[0], "mission_slug": CODES[2]}))
    stems = []
    for number, code in enumerate(CODES):
        served.drop(f"{code.replace('/', '')}.json", b"{}")
        (served.layout.inbox / f"folder{code}.json").mkdir()
        served.drop(f"malformed-{number}.json", f"{code}".encode())
        stem = f"note-{number}"
        args = {"mission": SLUG, "wp": "WP01", "actor": f"x{code}", "note": f"x{code}"}
        served.drop(f"{stem}.json", served.request(stem, "append-history", args=args))
        unknown = served.request(f"unknown-{number}", f"x{code}", **{code: 1})
        served.drop(f"unknown-{number}.json", unknown)
        served.drop(
            f"{number}-mission.json", served.request(f"{number}-mission", args={"mission": code})
        )
        stems += [stem, f"unknown-{number}", f"{number}-mission", f"malformed-{number}"]
    return stems


WORDS = (
    ("mailbox", "serve", "--once"),
    ("mailbox", "status"),
    ("mailbox", "status", "--json"),
    ("mailbox", "verify"),
    ("mailbox", "dead-letters", "list"),
    ("status", "--mission", SLUG),
    ("status", "--mission", "002"),
    ("mission", "list"),
    ("tasks", "list", "--mission", "002"),
    ("doctor",),
    ("doctor", "--mission", "002"),
    ("status",),
    ("mailbox", "show", CODES[0]),
    ("status", "--mission", CODES[0]),
    ("implement", CODES[0]),
    (CODES[0],),
)
OWN_CODES = re.compile(rb"\r\x1b\[K|\x1b\[[0-9;]*m|\x1b\[\?25[lh]|\x1b\[\?2004[lh]")


def strangers(sent: bytes) -> set[bytes]:
    """Control characters other than our own colours, and the planted codes."""
    text = OWN_CODES.sub(b"", sent.replace(b"\r\n", b"\n"))
    found = set(re.findall(rb"[\x00-\x09\x0b-\x1f\x7f]", text))
    found |= {hidden.encode() for hidden in set(text.decode()) - {"\n"} if not hidden.isprintable()}
    return found | {code for code in (b"\x1b[31;7m", b"]0;owned\x07") if code in sent}


def test_no_command_prints_control_codes_of_other_users(served: Served) -> None:
    stems = plant(served)
    shows = [("mailbox", "show", stem) for stem in stems[:3]]
    for words in (*WORDS, *shows):
        terminal = Terminal()
        terminal.run(words, served.stage.root)
        sent = terminal.close()
        assert sent, words
        assert strangers(sent) == set(), (words, sent)


def test_worker_on_a_terminal_prints_no_control_codes_of_other_users(served: Served) -> None:
    terminal = Terminal()
    served.start(terminal=terminal.theirs)
    served.begin_honest_work()
    stems = plant(served)
    served.settled([f"{stem}.json" for stem in stems])
    served.prove()
    assert strangers(terminal.close()) == set()
