"""A mission of six packages with mistakes, corrections and a conflict: commands and expected output."""

from __future__ import annotations

from collections.abc import Iterator

from tests.integration.terminal.tour import Step

MISSION = "001-small-shop"
FOLDER = f"kitty-specs/{MISSION}"
OUTLINE = "\n".join(
    (
        f"cat >>{FOLDER}/tasks.md <<'END'",
        "\n## WP01 Catalogue\n\nOwned files: catalogue/**\n\nList what is sold.\n",
        "- [ ] T001 Write catalogue/it",
        "\n## WP02 Basket\n\nDependencies: WP01\nOwned files: basket/**\n\nCollect what is bought.",
        "\n## WP03 Payment\n\nOwned files: payment/**, README.md\n\nTake the money.",
        "\n## WP04 Search\n\nOwned files: search/**\n\nFind an article.",
        "\n## WP05 Stars\n\nOwned files: stars/**\n\nLet people give stars.",
        "\n## WP06 Letter\n\nDependencies: WP05\nOwned files: letter/**\n\nWrite to people.",
        "END",
    )
)
APPROVAL = (("Show the diff?", "n"), ("or quit?", "a"))


def _work(lane: str, folder: str, *, readme: str = "") -> Iterator[Step]:
    """Go to the workspace of the execution lane, commit there, submit, and come back."""
    place = f".worktrees/{MISSION}-{lane}"
    yield Step(
        f"cd {place} && mkdir {folder} && echo 1 >{folder}/it && echo '# Shop{readme}' >README.md"
    )
    yield Step(f"git add . && git commit -q -m 'Write {folder}'")
    yield Step("spec-kitty implement --done", "is submitted for review")
    yield Step("cd ../..")


PLANNING = (
    Step(
        "git init -q -b main . && echo '# Shop' >README.md && git add . && git commit -q -m Start"
    ),
    Step("spec-kitty innit", "did you mean 'init'?"),
    Step("spec-kitty init", 'next: spec-kitty specify "What is to be built"'),
    Step("spec-kitty specify 'Small shop' && spec-kitty plan", "next: spec-kitty tasks"),
    Step("spec-kitty tasks", "describes no work package"),
    Step(OUTLINE),
    Step("spec-kitty tasks", "next: spec-kitty implement WP01"),
    Step("spec-kitty implement WPO1", "did you mean 'WP01'?"),
    Step("spec-kitty move WP01 in_progres", "next: spec-kitty move WP01 in_progress"),
)
REVIEWED = (
    Step("spec-kitty implement 1", "next: spec-kitty tasks done WP01"),
    Step(f"cd .worktrees/{MISSION}-lane-a && mkdir catalogue && echo pen >catalogue/it"),
    Step("spec-kitty tasks done", "next: spec-kitty implement WP01 --done"),
    Step("spec-kitty implement --done", "WP01 has no commit of its own yet"),
    Step(
        "git add . && git commit -q -m Pen && spec-kitty implement --done",
        "next: spec-kitty review",
    ),
    Step(
        "spec-kitty implement --done | cat", "is ready for 'implement --done': WP01 is for_review"
    ),
    Step(
        "spec-kitty review",
        "WP01 goes back to work",
        (("Show the diff?", "n"), ("or quit?", "c"), ("What should be changed?", "Sell ink")),
    ),
    Step("spec-kitty show", "Sell ink"),
    Step("spec-kitty implement", ":\n  Sell ink"),
    Step("echo ink >catalogue/it && git commit -q -a -m Ink"),
    Step("spec-kitty implement --done && cd ../..", "next: spec-kitty review WP01"),
    Step("spec-kitty review WP01", "next: spec-kitty implement WP02", APPROVAL),
)
SECOND_THOUGHTS = (
    Step("spec-kitty tasks remove WP06", "nothing was changed", (("Remove WP06?", "n"),)),
    Step("spec-kitty tasks remove WP06", "WP06 is removed", (("Remove WP06?", "y"),)),
    Step("spec-kitty tasks add 1 Cards --owns 'cards/**' --depends-on WP05", "lane-f: only WP06"),
    Step("spec-kitty tasks edit WP06 --title Vouchers", "WP06 is changed: title"),
    Step("spec-kitty implement WP05 && spec-kitty release-claim WP05", "WP05 is released"),
    Step("spec-kitty move WP05 blocked --note 'which stars?'", "next: spec-kitty unblock WP05"),
    Step("spec-kitty unblock WP05", "next: spec-kitty implement WP05"),
    Step(
        "spec-kitty orchestrator-api transition --mission 1 --wp WP05 --to canceled --actor bot",
        '"success":true',
    ),
    Step("spec-kitty status | cat", "after WP05 (canceled without a note)"),
    Step("spec-kitty show WP06", "next: spec-kitty move WP05 canceled --note 'not needed'"),
    Step("spec-kitty move WP05 canceled --note 'not needed'", "next: spec-kitty implement"),
    Step("spec-kitty move WP06 canceled", "to canceled", (("Why is WP06 canceled?", "later"),)),
)
CONFLICT = (
    *(Step(f"spec-kitty implement WP0{number}", "is yours") for number in (2, 3, 4)),
    *_work("lane-b", "basket"),
    *_work("lane-c", "payment", readme=" that takes cash"),
    *_work("lane-d", "search", readme=" that finds"),
    *(Step(f"spec-kitty review WP0{n}", "is approved", APPROVAL) for n in (2, 3, 4)),
    Step(
        "spec-kitty merge",
        "nothing was changed\nnext: spec-kitty accept",
        (("Accept it now?", "n"),),
    ),
    Step("spec-kitty accept", "next: spec-kitty merge"),
    Step("spec-kitty merge 2>../advice; cat ../advice", "resolve the conflict there, in README.md"),
    Step("sed -n 's/^  //p' ../advice >../steps; head -n 3 ../steps >../first"),
    Step(". ../first", "CONFLICT (content): Merge conflict in README.md"),
    Step(f"echo '# Shop with all' >.worktrees/{MISSION}-lane-d/README.md"),
    Step(
        "tail -n +4 ../steps >../rest && . ../rest", "is merged into main: WP01, WP02, WP", APPROVAL
    ),
)
AFTERWARDS = (
    Step("spec-kitty merge", "nothing to do, main has its work"),
    Step("spec-kitty show WP03", "(does not exist)"),
    Step("spec-kitty log WP03 -n 1 | cat", "merged into main"),
    Step("spec-kitty mission tidy", "nothing was changed", (("Remove them?", "n"),)),
    Step("spec-kitty mission tidy", "removed 6 branches", (("Remove them?", "y"),)),
    Step("cat README.md", "# Shop with all"),
)
AFTERNOON = (*PLANNING, *REVIEWED, *SECOND_THOUGHTS, *CONFLICT, *AFTERWARDS)
