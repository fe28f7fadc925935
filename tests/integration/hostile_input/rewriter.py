"""A client that keeps rewriting its requests after sending them: `rewriter.py COUNT SECONDS`.

It puts every request into the working directory, keeps each file open, and alternates between two
valid bodies of the same length until the time is up.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import time
from pathlib import Path


def body(stem: str, note: str) -> bytes:
    args = {"mission": "001-search", "wp": "WP01", "actor": note, "note": note * 40}
    asked = {"contract_version": "1.3.0", "correlation_id": stem, "command": "append-history"}
    return json.dumps(asked | {"args": args}).encode()


def main(count: str, seconds: str) -> None:
    files = []
    for number in range(int(count)):
        stem = f"rewritten-{number}"
        temporary = Path(".rewritten.tmp")
        temporary.write_bytes(body(stem, "a"))
        files.append((os.open(temporary, os.O_WRONLY), stem))
        temporary.rename(f"{stem}.json")
    end, writes = time.monotonic() + float(seconds), 0
    for note in itertools.cycle("ba"):
        for descriptor, stem in files:
            writes += os.pwrite(descriptor, body(stem, note), 0) > 0
        if time.monotonic() > end:
            break
    print(writes)


if __name__ == "__main__":
    main(*sys.argv[1:])
