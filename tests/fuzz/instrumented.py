"""The fuzzer's process: `read` with every branch counted; the arguments are those of libFuzzer."""

from __future__ import annotations

import importlib
import sys


def main() -> None:
    """Run the fuzzer, which never returns: it ends the process."""
    atheris = importlib.import_module("atheris")
    # Only modules that are imported in the block are instrumented, so none of them may be imported before.
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
