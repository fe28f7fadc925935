"""The picture of the README: a real terminal during a real run, in light and dark.

    python -m tests.pictures

Needs tmux. A worker serves a scratch project, whose mission is driven through the mailbox as an orchestrator would.
Above, the board; below, the journal as it is followed. Writes `.github/pictures/run-{light,dark}.svg`.
"""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.color import parse_rgb_hex
from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from examples.quickstart import environment
from tests.integration.stage import POLICY
from tests.integration.terminal_status.screen import Screen
from tests.patience import LONGEST_S

PICTURES = Path(__file__).parents[1] / ".github" / "pictures"
WIDTH, BOARD, JOURNAL = 128, 11, 10
MISSION = "001-full-text-search"
PACKAGES = (
    ("Index", ()),
    ("Query", ("WP01",)),
    ("Ranking", ("WP01",)),
    ("Highlighting", ("WP02",)),
    ("Command line", ("WP02", "WP03")),
)
FOLLOWED = ("spec-kitty status --watch", "spec-kitty mailbox tail")
OPTIONS = {
    "status": "off",
    "pane-border-status": "top",
    "pane-border-format": ' $ #{s|"||:pane_start_command} ',
    "pane-border-style": "fg=brightblack",
    "pane-active-border-style": "fg=brightblack",
}
FONTS = "ui-monospace, SFMono-Regular, Menlo, Consolas, DejaVu Sans Mono, monospace"
COLOURS = {
    # Background, text, border, and the eight colours of a terminal, plain and bright alike.
    "light": (
        "ffffff",
        "1f2328",
        "#d0d7de",
        "57606a cf222e 116329 7d4e00 0969da 8250df 1b7c83 6e7781",
    ),
    "dark": (
        "0d1117",
        "e6edf3",
        "#30363d",
        "8b949e ff7b72 3fb950 d29922 58a6ff bc8cff 39c5cf b1bac4",
    ),
}


