"""A mailbox in which files are dropped, renamed and repeated, and whose worker dies, compared with a model."""

from __future__ import annotations

import dataclasses
import itertools
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from specify_cli import bootstrap
from specify_cli.errors import SpecKittyError
from specify_cli.mailbox.layout import MailboxLayout
from specify_cli.mailbox.protocols import Answer
from specify_cli.mailbox.worker import Worker
from specify_cli.orchestrator_api.dispatcher import Dispatcher
from tests.dead_letters import read_records
from tests.fuzz.requests_and_answers import EXAMPLES, MEMORY, check_envelope, check_project
from tests.integration.stage import SLUG, Stage
from tests.unit.mailbox.recording import SETTINGS

FEW, STEPS = 10, 12
STEMS = ("one", "two", "three")
# A file that cannot be read is not read again: no client here is still writing.
AT_ONCE = dataclasses.replace(SETTINGS, grace_s=0.0, longest_write_s=0.0)


class Killed(BaseException):
    """The process was killed: nothing may catch this."""


class Mortal:
    """The real dispatcher, until it dies: before it begins an answer, or after it recorded one."""

    def __init__(self, root: Path, *, dies_at: int) -> None:
        self._dispatcher = bootstrap.dispatcher(root)
        self._instants_left = dies_at

    def answer_bytes(self, raw: bytes, **about: Any) -> Answer:
        self._live_on()
        answer = self._dispatcher.answer_bytes(raw, **about)
        self._live_on()
        return answer

    def refuse(self, error: SpecKittyError, **about: Any) -> Answer:
        self._live_on()
        answer = self._dispatcher.refuse(error, **about)
        self._live_on()
        return answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._dispatcher, name)

    def _live_on(self) -> None:
        self._instants_left -= 1
        if self._instants_left == 0:
            raise Killed


def body(stem: str, variant: str) -> bytes:
    """Valid under its own name for `a` and `b`; refused, or not even read, for the others."""
    args = {"mission": SLUG, "wp": "WP01", "actor": "coder", "note": variant}
    asked = {"contract_version": "1.3.0", "correlation_id": stem, "args": args}
    whole = json.dumps(asked | {"command": "x" if variant == "unknown" else "append-history"})
    return (whole[:-1] if variant == "torn" else whole).encode()


VARIANTS = st.sampled_from(["a", "b", "unknown", "torn"])


class MailboxMachine(RuleBasedStateMachine):
    """The model: the first body that is accepted for an id counts, once."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = Path(tempfile.mkdtemp(dir=MEMORY))
        self.project = Stage(root=self._folder / "project")
        self.project.write_mission({"WP01": {}})
        self.layout = MailboxLayout(self.project.root)
        self.layout.ensure()
        # In the order of arrival, which the host sees by the files' modification times.
        self.waiting: dict[str, bytes] = {}
        self.first: dict[str, bytes] = {}
        self.letters = 0
        self.is_settled = True
        self._numbers = itertools.count()

    def teardown(self) -> None:
        if not self.is_settled:
            self.drain()
        shutil.rmtree(self._folder)

    # Actions of clients.

    @rule(stem=st.sampled_from(STEMS), variant=VARIANTS)
    def drop(self, stem: str, variant: str) -> None:
        self._land(f"{stem}.json", body(stem, variant))

    @rule(stem=st.sampled_from(STEMS), variant=VARIANTS)
    def repeat(self, stem: str, variant: str) -> None:
        """Repeat an answered request, with the same body or another."""
        self._land(f"{stem}.json", self.first.get(stem, body(stem, variant)))

    @rule(name=st.sampled_from(["no name", "\x1b[2J.json", "worker.json"]))
    def drop_under_no_name(self, name: str) -> None:
        self._land(f"{name}{next(self._numbers)}" if " " in name else name, b"{}")

    @rule(stem=st.sampled_from(STEMS))
    def plant_a_link(self, stem: str) -> None:
        if f"{stem}.json" not in self.waiting:
            (self.layout.inbox / f"{stem}.json").symlink_to("/etc/hostname")
            self.waiting[f"{stem}.json"] = b""
            self.is_settled = False

    @precondition(lambda self: self.waiting)
    @rule(data=st.data(), stem=st.sampled_from(STEMS))
    def rename(self, data: st.DataObject, stem: str) -> None:
        """Rename a waiting request, possibly to the name of another waiting one."""
        old = data.draw(st.sampled_from(sorted(self.waiting)))
        (self.layout.inbox / old).rename(self.layout.inbox / f"{stem}.json")
        moved = self.waiting.pop(old)
        self.waiting.pop(f"{stem}.json", None)
        self.waiting[f"{stem}.json"] = moved

    @precondition(lambda self: self.first)
    @rule(data=st.data())
    def prune(self, data: st.DataObject) -> None:
        """Remove a reply, which the journal still has."""
        stem = data.draw(st.sampled_from(sorted(self.first)))
        (self.layout.outbox / f"{stem}.json").unlink(missing_ok=True)

    # Actions of the worker.

    @rule(dies_at=st.integers(1, 8))
    def serve_until_killed(self, dies_at: int) -> None:
        """Run a worker that may die at that instant; the next one continues."""
        worker = Worker(self.layout, self._mortal(dies_at), settings=AT_ONCE, log=lambda line: None)
        try:
            worker.drain()
        except Killed:
            self.is_settled = False
            return
        self._settle_the_model()

    @rule()
    def drain(self) -> None:
        Worker(self.layout, self._mortal(0), settings=AT_ONCE, log=lambda line: None).drain()
        self._settle_the_model()

    # Invariants.

    @invariant()
    def everything_fits_together(self) -> None:
        if not self.is_settled:
            return
        assert [p.name for p in self.layout.inbox.iterdir() if p.is_file()] == []
        assert [p for p in self.layout.claimed.rglob("*") if not p.is_dir()] == []
        assert len(list(read_records(self.layout.dead_letters))) == self.letters
        applied = sorted(event["correlation_id"] for event in self.project.events())
        assert applied == sorted(stem for stem, raw in self.first.items() if is_valid(stem, raw))
        for stem in self.project.replies():
            check_envelope(self.project.reply(stem))
        if (self.layout.outbox / "journal.jsonl").exists():
            check_project(self.project)

    def _land(self, name: str, raw: bytes) -> None:
        temporary = self.layout.inbox / ".landing.tmp"
        temporary.write_bytes(raw)
        temporary.rename(self.layout.inbox / name)
        self.waiting.pop(name, None)
        self.waiting[name] = raw
        self.is_settled = False

    def _mortal(self, dies_at: int) -> Dispatcher:
        made: Any = Mortal(self.project.root, dies_at=dies_at)
        return made  # type: ignore[no-any-return]

    def _settle_the_model(self) -> None:
        for name, raw in self.waiting.items():
            stem = name.removesuffix(".json")
            if stem not in STEMS or not raw or self.first.setdefault(stem, raw) != raw:
                self.letters += 1
        self.waiting, self.is_settled = {}, True


def is_valid(stem: str, raw: bytes) -> bool:
    return raw in (body(stem, "a"), body(stem, "b"))


TestMailbox = MailboxMachine.TestCase
TestMailbox.settings = settings(
    max_examples=EXAMPLES or FEW,
    stateful_step_count=STEPS,
    derandomize=not EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
