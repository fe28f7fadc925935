"""Type into a shell in a real terminal, and read its screen."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.integration.on_path import program_folder
from tests.integration.stage import environment
from tests.integration.terminal_status.screen import Screen

WIDTH, HEIGHT = 100, 50


@dataclass(kw_only=True)
class Shell:
    """A shell on a screen, with a prompt that counts commands."""

    screen: Screen
    typed: int = 0

    def open(self, folder: Path, *, beside: Path) -> None:
        """Open the shell in `folder`, with `spec-kitty` in `beside` on its path."""
        env = environment(TERM="xterm", PS1=r"\# $ ", HISTFILE="")
        path = f"{program_folder(beside)}:{env['PATH']}"
        words = ["env", f"PATH={path}", "bash", "--norc", "--noprofile"]
        self.screen.open(words, cwd=folder, env=env, width=WIDTH, height=HEIGHT)
        self._wait_for_prompt()

    def type(self, command: str) -> str:
        """Run the command on a cleared screen; return the screen once the prompt is back."""
        self.begin(command)
        return self._wait_for_prompt()

    def begin(self, command: str) -> None:
        """Start the command on a cleared screen."""
        self.screen.press("C-l")
        self.screen.press(command)
        self.screen.press("Enter")
        self.typed += 1

    def answer(self, question: str, words: str) -> None:
        """Wait for the question and answer it."""
        self.screen.wait_for(lambda text: question in text)
        self.screen.press(words)
        self.screen.press("Enter")

    def finish(self) -> str:
        """Wait for the prompt and return the screen."""
        return self._wait_for_prompt()

    def _wait_for_prompt(self) -> str:
        prompt = f"{self.typed + 1} $"
        return self.screen.wait_for(
            lambda text: text.rstrip().endswith(f"\n{prompt}") or text.strip() == prompt
        )
