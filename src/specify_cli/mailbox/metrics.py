"""Health and counts of a worker in the text format of Prometheus, for the textfile collector of its node exporter."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from specify_cli.mailbox import health
from specify_cli.mailbox.health_facts import Facts, MailboxFacts
from specify_cli.mailbox.health_problems import (
    EXIT_CODES,
    KINDS,
    Problem,
    in_progress,
    last_beat,
    seconds,
    stalled,
)
from specify_cli.mailbox.request_counts import BUCKETS_S, NO_GRANT

# The first label of every metric, because the collector refuses one metric with equal labels in two files.
_PROJECT: Final = "project"

_Rows = Sequence[tuple[Sequence[str], float | None]]


def render(facts: Facts, found: list[Problem]) -> bytes:
    """Return the text. Only orchestrators with a grant have labels of their own, so requests cannot add any."""
    registry = CollectorRegistry()
    registry.register(_Collector(facts, found))
    return generate_latest(registry)


class _Collector(Collector):
    def __init__(self, facts: Facts, found: list[Problem]) -> None:
        self._facts = facts
        self._found = found
        self._project = _label(str(facts.layout.root))

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        yield from self._worker()
        yield from self._health()
        yield from self._mailboxes()
        yield from self._disks()
        worker = self._facts.worker or {}
        yield from self._counts(worker.get("counts") or {})
        yield from self._config(worker.get("config") or {})

    def _gauge(
        self, name: str, about: str, rows: _Rows, *, labels: Sequence[str] = ()
    ) -> GaugeMetricFamily:
        family = GaugeMetricFamily(f"spec_kitty_{name}", about, labels=[_PROJECT, *labels])
        for values, value in rows:
            if value is not None:
                family.add_metric([self._project, *values], value)
        return family

    def _worker(self) -> Iterator[Metric]:
        facts, beat = self._facts, last_beat(self._facts)
        is_up = facts.is_alive and not facts.is_suspended
        yield self._gauge("worker_up", "Whether a worker runs and is not stopped.", [((), is_up)])
        yield self._gauge(
            "worker_start_time_seconds",
            "When the last worker started, in seconds since the epoch.",
            [((), seconds(beat.get("started_at")))],
        )
        yield self._gauge(
            "worker_last_heartbeat_timestamp_seconds",
            "The last heartbeat of a worker, in seconds since the epoch.",
            [((), seconds(beat.get("beat_at")))],
        )
        yield self._gauge(
            "worker_info",
            "The version of the last worker; the value is 1.",
            [((str((facts.worker or {}).get("version", "")),), 1)],
            labels=["version"],
        )

    def _health(self) -> Iterator[Metric]:
        yield self._gauge(
            "health",
            "0: well, 1: degraded, 2: down; the exit code of 'spec-kitty mailbox status'.",
            [((), EXIT_CODES[health.health(self._found)])],
        )
        kinds = [it.kind for it in self._found]
        yield self._gauge(
            "problems",
            "Problems that 'spec-kitty mailbox status' finds, by kind.",
            [((kind,), kinds.count(kind)) for kind in KINDS],
            labels=["kind"],
        )

    def _mailboxes(self) -> Iterator[Metric]:
        for name, about, value in (
            (
                "waiting_requests",
                "Requests that are not answered, those in progress included.",
                lambda it: it.depth_now,
            ),
            (
                "oldest_waiting_request_age_seconds",
                "How long the oldest request in the inbox has been waiting; 0 if there is none.",
                lambda it: _in_beat(it, "oldest_age_s"),
            ),
            ("dead_letters", "Dead letters that wait.", lambda it: _in_beat(it, "dead_letters")),
            (
                "mailbox_stalled",
                "Whether the worker cannot take requests of the mailbox.",
                lambda it: _is_stalled(it, self._facts) if it.beat else None,
            ),
        ):
            yield self._gauge(name, about, self._of_mailboxes(value), labels=["orchestrator"])
        busy = in_progress(self._facts)
        yield self._gauge(
            "longest_request_in_progress_seconds",
            "How long the longest request in progress has taken so far; 0 if there is none.",
            [((), busy[0].age_s if busy else 0)],
        )

    def _of_mailboxes(self, value: Callable[[MailboxFacts], float | None]) -> _Rows:
        """Return the value of each mailbox with a grant, and the sum of the others."""
        summed: dict[str, float] = {}
        for mailbox in self._facts.mailboxes:
            name = mailbox.paths.identity if mailbox.beat else NO_GRANT
            one = value(mailbox)
            if one is not None:
                summed[name] = summed.get(name, 0) + one
        return [((name,), one) for name, one in summed.items()]

    def _disks(self) -> Iterator[Metric]:
        facts = self._facts
        disks = facts.disks
        for name, about, size in (
            (
                "free",
                "Bytes left on the disk of a folder of the host.",
                [it.free_bytes for it in disks],
            ),
            ("size", "Size of that disk.", [it.size_bytes for it in disks]),
        ):
            rows = [((_label(it.path),), value) for it, value in zip(disks, size, strict=True)]
            yield self._gauge(f"disk_{name}_bytes", about, rows, labels=["path"])
        record = _number(facts.record, "size_bytes") if facts.record else None
        yield self._gauge("record_size_bytes", "Size of the host's record.", [((), record)])
        yield self._gauge(
            "record_entries",
            "Position of the newest entry of the record.",
            [((), _number(facts.record, "position") if facts.record else None)],
        )
        yield self._gauge(
            "journal_size_bytes",
            "Size of the journal in the outbox, without its archive.",
            [((), facts.journal_bytes)],
        )

    def _counts(self, counts: Mapping[str, Any]) -> Iterator[Metric]:
        requests = CounterMetricFamily(
            "spec_kitty_requests",
            "Requests that the worker has answered since it started.",
            labels=[_PROJECT, "command", "outcome", "orchestrator"],
        )
        for *labels, count in counts.get("requests", ()):
            requests.add_metric([self._project, *labels], count)
        yield requests
        refusals = CounterMetricFamily(
            "spec_kitty_refusals",
            "Requests that the worker has refused since it started, by error code.",
            labels=[_PROJECT, "error_code"],
        )
        for code, count in counts.get("refusals", ()):
            refusals.add_metric([self._project, code], count)
        yield refusals
        durations = HistogramMetricFamily(
            "spec_kitty_request_duration_seconds",
            "Time from taking a request out of the inbox to its reply.",
            labels=[_PROJECT, "command", "outcome"],
        )
        for *labels, values in counts.get("durations", ()):
            *found, total = values
            sums = [sum(found[: place + 1]) for place in range(len(found))]
            bounds = [*(str(float(it)) for it in BUCKETS_S), "+Inf"]
            buckets = list(zip(bounds, sums, strict=True))
            durations.add_metric([self._project, *labels], buckets, sum_value=total)
        yield durations

    def _config(self, config: Mapping[str, Any]) -> Iterator[Metric]:
        is_successful = (not config.get("refused")) if config else None
        yield self._gauge(
            "config_last_reload_successful",
            "Whether the last reading of config.toml by the worker succeeded.",
            [((), is_successful)],
        )
        yield self._gauge(
            "config_last_reload_success_timestamp_seconds",
            "When the worker last read config.toml successfully, in seconds since the epoch.",
            [((), seconds(config.get("read_at")))],
        )


def _is_stalled(mailbox: MailboxFacts, facts: Facts) -> bool:
    says_so = mailbox.is_alive and (mailbox.beat or {}).get("state") == "stalled"
    return says_so or mailbox.paths.identity in stalled(facts)


def _in_beat(mailbox: MailboxFacts, name: str) -> float | None:
    return _number(mailbox.beat, name) if mailbox.beat else None


def _number(values: Mapping[str, Any], name: str) -> float:
    found = values.get(name)
    # A larger integer is not a float.
    return found if isinstance(found, (int, float)) and abs(found) < 2**63 else 0


def _label(path: str) -> str:
    """Return the path as UTF-8, which the file is in."""
    return path.encode("utf-8", "backslashreplace").decode()
