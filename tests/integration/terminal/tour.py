"""From an empty folder to a merged mission: commands and expected output."""

from __future__ import annotations

from typing import NamedTuple

MISSION = "001-greeting"
FOLDER = f"kitty-specs/{MISSION}"


class Step(NamedTuple):
    """A command, a text in its output, and its questions with answers."""

    command: str
    shown: str = ""
    answers: tuple[tuple[str, str], ...] = ()


OUTLINE = f"""\
cat >>{FOLDER}/tasks.md <<'END'

## WP01 Say hello

Owned files: hello/**

Print a greeting.

- [ ] T001 Write hello/say

## WP02 Say goodbye

Dependencies: WP01
Owned files: goodbye/**

Print a farewell that names whom hello greeted.
END"""

TOUR = (
    Step("git init -q -b main ."),
    Step("spec-kitty init", 'next: spec-kitty specify "What is to be built"'),
    Step('spec-kitty specify "Greeting"', f"next: spec-kitty plan --mission {MISSION}"),
    Step(f"echo 'It greets, and says goodbye.' >>{FOLDER}/spec.md"),
    Step("spec-kitty plan", "next: spec-kitty tasks"),
    Step(OUTLINE),
    Step("spec-kitty tasks", "next: spec-kitty implement WP01"),
    Step("spec-kitty implement WP02", "next: spec-kitty implement WP01"),
    Step("spec-kitty implement WP01", "next: spec-kitty tasks done WP01"),
    Step(f"cd .worktrees/{MISSION}-lane-a"),
    Step("mkdir hello && echo 'echo hello' >hello/say"),
    Step("git add hello && git commit -q -m 'Say hello'"),
    Step("spec-kitty implement WP01 --done", "next: spec-kitty tasks done WP01"),
    Step("spec-kitty tasks done WP01", "next: spec-kitty implement WP01 --done"),
    Step("spec-kitty implement WP01 --done", "next: spec-kitty review WP01"),
    Step(
        "spec-kitty review WP01 --request-changes --note 'Greet the world'",
        "next: spec-kitty implement WP01",
    ),
    Step("echo 'echo hello world' >hello/say && git commit -q -a -m 'Greet the world'"),
    Step("spec-kitty implement WP01 --done", "next: spec-kitty review WP01"),
    Step("spec-kitty review WP01 --approve", "next: spec-kitty implement WP02"),
    Step("cd ../.."),
    Step("spec-kitty implement WP02", "next: spec-kitty implement WP02 --done"),
    Step(f"cd .worktrees/{MISSION}-lane-b"),
    Step("mkdir goodbye && echo 'echo goodbye world' >goodbye/say"),
    Step("git add goodbye && git commit -q -m 'Say goodbye'"),
    Step("spec-kitty implement WP02 --done", "next: spec-kitty review WP02"),
    Step("spec-kitty accept", "next: spec-kitty review WP02"),
    Step("spec-kitty review WP02 --approve", "next: spec-kitty accept"),
    Step("cd ../.."),
    Step("spec-kitty accept", "next: spec-kitty merge"),
    Step("spec-kitty merge", f"next: spec-kitty status {MISSION}"),
    Step("sh hello/say && sh goodbye/say", "goodbye world"),
)
