"""The async modules are those of the commands, with `async` and `await`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import spec_kitty_client

SOURCE = Path(spec_kitty_client.__file__).parent
MODULES = ["read_commands.py", "commands.py"]


def asynchronous(text: str) -> str:
    """A module of methods of `AsyncClient`, made from one of `Client`."""
    text = re.sub(r"as methods\b", "as async methods", text)
    text = re.sub(r"\b(Read)?Commands\b", r"Async\1Commands", text)
    text = re.sub(r"\bread_commands\b", "async_read_commands", text)
    text = re.sub(r"^    def ", "    async def ", text, flags=re.M)
    text = text.replace("return self._send(", "return await self._send(")
    return _with_sorted_imports(text)


@pytest.mark.parametrize("name", MODULES)
def test_both_clients_have_the_same_methods(name: str) -> None:
    """If this fails: `python -m tests.unit.client.test_async_commands` writes the modules again."""
    assert (SOURCE / f"async_{name}").read_text() == asynchronous((SOURCE / name).read_text())


def _with_sorted_imports(text: str) -> str:
    """The import of the other async module comes first."""
    found = re.search(r"^from spec_kitty_client.async_read_commands.*\n", text, re.M)
    if found is None:
        return text
    text = text.replace(found[0], "")
    return re.sub(r"^(from spec_kitty_client)", rf"{found[0]}\1", text, count=1, flags=re.M)


if __name__ == "__main__":
    for module in MODULES:
        (SOURCE / f"async_{module}").write_text(asynchronous((SOURCE / module).read_text()))
