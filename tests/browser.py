"""Headless Chromium, driven over the DevTools protocol through a pair of pipes."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.patience import LONGEST_S, wait_until

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
MISSING = "needs Debian's chromium: apt-get install chromium"
_READ, _WRITE = 3, 4
_AT_ONCE = 1 << 20


class Browser:
    """One page; `events` are the browser's reports about it, `console` the messages of its scripts."""

    def __init__(self, commands: int, answers: int) -> None:
        self._commands, self._answers = commands, answers
        self._buffer = b""
        self._asked = 0
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []

    def attach(self) -> None:
        """Open an empty page and listen to everything it does."""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        found = self.ask("Target.attachToTarget", targetId=target, flatten=True)
        self._session = found["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Return the result of a method."""
        self._asked += 1
        asked = {"id": self._asked, "method": method, "params": params}
        if self._session:
            asked["sessionId"] = self._session
        data = json.dumps(asked).encode() + b"\0"
        while data:
            data = data[os.write(self._commands, data) :]
        while True:
            said = self._next()
            if said.get("id") == self._asked:
                assert "error" not in said, said
                result: dict[str, Any] = said["result"]
                return result
            self.events.append(said)

    def _next(self) -> dict[str, Any]:
        until = time.monotonic() + LONGEST_S
        # `select.select` accepts no descriptor above 1,023; the tests before may have many records open.
        poll = select.poll()
        poll.register(self._answers, select.POLLIN)
        while b"\0" not in self._buffer:
            ready = poll.poll(max(0, until - time.monotonic()) * 1000)
            data = os.read(self._answers, _AT_ONCE) if ready else b""
            assert data, "chromium does not answer"
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\0")
        said: dict[str, Any] = json.loads(line)
        return said

    def show(self, page: Path, *, width: int, height: int = 900, is_dark: bool = False) -> None:
        """Load the page at that width."""
        features = [{"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}]
        self.ask("Emulation.setEmulatedMedia", features=features)
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        self.ask("Page.navigate", url=page.absolute().as_uri())
        self.wait(lambda: self.run("document.readyState") == "complete")

    def run(self, script: str) -> Any:
        """Return the value of the expression in the page."""
        found = self.ask("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def press(self, key: str, text: str = "") -> None:
        """Press and release a key."""
        about = {"key": key, "code": key, **_KEYS.get(key, {})}
        self.ask("Input.dispatchKeyEvent", type="keyDown", text=text, **about)
        self.ask("Input.dispatchKeyEvent", type="keyUp", **about)

    def write(self, text: str) -> None:
        """Insert the text where the focus is."""
        self.ask("Input.insertText", text=text)

    def wait(self, is_so: Callable[[], bool]) -> None:
        """Wait until the expression is true."""
        wait_until(is_so, timeout_s=LONGEST_S)

    def picture(self, file: Path, *, is_whole: bool = False) -> None:
        """Take a picture of the page: of what is visible, or of the whole."""
        found = self.ask(
            "Page.captureScreenshot", captureBeyondViewport=is_whole, **self._clip(is_whole)
        )
        file.write_bytes(base64.b64decode(found["data"]))

    def _clip(self, is_whole: bool) -> dict[str, Any]:
        if not is_whole:
            return {}
        size = self.ask("Page.getLayoutMetrics")["cssContentSize"]
        return {
            "clip": {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        }

    def complaints(self) -> list[Any]:
        """Return errors, warnings and messages in the console."""
        told = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")
        return [it["params"] for it in self.events if it.get("method") in told]

    def requests(self) -> list[str]:
        """Return the URL of every request of the page."""
        sent = (it for it in self.events if it.get("method") == "Network.requestWillBeSent")
        return [it["params"]["request"]["url"] for it in sent]


_KEYS: dict[str, dict[str, Any]] = {
    "Tab": {"windowsVirtualKeyCode": 9},
    "Enter": {"windowsVirtualKeyCode": 13},
    "Escape": {"windowsVirtualKeyCode": 27},
    "ArrowUp": {"windowsVirtualKeyCode": 38},
    "ArrowDown": {"windowsVirtualKeyCode": 40},
}


@contextmanager
def opened(folder: Path) -> Iterator[Browser]:
    """A browser with its profile in the folder; it ends when the block is left."""
    assert CHROMIUM
    read_commands, commands = os.pipe()
    answers, write_answers = os.pipe()
    words = [
        CHROMIUM,
        "--headless=new",
        "--remote-debugging-pipe",
        "--no-first-run",
        "--disable-gpu",
    ]
    words += [
        f"--user-data-dir={folder}",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
    ]
    # It reads from descriptor 3 and writes to 4, which only the shell can assign.
    script = f'exec "$@" {_READ}<&{read_commands} {_WRITE}>&{write_answers}'
    with (folder / "log").open("wb") as log:
        running = subprocess.Popen(
            ["bash", "-c", script, "chromium", *words],
            pass_fds=(read_commands, write_answers),
            stdout=log,
            stderr=log,
            env=os.environ | {"HOME": str(folder)},
        )
    os.close(read_commands)
    os.close(write_answers)
    made = Browser(commands, answers)
    try:
        made.attach()
        yield made
    finally:
        os.close(commands)
        os.close(answers)
        running.terminate()
        running.wait(LONGEST_S)
