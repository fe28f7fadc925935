"""`dataclass` for values, made in a fifth of the time: a call at the command line makes a hundred of them.

The one of the standard library writes and compiles the source of six methods for each class; here none is. What is
not frozen, or has no slots, is left to the standard library.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    import dataclasses
    from operator import attrgetter

    OWN_METHODS = frozenset(
        {"__init__", "__post_init__", "__eq__", "__hash__", "__setattr__", "__delattr__"}
    )

    def dataclass(*, frozen=False, slots=False, kw_only=False, **others):
        """As `dataclasses.dataclass`."""
        if others or not (frozen and slots):
            return dataclasses.dataclass(frozen=frozen, slots=slots, kw_only=kw_only, **others)
        return lambda cls: _made(cls, kw_only=kw_only)

    def _made(cls, *, kw_only):
        if not OWN_METHODS.isdisjoint(cls.__dict__) or _is_frozen_elsewhere(cls):
            return dataclasses.dataclass(frozen=True, slots=True, kw_only=kw_only)(cls)
        shows_itself = "__repr__" in cls.__dict__
        bare = dataclasses.dataclass(init=False, repr=False, eq=False, slots=True, kw_only=kw_only)
        made = bare(cls)
        fields = dataclasses.fields(made)
        made.__init__ = _init_of(made, fields)
        made.__eq__, made.__hash__ = _comparisons_of([it.name for it in fields if it.compare])
        made.__setattr__, made.__delattr__ = _refusals_of(made, {it.name for it in fields})
        made.__getstate__, made.__setstate__ = _state, _set_state
        if not shows_itself:
            made.__repr__ = _shown
        return made

    def _is_frozen_elsewhere(cls):
        """Whether a base was made by the standard library, which wants all of them to be."""
        found = (getattr(it, "__dataclass_params__", None) for it in cls.__mro__[1:])
        return any(it is not None and it.frozen for it in found)

    def _init_of(made, fields):
        puts = {it.name: getattr(made, it.name).__set__ for it in fields}
        pairs, names = tuple(puts.items()), puts.keys()
        factories = {
            it.name: it.default_factory
            for it in fields
            if it.default_factory is not dataclasses.MISSING
        }
        defaults = {it.name: it.default for it in fields if it.default is not dataclasses.MISSING}
        needed = names - factories.keys() - defaults.keys()

        by_place = [it.name for it in fields if not it.kw_only]

        def init(self, /, *placed, **given):
            if placed:
                given = _by_name(by_place, placed, given)
            if given.keys() != names:
                _require(made, given, needed)
                fresh = {it: make() for it, make in factories.items() if it not in given}
                given = {**defaults, **fresh, **given}
            for name, put in pairs:
                put(self, given[name])

        init.__qualname__ = f"{made.__qualname__}.__init__"
        return init

    def _by_name(names, placed, given):
        """The arguments by name, also those that were given by place."""
        if len(placed) > len(names):
            raise TypeError(f"takes {len(names)} arguments by place, not {len(placed)}")
        named = dict(zip(names, placed, strict=False))
        twice = next((name for name in named if name in given), None)
        if twice is not None:
            raise TypeError(f"got two values for {twice!r}")
        return named | given

    def _require(made, given, needed):
        names = [it.name for it in dataclasses.fields(made)]
        head = f"{made.__qualname__}.__init__()"
        for name in given:
            if name not in names:
                raise TypeError(f"{head} got an unexpected keyword argument {name!r}")
        missing = [name for name in names if name in needed and name not in given]
        if missing:
            listed = ", ".join(map(repr, missing))
            raise TypeError(f"{head} misses the arguments {listed}")

    def _comparisons_of(names):
        get = attrgetter(*names) if len(names) > 1 else _few(names)

        def equal(self, other):
            if other.__class__ is not self.__class__:
                return NotImplemented
            return get(self) == get(other)

        def hashed(self):
            return hash(get(self))

        return equal, hashed

    def _few(names):
        return lambda value: tuple([getattr(value, name) for name in names])

    def _refusals_of(made, names):
        def set_refused(self, name, value):
            if type(self) is made or name in names:
                raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")
            super(made, self).__setattr__(name, value)

        def delete_refused(self, name):
            if type(self) is made or name in names:
                raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")
            super(made, self).__delattr__(name)

        return set_refused, delete_refused

    def _shown(self):
        shown = (
            f"{it.name}={getattr(self, it.name)!r}" for it in dataclasses.fields(self) if it.repr
        )
        return f"{self.__class__.__qualname__}({', '.join(shown)})"

    def _state(self):
        return [getattr(self, it.name) for it in dataclasses.fields(self)]

    def _set_state(self, state):
        for it, value in zip(dataclasses.fields(self), state, strict=True):
            object.__setattr__(self, it.name, value)


__all__ = ["dataclass"]
