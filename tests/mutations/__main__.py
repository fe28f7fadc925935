"""`python -m tests.mutations`: remove each guard from the source, and check that its named test fails.

Works on copies of the checkout as it was at the start. Exit code: 0 when every guard is missed by its
tests, 1 when one is not, or has none, 2 when it was used wrongly: a table that names what is not there,
tests that are red with every guard in its place, or guards that fit no name.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from tests.mutations.sites import PACKAGE, ROOT, Site, all_sites
from tests.mutations.table import named_tests

COPIED = ("src", "tests", "contract", "examples", "pyproject.toml", "README.md", ".ci", ".github")
TIMEOUT_S, TIMEOUT_OF_ALL_S = 300, 1800
PYTEST_WORDS = ("-q", "-x", "-n", "0", "-m", "", "-p", "no:cacheprovider")
ALL_MISSED, NOT_MISSED, WRONG_USE = 0, 1, 2
# pytest's exit codes; any other means that no test gave a verdict.
GREEN, RED = 0, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The result of the tests without the guard; `test` is the one that failed."""

    guard: str
    is_missed: bool
    test: str
    said: str = ""

    @property
    def line(self) -> str:
        """The verdict as text."""
        return f"{'missed' if self.is_missed else 'NOT MISSED':10} {self.guard}  {self.test or self.said}"


def judge(site: Site, tests: Sequence[str], checkout: Path) -> Verdict:
    """Whether one of the tests fails in `checkout` without the guard, which is restored afterwards."""
    path = checkout / PACKAGE.relative_to(ROOT) / site.file
    whole = path.read_text(encoding="utf-8")
    path.write_text(site.taken_out(whole), encoding="utf-8")
    try:
        code, said = _run(tests, checkout, timeout_s=TIMEOUT_S, writes_bytecode=False)
    except subprocess.TimeoutExpired:
        return Verdict(guard=site.name, is_missed=True, test=f"{tests[0]} (hung)")
    finally:
        path.write_text(whole, encoding="utf-8")
    if code < 0:  # SQLite crashes if two threads use a connection at once.
        return Verdict(guard=site.name, is_missed=True, test=f"{tests[0]} (killed)")
    red = [line.split(" - ")[0] for line in said.splitlines() if line.startswith("FAILED ")]
    test = red[0].removeprefix("FAILED ") if red else ""
    return Verdict(
        guard=site.name, is_missed=code == RED and bool(red), test=test, said=said[-300:]
    )


def _run(
    tests: Sequence[str], checkout: Path, *, timeout_s: float, writes_bytecode: bool
) -> tuple[int, str]:
    # Bytecode is identified by the time and size of its source, which the removal may leave the same.
    said = {} if writes_bytecode else {"PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *PYTEST_WORDS, *tests],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(checkout / "src"), "COLUMNS": "400", **said},
        stdout=subprocess.PIPE,
        # Pytest names there a test that it does not find.
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    return done.returncode, done.stdout


def _copy(folder: Path) -> Path:
    for name in COPIED:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
            shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=ignored)
        else:
            folder.mkdir(exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


def judge_all(
    sites: Sequence[Site], table: Mapping[str, list[str]], checkouts: Sequence[Path]
) -> Iterator[Verdict]:
    """A verdict on each guard, in order; one at a time in each checkout."""
    free: SimpleQueue[Path] = SimpleQueue()
    for checkout in checkouts:
        free.put(checkout)

    def judge_one(site: Site) -> Verdict:
        if not table.get(site.name):
            return Verdict(guard=site.name, is_missed=False, test="", said="no test is named")
        checkout = free.get()
        try:
            return judge(site, table[site.name], checkout)
        finally:
            free.put(checkout)

    with ThreadPoolExecutor(len(checkouts)) as pool:
        yield from pool.map(judge_one, sites)


def main() -> int:
    """Judge the selected guards; return the exit code."""
    options = _options()
    table, everything = named_tests(), all_sites()
    sites = [site for site in everything if fnmatch.fnmatchcase(site.name, options.only)]
    strange = sorted(set(table) - {site.name for site in everything})
    if strange or not sites:
        _say(f"no such guard: {', '.join(strange) or options.only}")
        return WRONG_USE
    if options.list:
        for site in sites:
            print(site.name, *table.get(site.name, ["no test"]), sep="\n    ")
        return ALL_MISSED
    with tempfile.TemporaryDirectory() as folder:
        first = _copy(Path(folder, "1"))
        if not _are_green([site for site in sites if table.get(site.name)], table, first):
            return WRONG_USE
        # With the bytecode of the first run.
        others = [Path(folder, str(number)) for number in range(2, options.jobs + 1)]
        checkouts = [first, *(shutil.copytree(first, other, symlinks=True) for other in others)]
        verdicts = _watch(judge_all(sites, table, checkouts), len(sites), is_json=options.json)
    return ALL_MISSED if all(one.is_missed for one in verdicts) else NOT_MISSED


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutations", description=__doc__)
    parser.add_argument("--only", default="*", help="guards whose name fits, e.g. 'storage/*sync*'")
    parser.add_argument("--list", action="store_true", help="name the guards and their tests")
    parser.add_argument("--json", action="store_true", help="one JSON object a guard on stdout")
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time")
    return parser.parse_args()


def _are_green(sites: Sequence[Site], table: Mapping[str, list[str]], checkout: Path) -> bool:
    """Whether the named tests pass with every guard in place; otherwise a failure proves nothing."""
    tests = sorted({test for site in sites for test in table[site.name]})
    if not tests:
        return True
    code, said = _run(tests, checkout, timeout_s=TIMEOUT_OF_ALL_S, writes_bytecode=True)
    if code != GREEN:
        _say(f"with every guard in its place:\n{said[-3000:]}")
    return code == GREEN


def _watch(verdicts: Iterator[Verdict], count: int, *, is_json: bool) -> list[Verdict]:
    found = []
    for number, verdict in enumerate(verdicts, start=1):
        found.append(verdict)
        if is_json:
            parts = {"guard": verdict.guard, "missed": verdict.is_missed, "test": verdict.test}
            said = {} if verdict.is_missed else {"said": verdict.said}
            print(json.dumps(parts | said), flush=True)
            _say(f"[{number}/{count}] {verdict.guard}")
        else:
            print(f"[{number:3}/{count}] {verdict.line}", flush=True)
    missed = sum(verdict.is_missed for verdict in found)
    _say(f"{missed} of {count} guards are missed by their tests when they are gone")
    return found


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
