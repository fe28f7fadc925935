"""Check the sdist and the wheel of a version. Needs no installation.

python -m tests.distributions FOLDER     what is wrong with the distributions in the folder
python -m tests.distributions --tag TAG  whether the tag, such as v0.2.0, names the version of the source
"""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from email.parser import HeaderParser
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = "specify_cli"
CONTRACT = f"{PACKAGE}/_contract"
"""The path of `contract/` in the wheel."""


def version() -> str:
    """The version in the source."""
    source = (ROOT / "src" / PACKAGE / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "(.+)"$', source, re.M)
    assert found is not None
    return found[1]


def tracked(*folders: str) -> set[str]:
    """The files below these folders that git tracks, relative to the checkout."""
    command = ["git", "ls-files", "-z", *folders]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return {it for it in done.stdout.split("\0") if it}


def expected_in_wheel() -> set[str]:
    """All files of the wheel, except its metadata."""
    source = {it.removeprefix("src/") for it in tracked("src")}
    return source | {it.replace("contract", CONTRACT, 1) for it in tracked("contract")}


def faults_of_wheel(path: Path) -> Iterator[str]:
    """Problems of the wheel."""
    info = f"spec_kitty-{version()}.dist-info"
    with zipfile.ZipFile(path) as wheel:
        names = set(wheel.namelist())
        content = {it for it in names if not it.startswith(f"{info}/")}
        yield from (f"the wheel lacks {it}" for it in sorted(expected_in_wheel() - content))
        yield from (f"the wheel has {it}" for it in sorted(content - expected_in_wheel()))
        for name in ("METADATA", "entry_points.txt", "licenses/LICENSE"):
            if f"{info}/{name}" not in names:
                yield f"the wheel lacks {info}/{name}"
                return
        metadata = HeaderParser().parsestr(wheel.read(f"{info}/METADATA").decode())
        if metadata["Version"] != version():
            yield f"the wheel says that it is {metadata['Version']}, and the source {version()}"


def faults_of_sdist(path: Path) -> Iterator[str]:
    """Problems of the sdist: missing files, and files that git does not track."""
    top = f"spec_kitty-{version()}/"
    known = tracked()
    with tarfile.open(path) as sdist:
        names = {it.name.removeprefix(top) for it in sdist.getmembers() if it.isfile()}
    added = {"PKG-INFO", ".gitignore"}
    wanted = {it for it in known if it.startswith(("src/", "contract/", "examples/", "tests/"))}
    wanted |= {"README.md", "CHANGELOG.md", "LICENSE", "pyproject.toml"}
    yield from (f"the sdist lacks {it}" for it in sorted(wanted - names))
    yield from (f"the sdist has {it}" for it in sorted(names - known - added))


def faults_of_changelog() -> Iterator[str]:
    """The newest section of the changelog is about this version."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## \[(\d.+?)\]", text, re.M)
    if newest is None or newest[1] != version():
        yield f"CHANGELOG.md has no section for {version()} at its top"
    if not (ROOT / ".github" / "release-notes" / f"{version()}.md").is_file():
        yield f".github/release-notes has no {version()}.md"


def faults_in(folder: Path) -> Iterator[str]:
    """Problems of the distributions in the folder."""
    wheels, sdists = sorted(folder.glob("*.whl")), sorted(folder.glob("*.tar.gz"))
    if (len(wheels), len(sdists)) != (1, 1):
        yield f"{folder} has {len(wheels)} wheels and {len(sdists)} sdists, and not one of each"
        return
    yield from faults_of_changelog()
    yield from faults_of_wheel(wheels[0])
    yield from faults_of_sdist(sdists[0])


def faults_of_tag(tag: str) -> Iterator[str]:
    """Problems of the tag: it names another version than the source and the changelog."""
    if tag != f"v{version()}":
        yield f"the tag {tag} names another version than the source, which is {version()}"
    yield from faults_of_changelog()
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    if not re.search(rf"^## \[{re.escape(version())}\] - \d{{4}}-\d\d-\d\d$", changelog, re.M):
        yield f"CHANGELOG.md has no date of {version()}"


def main(words: list[str]) -> int:
    """Print each problem; return the exit code."""
    match words:
        case ["--tag", tag]:
            faults = list(faults_of_tag(tag))
        case [folder]:
            faults = list(faults_in(Path(folder)))
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    for fault in faults:
        print(fault)
    print(f"{words[-1]}: {len(faults)} faults; the source is spec-kitty {version()}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
