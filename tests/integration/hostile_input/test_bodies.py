"""Whatever bytes a request file contains, it gets one answer, and invalid ones change nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.integration.hostile_input.served import Served
from tests.integration.stage import POLICY, SLUG, digest_of_tree

BOUND = 256 * 1024
Bodies = dict[str, tuple[bytes, str]]
MALFORMED, USAGE = "REQUEST_MALFORMED", "USAGE_ERROR"


def body(stem: str, **more: Any) -> bytes:
    whole = {
        "contract_version": "1.3.0",
        "correlation_id": stem,
        "command": "append-history",
        "args": {"mission": SLUG, "wp": "WP01", "actor": "coder", "note": "n"},
    }
    return json.dumps(whole | more).encode()


def with_note(stem: str, raw_note: bytes) -> bytes:
    """The request with these raw bytes as its note."""
    return body(stem).replace(b'"n"', raw_note)


def encodings() -> Bodies:
    plain = body("x").decode()
    return {
        "byte-order-mark": (b"\xef\xbb\xbf" + body("byte-order-mark"), MALFORMED),
        "utf-16": (plain.encode("utf-16"), MALFORMED),
        "utf-16-le": (plain.encode("utf-16-le"), MALFORMED),
        "utf-16-be": (plain.encode("utf-16-be"), MALFORMED),
        "utf-32": (plain.encode("utf-32"), MALFORMED),
        "utf-7": (plain.replace("{", "+AHs-").encode("ascii"), MALFORMED),
        "ebcdic": (plain.encode("cp037"), MALFORMED),
        "latin-1": (with_note("latin-1", '"\xe9"'.encode("latin-1")), MALFORMED),
        "not-utf-8": (b"\xff\xfe\xfd", MALFORMED),
        "overlong": (with_note("overlong", b'"\xc0\xaf"'), MALFORMED),
        "surrogate-bytes": (with_note("surrogate-bytes", b'"\xed\xa0\x80"'), MALFORMED),
        "cut-character": (with_note("cut-character", b'"\xe2\x82"'), MALFORMED),
        "beyond-unicode": (with_note("beyond-unicode", b'"\xf4\x90\x80\x80"'), MALFORMED),
    }


def shapes() -> Bodies:
    twice = b'{"correlation_id": "twice", ' + body("twice")[1:]
    by_escape = with_note("by-escape", b'"n", "not\\u0065": "m"')
    return {
        "nothing": (b"", MALFORMED),
        "spaces": (b" \n\t" * 1000, MALFORMED),
        "list": (b"[]", MALFORMED),
        "null": (b"null", MALFORMED),
        "text": (b'"text"', MALFORMED),
        "number": (b"17", MALFORMED),
        "cut-short": (body("cut-short")[:-7], MALFORMED),
        "two-objects": (body("two-objects") * 2, MALFORMED),
        "json-lines": (body("json-lines") + b"\n" + body("json-lines") + b"\n", MALFORMED),
        "trailing-nul": (body("trailing-nul") + b"\0", MALFORMED),
        "all-nul": (b"\0" * 4096, MALFORMED),
        "comment": (b"/* */" + body("comment"), MALFORMED),
        "trailing-comma": (body("trailing-comma")[:-1] + b",}", MALFORMED),
        "single-quotes": (body("single-quotes").replace(b'"', b"'"), MALFORMED),
        "raw-newline": (with_note("raw-newline", b'"a\nb"'), MALFORMED),
        "raw-escape": (with_note("raw-escape", b'"\x1b[31m"'), MALFORMED),
        "bad-escape": (with_note("bad-escape", b'"\\x41"'), MALFORMED),
        "twice": (twice, MALFORMED),
        "by-escape": (by_escape, MALFORMED),
        "empty-object": (b"{}", USAGE),
        "other-id": (body("another-id"), USAGE),
        "unknown-field": (body("unknown-field", **{"\x1b[2J": 1}), USAGE),
        "prototype": (body("prototype", __proto__={"force": True}), USAGE),
        "args-list": (body("args-list", args=[]), USAGE),
        "command-null": (body("command-null", command=None), USAGE),
        "command-path": (body("command-path", command="../../bin/sh"), USAGE),
        "command-dunder": (body("command-dunder", command="__init__"), USAGE),
        "command-long": (body("command-long", command="x" * 200_000), USAGE),
        "not-after-list": (body("not-after-list", not_after=[]), USAGE),
        "not-after-far": (body("not-after-far", not_after="99999-01-01T00:00:00Z"), USAGE),
        "not-after-leap": (body("not-after-leap", not_after="9999-12-31T23:59:60Z"), USAGE),
        "not-after-zone": (body("not-after-zone", not_after="0001-01-01T00:00:00+14:00"), USAGE),
        "version-of-digits": (
            body("version-of-digits", contract_version=f"1.{'9' * 10_000}.0"),
            "CONTRACT_VERSION_MISMATCH",
        ),
        "version-full-width": (
            body("version-full-width", contract_version="\uff11.3.0"),
            "CONTRACT_VERSION_MISMATCH",
        ),
    }


def numbers() -> Bodies:
    written = {
        "nan": (b"NaN", MALFORMED),
        "infinity": (b"Infinity", MALFORMED),
        "minus-infinity": (b"-Infinity", MALFORMED),
        "1e999": (b"1e999", MALFORMED),
        "minus-1e999": (b"-1e999", MALFORMED),
        "1e-999": (b"1e-999", USAGE),
        "huge-exponent": (b"1e" + b"9" * 1000, MALFORMED),
        "4000-digits": (b"9" * 4000, USAGE),
        "5000-digits": (b"9" * 5000, MALFORMED),
        "200000-digits": (b"9" * 200_000, MALFORMED),
        "200000-digits-behind-the-point": (b"0." + b"9" * 200_000, USAGE),
        "minus-nought": (b"-0", USAGE),
        "hexadecimal": (b"0x10", MALFORMED),
        "leading-nought": (b"01", MALFORMED),
        "plus": (b"+1", MALFORMED),
        "full-width-digit": ("\uff11".encode(), MALFORMED),
    }
    return {stem: (with_note(stem, raw), code) for stem, (raw, code) in written.items()}


def depths() -> Bodies:
    deep = 10_000
    many = (BOUND - 400) // 2
    return {
        "deep-lists": (with_note("deep-lists", b"[" * deep + b"]" * deep), MALFORMED),
        "deep-objects": (with_note("deep-objects", b'{"":' * deep + b"1" + b"}" * deep), MALFORMED),
        "deep-mixed": (with_note("deep-mixed", b'[{"":' * deep + b"1" + b"}]" * deep), MALFORMED),
        "deepest": (b"[" * BOUND, MALFORMED),
        "deepest-closed": (with_note("deepest-closed", b"[" * many + b"]" * many), MALFORMED),
        "deep-in-policy": (
            body("deep-in-policy", policy=POLICY).replace(
                b'"dangerous_flags": []', b'"dangerous_flags": ' + b"[" * 500 + b"]" * 500
            ),
            "POLICY_VALIDATION_FAILED",
        ),
        "below-the-depth": (with_note("below-the-depth", b"[" * 97 + b"]" * 97), USAGE),
        "brackets-in-text": (with_note("brackets-in-text", b'"' + b"[" * 100_000 + b'"'), "OK"),
    }


def crowds() -> Bodies:
    keys = {str(number): 0 for number in range(1_000_000)}
    some = {f"{number:x}": 0 for number in range(22_000)}
    same = b"{" + b'"a":0,' * 40_000 + b'"a":0}'
    return {
        "million-keys": (body("million-keys", args=keys), "REQUEST_TOO_LARGE"),
        "many-keys": (body("many-keys", args=some), USAGE),
        "many-fields": (body("many-fields", **some), USAGE),
        "many-in-policy": (body("many-in-policy", policy=POLICY | some), "OK"),
        "many-in-evidence": (
            body(
                "many-in-evidence",
                command="transition",
                args={"mission": SLUG, "wp": "WP01", "to": "done", "evidence": some, "actor": "x"},
            ),
            USAGE,
        ),
        "one-key-again-and-again": (same, MALFORMED),
        "many-nothings": (with_note("many-nothings", b"[" + b"[]," * 80_000 + b"[]]"), USAGE),
        "one-byte-too-large": (b" " * (BOUND + 1), "REQUEST_TOO_LARGE"),
        "just-large-enough": (body("just-large-enough").ljust(BOUND), "OK"),
    }


def in_policy(stem: str, value: str) -> tuple[bytes, str]:
    """A policy with many beginnings of a secret: a regex that backtracks is slow."""
    policy = POLICY | {"orchestrator_id": value * (200_000 // len(value))}
    return body(stem, policy=policy), "OK"


def slow_searches() -> Bodies:
    shapes = ("ghp_", "eyJaaaaa", "-----BEGIN a", "a:a", "sk_a", "x:", "--full-autox", "AIzaA ")
    return {f"slow-{n}": in_policy(f"slow-{n}", shape) for n, shape in enumerate(shapes)}


def texts() -> Bodies:
    lone = b'"\\ud800"'
    return {
        "lone-surrogate": (with_note("lone-surrogate", lone), USAGE),
        "lone-low-surrogate": (with_note("lone-low-surrogate", b'"\\udfff\\ud800"'), USAGE),
        "surrogate-key": (with_note("surrogate-key", b'"n", "\\ud800": 1'), USAGE),
        "surrogate-field": (body("surrogate-field")[:-1] + b', "\\ud800": 1}', USAGE),
        "surrogate-command": (
            body("surrogate-command").replace(b'"append-history"', lone),
            USAGE,
        ),
        "surrogate-version": (
            body("surrogate-version").replace(b'"1.3.0"', lone),
            "CONTRACT_VERSION_MISMATCH",
        ),
        "surrogate-policy": (
            body("surrogate-policy", policy=POLICY).replace(b'"nightly"', lone),
            "POLICY_VALIDATION_FAILED",
        ),
        "surrogate-in-policy": (
            body("surrogate-in-policy", policy=POLICY | {"x": [{"\udc80": 1}]}),
            "POLICY_VALIDATION_FAILED",
        ),
        "surrogate-mission": (
            body("surrogate-mission").replace(f'"{SLUG}"'.encode(), lone),
            USAGE,
        ),
        "nul-in-text": (with_note("nul-in-text", b'"a\\u0000b"'), "OK"),
        "escape-codes": (with_note("escape-codes", b'"\\u001b[2J\\u001b]0;owned\\u0007"'), "OK"),
        "line-separators": (with_note("line-separators", b'"a\\u2028b\\u0085c\\r\\nd"'), "OK"),
        "right-to-left": (with_note("right-to-left", b'"\\u202e"'), "OK"),
    }


GROUPS = (encodings, shapes, numbers, depths, crowds, slow_searches, texts)


def settle(served: Served, bodies: Mapping[str, tuple[bytes, str]]) -> None:
    for stem, (raw, _) in bodies.items():
        served.drop(f"{stem}.json", raw)
    wanted = {f"{stem}.json": code for stem, (_, code) in bodies.items()}
    found = served.settled(wanted)
    assert {name: (found[name], code) for name, code in wanted.items() if found[name] != code} == {}


def test_every_body_is_answered_once_and_applied_only_if_valid(
    served: Served,
) -> None:
    before = digest_of_tree(served.stage.root, besides=(".kitty", "kitty-specs"))
    served.start()
    served.begin_honest_work()
    bodies = {stem: body for group in GROUPS for stem, body in group().items()}
    settle(served, bodies)
    served.prove()
    applied = {event["correlation_id"] for event in served.stage.events()}
    expected = {stem for stem, (_, code) in bodies.items() if code == "OK"}
    assert applied == expected
    assert len(served.stage.events()) == len(expected)
    assert digest_of_tree(served.stage.root, besides=(".kitty", "kitty-specs")) == before


def test_reply_does_not_repeat_the_refused_body(served: Served) -> None:
    """A reply can be read by others, so it must not quote the refused body."""
    secret = "hunter2-" * 40
    served.start()
    served.begin_honest_work()
    served.drop("malformed.json", f'{{"password": "{secret}",'.encode())
    served.drop("unknown.json", body("unknown", x=secret))
    served.drop("policy.json", body("policy", policy=POLICY | {"network_mode": [secret]}))
    served.settled(["malformed.json", "unknown.json", "policy.json"])
    for path in served.layout.outbox.iterdir():
        assert b"hunter2" not in path.read_bytes()
    served.prove()
