"""A project with missions of every shape that public ones have, as its people see it."""

from __future__ import annotations

import json

from tests.benchmarks.many_missions import SHAPES, write_missions
from tests.integration.stage import Stage

COUNT = 60


def test_the_doctor_names_and_takes_over_what_earlier_tools_left(stage: Stage) -> None:
    write_missions(stage.root, COUNT)
    stage.git("add", "-A")
    stage.git("commit", "-q", "-m", "laid out by the public tool")

    found = json.loads(stage.run("doctor", "--json").stdout)["data"]["findings"]
    former = [it for it in found if it["check"] == "former-status"]
    assert len(former) == 2 * COUNT // len(SHAPES)
    assert not [it for it in found if it["check"] == "ignored-prompt"]
    assert len(stage.run("doctor").stdout.splitlines()) < COUNT

    stage.run("doctor", "--fix")

    left = json.loads(stage.run("doctor", "--json").stdout)["data"]["findings"]
    assert not [it for it in left if it["check"] == "former-status"]
    assert stage.lane("WP01", "004-mission") == "for_review"
    assert stage.lane("WP04", "005-mission") == "done"
