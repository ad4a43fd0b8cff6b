"""The tables on SQLite rows do what TinyDB's own tables do, and use indexes where they can."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tinydb import Query, TinyDB, where
from tinydb.queries import QueryInstance
from tinydb.storages import MemoryStorage
from tinydb.table import Document

from backend.storage.engine import DocumentDB
from backend.storage.query_sql import EVERYTHING, Condition, to_sql
from backend.storage.schema import SHAPES

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.floats(-3, 3, allow_nan=False),
    st.sampled_from(["", "a", "b", "1", "é", "\ud800", "x\0y"]),
)
# A field that `events` has a generated column for, one that it has not, and one nested.
DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "created_at": SCALARS,
        "other": st.one_of(SCALARS, st.lists(SCALARS, max_size=3)),
        "deep": st.fixed_dictionaries({}, optional={"x": SCALARS}),
    },
)


def leaves() -> st.SearchStrategy[QueryInstance]:
    """Draw the simplest queries: those that never raise on a value of another type."""
    paths = st.sampled_from([Query().created_at, Query().other, Query().deep.x])
    tests: list[Callable[[Any], st.SearchStrategy[QueryInstance]]] = [
        lambda path: SCALARS.map(lambda value: path == value),
        lambda path: SCALARS.map(lambda value: path != value),
        lambda path: st.lists(SCALARS, max_size=3).map(path.one_of),
        lambda path: st.just(path.exists()),
        lambda path: st.just(path.matches("a|b")),
        lambda path: st.just(path.test(lambda value: value == "a")),
        lambda path: st.lists(SCALARS, max_size=2).map(path.any),
        lambda path: st.just(Query().noop()),
        lambda path: st.just(Query().fragment({"other": "a"})),
    ]
    return st.sampled_from(tests).flatmap(lambda test: paths.flatmap(test))


QUERIES = st.recursive(
    leaves(),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda pair: pair[0] & pair[1]),
        st.tuples(inner, inner).map(lambda pair: pair[0] | pair[1]),
        inner.map(lambda query: ~query),
    ),
    max_leaves=4,
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rows") / "store.sqlite3"


@pytest.fixture
def db(tmp_path: Path) -> Iterator[DocumentDB]:
    with DocumentDB(tmp_path / "store.sqlite3") as db:
        yield db


@settings(max_examples=60, deadline=None)
@given(documents=st.lists(DOCUMENTS, max_size=6), query=QUERIES, change=DOCUMENTS)
def test_same_as_tinydb(
    path: Path, documents: list[dict[str, Any]], query: QueryInstance, change: dict[str, Any]
) -> None:
    """Inserts, searches, updates, upserts and removals give what TinyDB's own table gives."""
    with DocumentDB(path) as ours, TinyDB(storage=MemoryStorage) as theirs:
        ours.drop_tables()
        results = []
        for db in (ours, theirs):
            # A column with a unique index stays free of these documents' chance values.
            table = db.table("events")
            results.append(
                [
                    table.insert_multiple(documents),
                    table.search(query),
                    table.count(query),
                    table.contains(query),
                    table.get(query),
                    table.update(change, query),
                    table.all(),
                    table.upsert({"other": "new"}, query),
                    table.remove(query),
                    list(table),
                    len(table),
                    table.get(doc_id=2),
                    table.get(doc_ids=[1, 3, 99]),
                    table.remove(doc_ids=[1, 99]),
                    table.all(),
                ]
            )
        assert results[0] == results[1]


def test_comparisons_raise_as_tinydb_does(db: DocumentDB) -> None:
    """Comparing a text with a number raises, as it does in TinyDB."""
    table = db.table("events")
    table.insert({"created_at": "text"})
    assert table.search(where("created_at") >= "s") == [{"created_at": "text"}]
    with pytest.raises(TypeError):
        table.search(where("other") < 3) or table.search(where("created_at").test(lambda v: v < 3))


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        (where("created_at") < "b", "a"),
        (where("created_at") <= "b", "ab"),
        (where("created_at") == "b", "b"),
        (where("created_at") >= "b", "bc"),
        (where("created_at") > "b", "c"),
        (where("created_at").one_of(["c", "a", "x"]), "ac"),
        ((where("created_at") < "b") | (where("other") == 2), "ac"),
        ((where("created_at") > "a") & (where("other") == 2), "c"),
    ],
)
def test_ranges(db: DocumentDB, query: QueryInstance, wanted: str) -> None:
    """Ranges on generated columns hold what lies in them, their ends as written."""
    db.table("events").insert_multiple(
        {"id": letter, "created_at": letter, "other": n} for n, letter in enumerate("abc")
    )
    assert "".join(d["id"] for d in db.table("events").search(query)) == wanted


