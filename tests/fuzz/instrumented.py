"""The fuzzer's own process: `read` with every branch counted; the words are libFuzzer's."""

from __future__ import annotations

import importlib
import sys


def main() -> None:
    """Never comes back: the fuzzer ends the process."""
    atheris = importlib.import_module("atheris")
    # What is imported in the block is instrumented, so none of it may be imported before.
    with atheris.instrument_imports(include=["specify_cli", "json"]):
        reading = importlib.import_module("tests.fuzz.reading")
        for name in ("arguments", "policy", "validation", "versions"):
            importlib.import_module(f"specify_cli.orchestrator_api.{name}")
        importlib.import_module("specify_cli.storage.strict_json")
        for name in reading.registry.CONTRACT_COMMANDS:
            reading.registry.find(name)

    def take(raw: bytes) -> None:
        reading.read(raw)

    atheris.Setup(sys.argv, take)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
