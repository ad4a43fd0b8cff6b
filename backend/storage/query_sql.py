"""TinyDB's queries as SQL, as far as SQL can say them.

The SQL is a sieve: it lets through at least what the query does, by way of an index, and the
query itself, as a Python test, decides on what comes through. So TinyDB's meaning holds to the
letter (of lists, of `None`, of values that cannot be compared) and is fast where it matters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from backend.storage.schema import Shape

_OPERATORS = {"==": "=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


@dataclass(frozen=True, slots=True)
class Condition:
    """A WHERE clause and its parameters."""

    sql: str = "1"
    parameters: tuple[Any, ...] = ()


EVERYTHING = Condition()


def to_sql(query: object, shape: Shape) -> Condition:
    """Translate a TinyDB query over a table of that shape into a sieve.

    A query's hash names its operator, path and value: `('==', ('id',), 'x')`. What cannot be
    said of the generated columns lets everything through.
    """
    columns = {column.expression: column.name for column in shape.columns}
    return _translate(getattr(query, "_hash", None), columns)


def _translate(node: Any, columns: Mapping[str, str]) -> Condition:
    if not isinstance(node, tuple) or len(node) < 2:
        return EVERYTHING
    operator = node[0]
    if operator in {"and", "or"}:
        # A frozenset, so `a & a` has one member: the meaning is the same.
        parts = [_translate(part, columns) for part in sorted(node[1], key=repr)]
        joined = f" {operator.upper()} ".join(part.sql for part in parts)
        return Condition(f"({joined})", tuple(v for part in parts for v in part.parameters))
    if operator in _OPERATORS:
        return _leaf(f"{_OPERATORS[operator]} ?", node[1], (node[2],), columns)
    if operator == "one_of" and isinstance(node[2], tuple) and len(node[2]) <= 500:
        marks = ", ".join("?" * len(node[2]))
        return _leaf(f"IN ({marks})", node[1], node[2], columns)
    return EVERYTHING


def _leaf(
    test: str, path: tuple[Any, ...], values: tuple[Any, ...], columns: Mapping[str, str]
) -> Condition:
    if not all(isinstance(part, str) and part.isidentifier() for part in path):
        return EVERYTHING
    column = columns.get(f"json_extract(body, '$.{'.'.join(path)}')")
    if column is None or not all(_compares_alike(value) for value in values):
        return EVERYTHING
    return Condition(f"{column} {test}", values)


def _compares_alike(value: Any) -> bool:
    """Say whether SQLite finds at least what Python does when it compares with the value."""
    if isinstance(value, str):
        return is_plain(value)
    return isinstance(value, int | float) and abs(value) < 2**53


def is_plain(text: str) -> bool:
    """Say whether SQLite holds a text as it is: it ends at NUL, and UTF-8 lacks lone surrogates."""
    return "\0" not in text and bindable(text) == text


def bindable(text: str) -> str:
    """Make text that SQLite takes: lone surrogates match nothing that we hold."""
    return text.encode(errors="replace").decode()
