"""A value is what the standard library's frozen dataclass is, whatever is done with it."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from specify_cli import values

OURS = values.dataclass(frozen=True, slots=True, kw_only=True)
THEIRS = dataclasses.dataclass(frozen=True, slots=True, kw_only=True)


@values.dataclass(frozen=True, slots=True, kw_only=True)
class Pickled:
    one: int
    two: list[int] = dataclasses.field(default_factory=list)


def made(decorate: Callable[[type], type]) -> tuple[type[Any], type[Any], type[Any]]:
    """A value, one that inherits from it, and one of a single field."""

    class Base:
        """A value."""

        a: int
        b: str = "b"
        hidden: int = dataclasses.field(default=0, repr=False, compare=False)
        made: list[int] = dataclasses.field(default_factory=list)

        @property
        def double(self) -> int:
            return self.a * 2

    base = decorate(Base)

    class Derived(base):  # type: ignore[misc, valid-type]
        """One more field."""

        c: int | None = None

    class Single:
        """One field."""

        only: float

    return base, decorate(Derived), decorate(Single)


def outcome(act: Callable[[], Any]) -> Any:
    """What it gives, or how it ends."""
    try:
        return repr(act())
    except (AttributeError, TypeError) as error:
        return type(error)


KINDS = (made(OURS), made(THEIRS))
NAN = float("nan")


@pytest.mark.parametrize(
    "act",
    [
        lambda base, derived, single: base(a=1),
        lambda base, derived, single: base(a=1, b="x", hidden=3, made=[1]),
        lambda base, derived, single: derived(a=1, c=2),
        lambda base, derived, single: single(only=1.0),
        lambda base, derived, single: base(),
        lambda base, derived, single: base(a=1, other=2),
        lambda base, derived, single: base(1),
        lambda base, derived, single: base(a=1).double,
        lambda base, derived, single: base(a=1) == base(a=1, hidden=5),
        lambda base, derived, single: base(a=1) == base(a=2),
        lambda base, derived, single: base(a=1) == derived(a=1),
        lambda base, derived, single: derived(a=1) == derived(a=1),
        lambda base, derived, single: single(only=NAN) == single(only=NAN),
        lambda base, derived, single: base(a=1) < base(a=2),
        lambda base, derived, single: hash(single(only=1.0)) == hash(single(only=1)),
        lambda base, derived, single: hash(base(a=1)),  # A list has none.
        lambda base, derived, single: setattr(base(a=1), "a", 2),
        lambda base, derived, single: delattr(base(a=1), "a"),
        lambda base, derived, single: vars(base(a=1)),
        lambda base, derived, single: dataclasses.replace(derived(a=1), b="n"),
        lambda base, derived, single: dataclasses.asdict(derived(a=1)),
        lambda base, derived, single: [it.name for it in dataclasses.fields(derived)],
        lambda base, derived, single: copy.deepcopy(derived(a=1, made=[2])),
        lambda base, derived, single: copy.copy(base(a=1)) == base(a=1),
        lambda base, derived, single: base(a=1).made is base(a=1).made,
        lambda base, derived, single: base.__slots__,
        lambda base, derived, single: derived.__match_args__,
    ],
)
def test_both_do_the_same(act: Callable[..., Any]) -> None:
    ours, theirs = (outcome(partial(act, *kinds)) for kinds in KINDS)
    assert ours == theirs


def test_a_value_can_be_pickled_and_is_frozen_again() -> None:
    found = pickle.loads(pickle.dumps(Pickled(one=1, two=[2])))
    assert found == Pickled(one=1, two=[2])
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.one = 2


def test_methods_of_its_own_are_kept() -> None:
    @values.dataclass(frozen=True, slots=True, kw_only=True)
    class Own:
        """Compared by its size."""

        a: str

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Own) and len(self.a) == len(other.a)

        def __hash__(self) -> int:
            return len(self.a)

        def __repr__(self) -> str:
            return "own"

    assert Own(a="x") == Own(a="y")
    assert hash(Own(a="xx")) == 2
    assert repr(Own(a="x")) == "own"


def test_arguments_by_place_stay_by_place() -> None:
    @values.dataclass(frozen=True, slots=True)
    class Point:
        """Two numbers."""

        x: int
        y: int = 2

    assert Point(1) == Point(x=1, y=2) == Point(1, y=2) == Point(1, 2)
    for wrong in (lambda: Point(1, 2, 3), lambda: Point(1, x=1), lambda: Point(y=1)):  # type: ignore[call-arg, misc]
        with pytest.raises(TypeError):
            wrong()
    match Point(3):
        case Point(x, y):
            assert (x, y) == (3, 2)
