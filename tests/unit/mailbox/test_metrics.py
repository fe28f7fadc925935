"""The metrics for Prometheus are parsed by its library, whatever the names in the project."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from specify_cli import clock
from specify_cli.errors import UsageError
from specify_cli.mailbox import health, health_facts, metrics, metrics_file, request_counts
from specify_cli.mailbox.health_facts import MailboxFacts
from specify_cli.mailbox.layout import MailboxLayout
from specify_cli.mailbox.log_lines import AnsweredRequest
from specify_cli.mailbox.request_counts import BUCKETS_S, NO_GRANT, RequestCounts
from tests.together import meet

HOSTILE = 'a"b\\c\nd{e="f"} 1\n# TYPE x counter \udcff'


def test_names_of_others_neither_break_the_format_nor_add_labels(tmp_path: Path) -> None:
    counts = RequestCounts(frozenset({"note"}))
    now = clock.now().timestamp()
    for number in range(50):
        made_up = {"command": f"orchestrator-api.made-up-{number}", "error_code": "USAGE_ERROR"}
        asked = AnsweredRequest(f"stranger-{number}", made_up, since=now)
        counts.add(asked, has_grant=False)
    note = {"command": "orchestrator-api.note", "error_code": None}
    counts.add(AnsweredRequest("nightly", note, since=now - 1e6), has_grant=True)
    layout = MailboxLayout(tmp_path / HOSTILE)
    mailboxes = [MailboxFacts(paths=layout.paths(f"stranger-{it}"), depth=2) for it in range(50)]
    mailboxes.append(MailboxFacts(paths=layout.paths("nightly"), beat={"oldest_age_s": 10**400}))
    facts = health_facts.Facts(
        layout=layout,
        now=clock.now().timestamp(),
        worker=json.loads(json.dumps({"counts": counts.report()})),
        mailboxes=mailboxes,
    )
    text = metrics.render(facts, health.problems(facts)).decode()
    families = {it.name: it for it in text_string_to_metric_families(text)}
    values = {
        (
            sample.name,
            *(v for k, v in sorted(sample.labels.items()) if k != "project"),
        ): sample.value
        for it in families.values()
        for sample in it.samples
        if sample.labels["project"] == str(layout.root).replace("\udcff", r"\udcff")
    }
    assert sum(len(it.samples) for it in families.values()) == len(values) < 100
    assert values["spec_kitty_requests_total", "unknown", NO_GRANT, "refused"] == 50
    assert values["spec_kitty_waiting_requests", NO_GRANT] == 100
    bucket = "spec_kitty_request_duration_seconds_bucket"
    assert values[bucket, "unknown", "30.0", "refused"] == 50
    assert values[bucket, "note", str(float(BUCKETS_S[-1])), "success"] == 0
    assert values[bucket, "note", "+Inf", "success"] == 1


def test_threads_count_one_after_the_other() -> None:
    counts = RequestCounts(frozenset({"note"}))
    note = {"command": "orchestrator-api.note", "error_code": None}
    answered = AnsweredRequest("nightly", note, since=0.0)
    assert not meet(request_counts, "bisect_left", lambda: counts.add(answered, has_grant=True))


def test_names_follow_the_conventions_of_prometheus(tmp_path: Path) -> None:
    facts = health_facts.Facts(layout=MailboxLayout(tmp_path), now=0.0)
    for line in metrics.render(facts, []).decode().splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            assert name.startswith("spec_kitty_")
            assert name.endswith("_total") == (kind == "counter"), line
            assert not name.endswith(("_ms", "_milliseconds", "_kb", "_percent")), line


def test_the_metrics_file_needs_the_prom_suffix_and_an_existing_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"must end in \.prom"):
        metrics_file.write(tmp_path / "metrics.txt", b"")
    with pytest.raises(UsageError, match="create it first"):
        metrics_file.write(tmp_path / "missing" / "metrics.prom", b"")
    path = tmp_path / "metrics.prom"
    metrics_file.write(path, b"one\n")
    assert path.stat().st_mode & 0o777 == 0o644
    assert [it.name for it in tmp_path.iterdir()] == ["metrics.prom"]
