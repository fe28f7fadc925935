"""`async_commands.py` is `commands.py`, with `async` and `await`."""

from __future__ import annotations

import re
from pathlib import Path

import spec_kitty_client

SOURCE = Path(spec_kitty_client.__file__).parent


def asynchronous(text: str) -> str:
    """The module of the methods of `AsyncClient`, made from that of `Client`."""
    text = text.replace(
        '"""The commands of the contract as methods,',
        '"""The commands of the contract as async methods,',
    )
    text = text.replace("class Commands:", "class AsyncCommands:")
    text = re.sub(r"^    def ", "    async def ", text, flags=re.M)
    return text.replace("return self._send(", "return await self._send(")


def test_both_clients_have_the_same_methods() -> None:
    """If this fails: `python -m tests.unit.client.test_async_commands` writes the module again."""
    expected = asynchronous((SOURCE / "commands.py").read_text())
    assert (SOURCE / "async_commands.py").read_text() == expected


if __name__ == "__main__":
    (SOURCE / "async_commands.py").write_text(asynchronous((SOURCE / "commands.py").read_text()))
