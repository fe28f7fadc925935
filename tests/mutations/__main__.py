"""`python -m tests.mutations`: takes each guard out of the source, and sees its named test turn red.

Works on copies of the checkout. Exit code: 0 when every guard is missed by its tests, 1 when one is
not, or has none, 2 for a table that names what is not there.
"""

from __future__ import annotations

import argparse
import fnmatch
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.mutations.sites import PACKAGE, ROOT, Site, all_sites
from tests.mutations.table import named_tests

COPIED = ("src", "tests", "contract", "examples", "pyproject.toml", "README.md", ".ci", ".github")
TIMEOUT_S = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of the tests without the guard."""

    site: Site
    is_missed: bool
    said: str


def judge(site: Site, tests: Sequence[str]) -> Verdict:
    """Whether one of the tests turns red, in a copy of the checkout that lacks the guard."""
    with tempfile.TemporaryDirectory() as folder:
        checkout = _copy(Path(folder))
        path = checkout / PACKAGE.relative_to(ROOT) / site.file
        path.write_text(site.taken_out(path.read_text(encoding="utf-8")), encoding="utf-8")
        words = ["-q", "-x", "-n", "0", "-m", "", "-p", "no:cacheprovider", *tests]
        try:
            done = subprocess.run(
                [sys.executable, "-m", "pytest", *words],
                cwd=checkout,
                env={**os.environ, "PYTHONPATH": str(checkout / "src")},
                capture_output=True,
                text=True,
                timeout=TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Verdict(site=site, is_missed=True, said="hung")
        # 1 is pytest's "a test failed"; anything else means that no test gave a verdict.
        said = next((w for w in done.stdout.splitlines() if w.startswith("FAILED")), "")
        return Verdict(site=site, is_missed=done.returncode == 1, said=said or done.stdout[-300:])


def _copy(folder: Path) -> Path:
    for name in COPIED:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
            shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=ignored)
        else:
            shutil.copy(ROOT / name, folder / name)
    return folder


def main() -> int:
    """Judges the guards that were asked for; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutations", description=__doc__)
    parser.add_argument("--only", default="*", help="guards whose name fits, e.g. 'storage/*sync*'")
    parser.add_argument("--list", action="store_true", help="name the guards and their tests")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    table = named_tests()
    sites = [site for site in all_sites() if fnmatch.fnmatchcase(site.name, options.only)]
    if options.list:
        for site in sites:
            print(site.name, *table.get(site.name, ["no test"]), sep="\n    ")
        return 0
    return _judge_all(sites, table, jobs=options.jobs)


def _judge_all(sites: Sequence[Site], table: dict[str, list[str]], *, jobs: int) -> int:
    unnamed = [site.name for site in sites if not table.get(site.name)]
    for name in unnamed:
        print(f"NO TEST  {name}")
    missed = 0
    with ThreadPoolExecutor(jobs) as pool:
        asked = [site for site in sites if table.get(site.name)]
        for verdict in pool.map(lambda site: judge(site, table[site.name]), asked):
            missed += verdict.is_missed
            word = "missed" if verdict.is_missed else "NOT MISSED"
            print(f"{word:8} {verdict.site.name}  {verdict.said}", flush=True)
    print(f"{missed} of {len(sites)} guards are missed by their tests when they are gone")
    return 0 if missed == len(sites) else 1


if __name__ == "__main__":
    sys.exit(main())
