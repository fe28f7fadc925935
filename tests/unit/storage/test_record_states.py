"""Tests of the folded state of packages in the record."""

from __future__ import annotations

import json
import tracemalloc

import pytest

from specify_cli.core.lanes import Lane
from specify_cli.storage import record_states
from specify_cli.storage.record import Record
from specify_cli.storage.record_entries import Draft
from tests.unit.storage.drafts import AT, draft, state_in


def test_the_state_of_a_package_is_that_of_its_last_event(record: Record) -> None:
    record.commit([draft("r1", state="claimed"), draft("r2", state="done")])
    assert state_in(record) == Lane.DONE


@pytest.mark.long
def test_comparing_states_of_a_long_log_needs_constant_memory(record: Record) -> None:
    def noted(number: int) -> Draft:
        about = {"event_id": f"{number:026}", "at": AT, "actor": "ada", "wp_id": "WP01"}
        event = {
            **about,
            "mission_slug": "001-search",
            "delta": {"note": "n"},
            "kind": "annotation",
        }
        event["correlation_id"] = f"r{number}"
        return draft(f"r{number}")._replace(log=json.dumps(event).encode() + b"\n")

    peaks = []
    for start, count in ((0, 1000), (1000, 6000)):
        record.commit([noted(it) for it in range(start, start + count)])
        with record.reading() as connection:
            tracemalloc.start()
            assert record_states.difference(connection, 1) == ""
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert peaks[1] < 2 * peaks[0]
