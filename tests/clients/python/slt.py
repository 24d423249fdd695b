"""Runs `tests/sql/**/*.slt` on the extension, loaded into this Python's DuckDB.

    SEGUE_EXTENSION=… python slt.py [FILE]…

It reads what those files use of sqllogictest: statements, queries with types, `rowsort`, error
patterns, `include`, `connection`, `control substitution`, `onlyif` and `skipif`, with the records
`restart` and `restart readonly` that tests/sql.rs explains. For `onlyif` and `skipif` the engine is
`extension`, and `duckdb-1` or `duckdb-2`.
"""

import os
import re
import sys
import tempfile
import time
import traceback
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

ROOT = Path(__file__).resolve().parents[3]
INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"}
INTEGERS |= {f"U{name}" for name in INTEGERS}

# DuckDB 2.0 would rather have relations than cursors make Arrow tables.
warnings.filterwarnings("ignore", message="Arrow output on a DB-API result")


@dataclass
class Record:
    """One statement or query, with what it must give."""

    file: Path
    line: int
    head: list[str]
    sql: str
    expected: list[str] | None
    connection: str | None = None
    conditions: list[tuple[str, str]] = field(default_factory=list)
    substitution: bool = False


class Mismatch(Exception):
    """A record that gave something else."""


def parse(path, state=None):
    """Yields the records of a file and of those that it includes."""
    state = state if state is not None else {"substitution": False}
    lines = path.read_text(encoding="utf-8").splitlines()
    at, connection, conditions = 0, None, []
    while at < len(lines):
        words = lines[at].split()
        at += 1
        if not words or words[0].startswith("#"):
            continue
        match words:
            case ["include", name]:
                yield from parse(path.parent / name, state)
            case ["control", "substitution", switch]:
                state["substitution"] = switch == "on"
            case ["connection", name]:
                connection = name
            case ["onlyif" | "skipif" as condition, label]:
                conditions.append((condition, label))
            case ["statement" | "query", *_]:
                first = at
                while at < len(lines) and lines[at].strip():
                    at += 1
                body = lines[first:at]
                cut = body.index("----") if "----" in body else None
                yield Record(
                    file=path,
                    line=first,
                    head=words,
                    sql="\n".join(body[:cut]),
                    expected=None if cut is None else body[cut + 1 :],
                    connection=connection,
                    conditions=conditions,
                    substitution=state["substitution"],
                )
                connection, conditions = None, []
            case _:
                raise SyntaxError(f"{path}:{at}: '{words[0]}' is not known here")


class Engine:
    """A database file with the extension in it."""

    labels = {"extension", f"duckdb-{duckdb.__version__.split('.')[0]}"}

    def __init__(self, extension, folder):
        self.extension = extension
        self.path = folder / "test.duckdb"
        self.files = folder / "files"
        self.files.mkdir()
        self.printer = duckdb.connect()
        self.connections = {}
        self.open()

    def open(self, read_only=False):
        config = {"allow_unsigned_extensions": True}
        self.first = duckdb.connect(self.path, read_only=read_only, config=config)
        self.first.load_extension(str(self.extension))

    def close(self):
        for connection in [*self.connections.values(), self.first]:
            connection.close()
        self.connections.clear()

    def connection(self, name):
        if name is None:
            return self.first
        if name not in self.connections:
            self.connections[name] = self.first.cursor()
        return self.connections[name]

    def run(self, record):
        """Gives the types and the rows of a record, as DuckDB prints them."""
        sql = record.sql
        if record.substitution:
            sql = sql.replace("$__DATA_DIR__", str(ROOT / "data"))
            sql = sql.replace("$__TEST_DIR__", str(self.files))
        if sql in ("restart", "restart readonly"):
            self.close()
            self.open(read_only=sql == "restart readonly")
            return [], []
        connection = self.connection(record.connection)
        connection.execute(sql)
        if not connection.description:
            return [], []
        types = [str(column[1]) for column in connection.description]
        # DuckDB itself knows best how it writes floats, dates and so on.
        answer = connection.to_arrow_table().rename_columns([f"c{i}" for i in range(len(types))])
        rows = self.printer.execute("SELECT CAST(COLUMNS(*) AS VARCHAR) FROM answer").fetchall()
        return types, rows


def shown(value):
    return {None: "NULL", "": "(empty)"}.get(value, value)


def kind(data_type):
    if data_type in INTEGERS or re.fullmatch(r"DECIMAL\(\d+,0\)", data_type):
        return "I"
    return "R" if data_type in ("FLOAT", "DOUBLE") or data_type.startswith("DECIMAL") else "T"


def normal(line):
    return " ".join(line.split())


def check(engine, record):
    """Runs a record; raises Mismatch if it gives anything but what the file says."""
    try:
        types, rows = engine.run(record)
    except duckdb.Error as error:
        if record.head[:2] != ["statement", "error"]:
            raise Mismatch(f"failed: {error}") from error
        pattern = " ".join(record.head[2:])
        if not re.search(pattern, str(error)):
            raise Mismatch(f"another error was expected:\n    {pattern}\nbut it is\n    {error}")
        return
    match record.head:
        case ["statement", "error", *_]:
            raise Mismatch("an error was expected, but there is none")
        case ["query", expected, *order]:
            kinds = "".join(map(kind, types))
            if len(kinds) != len(expected) or any(
                letter in "IR" and letter != actual for letter, actual in zip(expected, kinds)
            ):
                raise Mismatch(f"columns of types {expected} were expected, but they are {kinds}")
            actual = [normal(" ".join(map(shown, row))) for row in rows]
            wanted = [normal(line) for line in record.expected or []]
            if order == ["rowsort"]:
                actual, wanted = sorted(actual), sorted(wanted)
            if actual != wanted:
                lines = ["expected:", *wanted, "but it gave:", *actual]
                raise Mismatch("\n    ".join(lines))


def applies(record, labels):
    return all((label in labels) == (what == "onlyif") for what, label in record.conditions)


def run(path, extension):
    """Runs a file on a database of its own; gives what was wrong."""
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(extension, Path(folder))
        try:
            for record in parse(path):
                if applies(record, engine.labels):
                    try:
                        check(engine, record)
                    except Mismatch as mismatch:
                        wrong.append(f"{record.file}:{record.line}: {mismatch}\n{record.sql}")
        except Exception:  # an error of the runner or of a client is this file's failure
            wrong.append(traceback.format_exc())
        finally:
            engine.close()
    return wrong


def main(*names):
    extension = os.environ["SEGUE_EXTENSION"]
    everything = sorted((ROOT / "tests/sql").glob("**/*.slt"))
    paths = [Path(name).resolve() for name in names] or everything
    failed = 0
    for path in paths:
        if path.name.endswith(".inc.slt"):
            continue
        start = time.monotonic()
        wrong = run(path, extension)
        failed += bool(wrong)
        outcome = f"FAILED {len(wrong)}" if wrong else "ok"
        print(f"{path.name} on DuckDB {duckdb.__version__}: {outcome} "
              f"({time.monotonic() - start:.1f} s)", flush=True)
        for mismatch in wrong:
            print(mismatch, flush=True)
    sys.exit(failed > 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