@pytest.mark.parametrize(
    ("query", "sql", "parameters"),
    [
        (where("id") == "x", "id = ?", ("x",)),
        (where("id") == "\x01\u2028\u00ad", "id = ?", ("\x01\u2028\u00ad",)),
        (Query().context.source == "cli", "source = ?", ("cli",)),
        (where("created_at") < "2026", "created_at < ?", ("2026",)),
        (Query().image.sha256.one_of(["a", "b"]), "sha256 IN (?, ?)", ("a", "b")),
        ((where("id") == "x") & (where("foo") == 1), "(1 AND id = ?)", ("x",)),
    ],
)
def test_queries_become_sql(query: object, sql: str, parameters: tuple[Any, ...]) -> None:
    """What generated columns can answer is asked in SQL."""
    translated = to_sql(query, SHAPES["predictions"])
    assert sorted(translated.sql) == sorted(sql)  # the sides of an AND come in either order
    assert translated.parameters == parameters


@pytest.mark.parametrize(
    "query",
    [
        ~(where("id") == "x"),
        where("id") != "x",
        where("id") == None,  # noqa: E711
        where("id") == ["x"],
        where("id") == "\0",
        where("id") == "\ud800",
        where("id").matches("x"),
        where("id").map(str.lower) == "x",
        where("unknown") == "x",
        lambda document: True,
    ],
)
def test_the_rest_is_left_to_python(query: object) -> None:
    """What SQL cannot say just so lets every row through to the Python test."""
    assert to_sql(query, SHAPES["predictions"]) == EVERYTHING


def test_an_index_answers(db: DocumentDB) -> None:
    """A query on a generated column is a search by index, not a scan."""
    condition = to_sql(where("digest") == "x", SHAPES["tokens"])
    with db.connections.using() as connection:
        sql = f"EXPLAIN QUERY PLAN SELECT body FROM tokens WHERE {condition.sql}"
        plan = connection.execute(sql, condition.parameters).fetchall()
    assert "USING INDEX tokens_digest" in plan[0][3]


def test_any_table_name(db: DocumentDB) -> None:
    """Tables are kept apart by their very names, whatever letters these have."""
    names = ["_default", "a", "A", 'quote"; DROP TABLE predictions; --', "", "é", "sqlite_x"]
    for number, name in enumerate(names):
        db.table(name).insert({"n": number})
    assert db.tables() == set(names)
    for number, name in enumerate(names):
        assert db.table(name).all() == [{"n": number}]
    db.drop_table("a")
    assert (len(db.table("a")), len(db.table("A"))) == (0, 1)
    db.drop_tables()
    assert db.tables() == set()


def test_default_table(db: DocumentDB) -> None:
    """The database itself stands for its default table, as in TinyDB."""
    db.insert({"a": 1})
    assert (len(db), list(db)) == (1, [{"a": 1}])
    assert db.search(where("a") == 1)[0].doc_id == 1


def test_ids_given_and_taken(db: DocumentDB) -> None:
    """A document may bring its id; an id that is taken is refused and nothing is written."""
    table = db.table("notes")
    assert table.insert(Document({"a": 1}, 7)) == 7
    assert table.insert({"a": 2}) == 8
    with pytest.raises(ValueError, match="already"):
        table.insert_multiple([{"a": 3}, Document({"a": 4}, 7)])
    assert [d["a"] for d in table] == [1, 2]


@pytest.mark.parametrize("bad", [{"a": float("nan")}, {"a": b"bytes"}, {"a": object()}, ["list"]])
def test_what_json_cannot_say_is_refused(db: DocumentDB, bad: Any) -> None:
    """A document that JSON cannot hold is refused, not kept in part."""
    table = db.table("notes")
    with pytest.raises((ValueError, TypeError)):
        table.insert_multiple([{"a": 1}, bad])
    assert len(table) == 0


def test_failed_update_changes_nothing(db: DocumentDB) -> None:
    """An update that fails midway leaves every document as it was."""
    table = db.table("notes")
    table.insert_multiple([{"n": 1}, {"n": 0}])

    def invert(document: Any) -> None:
        document["n"] = 1 / document["n"]

    with pytest.raises(ZeroDivisionError):
        table.update(invert)
    assert table.all() == [{"n": 1}, {"n": 0}]


def test_rolled_back_table_can_be_written_again(db: DocumentDB) -> None:
    """A table that was made in a transaction that failed is made again when needed."""
    table = db.table("notes")

    def fail() -> None:
        with db.transaction():
            table.insert({"n": 1})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert table.all() == []
    table.insert({"n": 2})
    assert table.all() == [{"n": 2}]


def test_other_processes_see_writes_at_once(db: DocumentDB, tmp_path: Path) -> None:
    """Two openings of one file see each other's documents: nothing is cached."""
    with DocumentDB(tmp_path / "store.sqlite3") as other:
        assert other.table("notes").search(where("n") == 1) == []
        db.table("notes").insert({"n": 1})
        assert other.table("notes").search(where("n") == 1) == [{"n": 1}]


def test_long_tables_are_read_in_pieces(db: DocumentDB) -> None:
    """More documents than one piece holds come all, once, in order."""
    table = db.table("notes")
    table.insert_multiple({"n": n} for n in range(1203))
    assert [document["n"] for document in table] == list(range(1203))
    assert len(table.search(where("n") >= 600)) == 603
    assert db.rows("notes").select(Condition("doc_id = ?", (5,))) == [{"n": 4}]
