"""The initial corpus of the fuzzer: `python -m tests.fuzz.seeds` writes the missing files."""

from __future__ import annotations

import json

from tests.fuzz.nearly_right import ODD, TOKENS, valid
from tests.fuzz.reading import CORPUS, LONGEST, kept_name
from tests.integration.hostile_input.test_bodies import GROUPS


def main() -> None:
    """Write every valid request and every short hostile body to the corpus."""
    CORPUS.mkdir(exist_ok=True)
    bodies = [json.dumps(body).encode() for body in valid()]
    bodies += [json.dumps({**valid()[0], "args": {"wp": odd}}).encode() for odd in ODD[:8]]
    bodies += [token for token in TOKENS if token]
    bodies += [
        raw.replace(stem.encode(), b"id") for group in GROUPS for stem, (raw, _) in group().items()
    ]
    for raw in bodies:
        if len(raw) <= LONGEST:
            (CORPUS / kept_name(raw)).write_bytes(raw)


if __name__ == "__main__":
    main()
