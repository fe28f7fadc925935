"""How much processor time the plan of execution lanes of a large mission takes, for patterns of many shapes.

Run it with `python -m tests.benchmarks.lane_plan`; exit 1 where a plan takes more than a second.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence

from specify_cli.core.lane_plan import ExecutionLane, PackageScope, plan_lanes
from tests.benchmarks.timing import verdict

MOST_S = 1.0

SHAPES: Mapping[str, Callable[[int], list[str]]] = {
    "all own src/**": lambda n: ["src/**"],
    "all own **/*.py": lambda n: ["**/*.py"],
    "a folder each": lambda n: [f"src/part{n}/**", f"tests/part{n}/**", f"docs/part{n}.md"],
    "files, some shared": lambda n: [f"src/{n % 97}/{n}-{k}.py" for k in range(20)],
    "names by their end": lambda n: [f"src/*-{n:04}"],
    "names by their beginning and end": lambda n: [f"src/{n % 30}-*-{n:04}", f"src/*{n:04}.c"],
    "a common beginning": lambda n: [f"src/deep/common/prefix/part?{n:04}*"],
    "many wildcards": lambda n: [f"src/*a*b*c*d*e*f*{n:04}", f"src/{n:04}*a?*b?*c?*d?*e?*"],
    "wild folders, plain files": lambda n: [f"*/{n:04}.py" if n % 2 else f"src/{n:04}-x.py"],
    "wild folders, many plain folders": lambda n: [f"*/{n:04}/a*" if n % 2 else f"src{n:04}"],
    "long chains": lambda n: ["/".join(["a*"] * (n % 60) + [f"b{n:04}*"])],
    "deep": lambda n: ["x/" * 400 + f"{n:04}?"],
    "middles that decide": lambda n: [f"s/*-{n:04}-*" if n % 2 else f"s/a-{n:04}-b"],
}
"""Number of a package to what it owns."""


def packages_of(shape: str, count: int) -> list[PackageScope]:
    """Packages that own files of that shape, each waiting for the one before it."""
    return [
        PackageScope(
            wp_id=f"WP{n:04}",
            owned_files=tuple(SHAPES[shape](n)),
            dependencies=(f"WP{n - 1:04}",) if n > 1 else (),
        )
        for n in range(1, count + 1)
    ]


def main() -> int:
    """Plan each shape from scratch and with half of the packages settled; print the longer time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packages", type=int, default=1000, help="plan so many, not 1000")
    count: int = parser.parse_args().packages
    failed = 0
    for shape in SHAPES:
        packages = packages_of(shape, count)
        settled = plan_lanes(packages[: count // 2])
        taken = max(_seconds(packages, ()), _seconds(packages, settled))
        failed |= verdict(f"{count} packages: {shape}", taken, at_most=MOST_S, unit=" s")
    return failed


def _seconds(packages: list[PackageScope], settled: Sequence[ExecutionLane]) -> float:
    started = time.process_time()
    plan_lanes(packages, settled)
    return time.process_time() - started


if __name__ == "__main__":
    raise SystemExit(main())
