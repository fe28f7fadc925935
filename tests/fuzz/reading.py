"""Coverage-guided fuzzing of the reading path: `python -m tests.fuzz.reading --seconds N`.

Whatever the bytes of a request file, they become a request or a refusal that an envelope can hold.
What atheris finds interesting is added to a corpus of its own run; `--keep` puts the smallest files
that reach everything into `tests/fuzz/corpus`, which the ordinary tests replay without atheris.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from specify_cli.errors import SpecKittyError
from specify_cli.orchestrator_api import envelope, registry, request, validated_request

CORPUS = Path(__file__).parent / "corpus"
STEM = "id"
LONGEST = 4096


def read(raw: bytes) -> str | None:
    """The code of the refusal, or None for a request that may be carried out.

    Fails if the result is neither, if a refusal cannot be reported, or if it is not the same twice.
    """
    try:
        judged = validated_request.judge(request.read(raw, stem=STEM), registry.find)
    except SpecKittyError as error:
        judged = validated_request.unread(raw, error, correlation_id=STEM)
    assert judged.digest.startswith("sha256:")
    if judged.refusal is None:
        assert judged.params is not None
        json.dumps(judged.policy, ensure_ascii=False).encode()
        return None
    told = envelope.encode(envelope.refused(judged.wire_name, STEM, judged.refusal))
    json.loads(told)["data"]["message"].encode()
    return str(judged.refusal.code)


def corpus() -> list[Path]:
    """The files that are kept."""
    return sorted(path for path in CORPUS.iterdir() if path.suffix == ".json")


def kept_name(raw: bytes) -> str:
    """The name of a file of the corpus, from its content."""
    return f"{hashlib.sha256(raw).hexdigest()[:12]}.json"


# With atheris.


def main(words: list[str]) -> int:
    """The exit code: 0 if nothing was found in the given time."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.reading", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--keep", action="store_true", help="put what was found into the corpus")
    asked = parser.parse_args(words)
    with tempfile.TemporaryDirectory() as scratch:
        found, smallest = Path(scratch, "found"), Path(scratch, "smallest")
        found.mkdir()
        smallest.mkdir()
        _run("fuzz", found, CORPUS, f"-max_total_time={asked.seconds}", f"-max_len={LONGEST}")
        if asked.keep:
            _run("merge", smallest, found, CORPUS, "-merge=1")
            _keep(smallest)
    return 0


def _run(role: str, *words: str | Path) -> None:
    """Run the fuzzer in a process of its own, because it ends its process.

    Raises:
        CalledProcessError: it found bytes that `read` fails on; they are in a file `crash-*` here.
    """
    called = [sys.executable, "-m", "tests.fuzz.instrumented", *map(str, words)]
    print(f"{role}: {' '.join(called)}", flush=True)
    subprocess.run(called, check=True)


def _keep(folder: Path) -> None:
    for path in sorted(folder.iterdir()):
        shutil.copyfile(path, CORPUS / kept_name(path.read_bytes()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
