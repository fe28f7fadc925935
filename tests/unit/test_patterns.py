from __future__ import annotations

import re

from specify_cli.patterns import pattern


def test_a_lazy_pattern_is_compiled_at_its_first_use() -> None:
    found = pattern("(a)b", re.IGNORECASE)
    assert "match" not in vars(found)
    assert found.fullmatch("AB")
    assert found.sub("x", "cabc") == "cxc"
    assert found.search("c") is None
    assert "fullmatch" in vars(found)
