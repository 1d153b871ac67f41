"""The lookup of dots and brackets: keys only, never Python attributes or methods."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jinja2 import StrictUndefined, Undefined

from orchestrator.expressions.budget import charge, note
from orchestrator.expressions.errors import ExpressionError, SecretValue, kind
from orchestrator.models.nearest import MAX_COMPARED, did_you_mean

_COMPARING = 40
"""Units per character of a missing name and per name that it is compared with."""


class Missing(StrictUndefined):
    """A missing key. `default()` replaces it; any other use raises an error that names it."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        return _missing(self._undefined_obj, self._undefined_name, self._undefined_hint or "")


class Hidden(StrictUndefined):
    """A secret in an expression: it can only be the whole result."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        return (
            f"{self._undefined_hint} is a secret: it can only be passed on whole, as a parameter"
            " that is nothing but this variable"
        )

    @property
    def secret(self) -> SecretValue:
        """The reference to the secret."""
        secret: SecretValue = self._undefined_obj
        return secret


def lookup(owner: Any, key: Any, path: str) -> Any:
    """`owner[key]`, or a Missing with the owner's path."""
    charge(2)
    if isinstance(owner, Undefined):
        return owner if type(owner) is Missing else _refuse(owner)
    if type(owner) is dict and type(key) is str:
        if key in owner:
            value = owner[key]
            if type(value) is SecretValue:
                return Hidden(hint=f"{path}.{key}", obj=value)
            return value
    elif type(key) is int and type(owner) in (list, str):
        if -len(owner) <= key < len(owner):
            return owner[key]
    elif isinstance(key, Undefined) or type(key) not in (str, int):
        return _refuse(key)
    return Missing(hint=path, obj=owner, name=key)


def is_secret(value: Any) -> bool:
    """Whether the value is a secret."""
    return type(value) is Hidden


def _refuse(value: Any) -> Any:
    if isinstance(value, Undefined):
        value._fail_with_undefined_error()
    raise ExpressionError(f"a key is a string or an integer, not {kind(value)}")


def _missing(owner: Any, key: Any, path: str) -> str:
    if type(owner) is not dict:
        if type(key) is int:
            return f"{path} has no item {key}" + (
                f": it has {len(owner)}" if type(owner) in (list, str) else f": it is {kind(owner)}"
            )
        return f"{path} has no key {str(key)[:64]!r}: it is {kind(owner)}"
    if type(key) is int:
        return f"{path} has no item {key}: it is an object, whose keys are strings"
    note(100 + 4 * len(owner) + _COMPARING * len(key[:64]) * min(len(owner), MAX_COMPARED))
    if not path:
        return f"there is no {key!r} here{did_you_mean(key, owner) or _available(owner)}"
    return f"{path} has no key {key[:64]!r}{did_you_mean(key, owner) or _available(owner)}"


def _available(names: Iterable[str]) -> str:
    shown = sorted(name for name in names if type(name) is str)
    if not shown:
        return "; it is empty"
    return f"; there is {', '.join(shown[:8])}{' …' if len(shown) > 8 else ''}"