class Project:
    """A scratch project with a worker, and an orchestrator's words for its mailbox."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.asked = 0
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.env = environment() | {"PATH": path, "TERM": "xterm-256color"}

    def run(self, *words: str, cwd: Path | None = None, **env: str) -> str:
        done = subprocess.run(
            words,
            cwd=cwd or self.root,
            env=self.env | env,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout

    def ask(self, command: str, wp: str, actor: str, **args: object) -> dict[str, str]:
        """The data of a request that went through the mailbox."""
        self.asked += 1
        request = f"{actor}-{self.asked:02}"
        words = [command, "--mission", MISSION, "--wp", wp, "--actor", actor]
        words += ["--correlation-id", request]
        for name, value in args.items():
            text = value if isinstance(value, str) else json.dumps(value)
            words += [f"--{name.replace('_', '-')}", text]
        told = self.run("spec-kitty", "orchestrator-api", *words, SPEC_KITTY_MAILBOX=".kitty")
        data: dict[str, str] = json.loads(told)["data"]
        return data

    def begin(self) -> None:
        self.run("git", "init", "-q", "-b", "main")
        self.run("git", "commit", "-q", "--allow-empty", "-m", "Begin")
        self.run("spec-kitty", "specify", "Full-text search")
        for title, needed in PACKAGES:
            after = [word for wp in needed for word in ("--depends-on", wp)]
            owns = f"{title.lower().replace(' ', '-')}/**"
            self.run("spec-kitty", "tasks", "add", MISSION, title, "--owns", owns, *after)
        self.run("spec-kitty", "tasks", "finalize", MISSION)
        self.run("git", "add", "kitty-specs")
        self.run("git", "commit", "-q", "-m", "Plan the search")

    @contextmanager
    def worker(self) -> Iterator[None]:
        with (self.root / ".kitty" / "worker.log").open("wb") as log:
            worker = subprocess.Popen(
                ["spec-kitty", "mailbox", "serve"], cwd=self.root, env=self.env, stderr=log
            )
        try:
            wait_for(self.root / ".kitty" / "outbox" / "worker.json")
            yield
        finally:
            worker.terminate()
            worker.wait(LONGEST_S)

    def start(self, wp: str, actor: str) -> Path:
        begun = self.ask("start-implementation", wp, actor, policy=POLICY)
        return Path(begun["workspace_path"])

    def hand_in(self, wp: str, actor: str) -> None:
        workspace = self.start(wp, actor)
        self.run("git", "commit", "-q", "--allow-empty", "-m", f"Write {wp}", cwd=workspace)
        self.ask("transition", wp, actor, to="for_review", policy=POLICY)

    def approve(self, wp: str, actor: str) -> None:
        self.ask("start-review", wp, actor, policy=POLICY)
        result = {"reviewer": actor, "verdict": "approved", "reference": f"review-{wp}"}
        told = {"review_result_json": result, "evidence_json": {"review": result}}
        self.ask("transition", wp, actor, to="approved", policy=POLICY, **told)

    def drive(self) -> None:
        """Bring the mission half way: each package is in another lane."""
        self.hand_in("WP01", "claude-1")
        self.approve("WP01", "codex-1")
        self.hand_in("WP02", "claude-1")
        self.start("WP03", "claude-2")
        self.ask("start-review", "WP02", "codex-1", policy=POLICY)


def wait_for(path: Path) -> None:
    for _ in range(600):
        if path.exists():
            return
        time.sleep(0.05)
    raise SystemExit(f"{path} was never there")


def taken(project: Project, sockets: Path) -> str:
    """What the terminal shows at the end of the run, with its colours."""
    outer = Screen(socket=sockets / "outer")
    inner = ["tmux", "-S", str(sockets / "inner"), "-f", "/dev/null"]
    layout = [
        *inner,
        "new-session",
        FOLLOWED[0],
        ";",
        "split-window",
        "-l",
        str(JOURNAL),
        FOLLOWED[1],
    ]
    for name, value in OPTIONS.items():
        layout += [";", "set", "-g", name, value]
    # Set by another terminal, and preferred to the size of this one.
    foreign = ("TMUX", "COLUMNS", "LINES")
    env = {name: value for name, value in project.env.items() if name not in foreign}
    outer.open(layout, cwd=project.root, env=env, width=WIDTH, height=BOARD + JOURNAL + 2)
    try:
        outer.wait_for(lambda text: "WP01" in text)
        project.drive()
        outer.wait_for(
            lambda text: (
                re.search(r"start-review +\S+ +WP02 ", text) is not None and "in_review 1" in text
            )
        )
        return outer._tmux("capture-pane", "-p", "-e")
    finally:
        subprocess.run([*inner, "kill-server"], check=False)
        outer.close()


def drawn(screen: str, name: str) -> str:
    """The screen as an SVG in these colours."""
    background, text, border, palette = COLOURS[name]
    rgb: list[tuple[int, int, int]] = [parse_rgb_hex(it) for it in palette.split()]
    theme = TerminalTheme(parse_rgb_hex(background), parse_rgb_hex(text), rgb, rgb)
    console = Console(record=True, width=WIDTH, file=io.StringIO())
    console.print(Text.from_ansi(screen.rstrip("\n")), no_wrap=True, crop=False)
    svg = console.export_svg(title="spec-kitty", theme=theme, unique_id=f"run-{name}")
    # A picture loads no fonts from elsewhere.
    svg = re.sub(r" *@font-face \{.*?\}\n", "", svg, flags=re.S)
    svg = svg.replace("Fira Code, monospace", FONTS).replace("rgba(255,255,255,0.35)", border)
    return re.sub(r" +$", "", svg, flags=re.M)


def main(pictures: Path = PICTURES) -> None:
    """Write both pictures to the folder."""
    with tempfile.TemporaryDirectory(prefix="pictures-") as folder:
        root = Path(folder).resolve() / "search"
        root.mkdir()
        project = Project(root)
        project.begin()
        with project.worker():
            screen = taken(project, Path(folder))
    for name in COLOURS:
        (pictures / f"run-{name}.svg").write_text(drawn(screen, name), encoding="utf-8")


if __name__ == "__main__":
    main()
