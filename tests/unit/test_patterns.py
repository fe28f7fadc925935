from __future__ import annotations

import re

from specify_cli.patterns import pattern


def test_a_pattern_is_compiled_when_it_is_used_and_does_what_the_compiled_one_does() -> None:
    found = pattern("(a)b", re.IGNORECASE)
    assert "match" not in vars(found)
    assert found.fullmatch("AB")
    assert found.sub("x", "cabc") == "cxc"
    assert found.search("c") is None
    assert "fullmatch" in vars(found)
