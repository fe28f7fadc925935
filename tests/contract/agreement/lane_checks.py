"""Lanes, transitions and guards."""

from __future__ import annotations

import re
from collections.abc import Iterator

from specify_cli.conformance.documents import Contract
from tests.contract.agreement.facts import CodeFacts, guards_in_code

ROW = re.compile(r"\| ([a-z_, ]+) \| ([a-z_, ]+) \| `([a-z_]+)` \|")


def lanes_are_the_same(contract: Contract, code: CodeFacts) -> Iterator[str]:
    """Names, terminal lanes, aliases, and lanes that require policy metadata."""
    stated, made = contract.read("lanes"), code.lanes
    if stated["lanes"] != made.lanes:
        yield f"lanes: {stated['lanes']} and {made.lanes}"
    for what in ("terminal", "policy_required"):
        if set(stated[what]) != getattr(made, what):
            yield f"{what}: {stated[what]} and {getattr(made, what)}"
    if stated["aliases"] != made.aliases:
        yield f"aliases: {stated['aliases']} and {made.aliases}"


def moves_are_the_same(contract: Contract, code: CodeFacts) -> Iterator[str]:
    """The table of transitions with their guards."""
    stated = _stated_moves(contract)
    for move in sorted(stated.keys() | code.lanes.moves.keys()):
        if stated.get(move) != code.lanes.moves.get(move):
            yield f"{move}: {stated.get(move)} and {code.lanes.moves.get(move)}"


def guards_are_the_same(contract: Contract, code: CodeFacts) -> Iterator[str]:
    """The names that a refusal can have in `guard`."""
    stated, made = set(contract.read("lanes")["guards"]), guards_in_code(code.refusals)
    if stated != made:
        yield f"guards: {sorted(stated ^ made)}"
    if set(contract.schema("refusal")["properties"]["guard"]["enum"]) != stated:
        yield "guards: the schema of refusals has others"


def the_text_has_the_same_table(contract: Contract, code: CodeFacts) -> Iterator[str]:
    """The table in the text is the one in the JSON file."""
    told = {
        (origin.strip(), to.strip()): guard
        for origins, targets, guard in ROW.findall(contract.texts()["lanes.md"])
        for origin in origins.split(",")
        for to in targets.split(",")
    }
    if told != _stated_moves(contract):
        yield f"lanes.md: {told.items() ^ _stated_moves(contract).items()}"


def _stated_moves(contract: Contract) -> dict[tuple[str, str], str]:
    return {(move["from"], move["to"]): move["guard"] for move in contract.read("lanes")["moves"]}
