"""What the tests of Python clients share: databases with the extension and the sample in them."""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import duckdb

ROOT = Path(__file__).resolve().parents[3]
EXTENSION = os.environ["SEGUE_EXTENSION"]
VERSION = tuple(int(part) for part in duckdb.__version__.split(".")[:2])

# Few enough plays for an epoch to take milliseconds.
FEW = "'(FROM plays WHERE user_id <= 4)'"
SMALL = "embedding_size := 8, max_length := 5"
# A training that no test waits for, yet that ends should one of them forget it.
LONG = f"FROM train_harm({FEW}, {SMALL}, epochs := 20000, model := 'long')"


def connect(database=":memory:", **options):
    """Opens a database and loads the extension, which is not signed, into it."""
    connection = duckdb.connect(
        str(database), config={"allow_unsigned_extensions": True}, **options
    )
    connection.load_extension(EXTENSION)
    return connection


def load_sample(connection):
    """Makes the tables plays, songs and users of the sample in data/."""
    for name in ("plays", "songs", "users"):
        connection.execute(f"CREATE TABLE {name} AS FROM '{ROOT}/data/{name}.csv'")


def rows(connection, sql):
    return connection.execute(sql).fetchall()


class TestCase(unittest.TestCase):
    """A test with a folder of its own, and a path in it for a database."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.path = self.folder / "music.duckdb"

    def sample(self, path=None):
        """A connection to a file with the sample in it, and a small model."""
        connection = connect(path or self.path)
        load_sample(connection)
        connection.execute("FROM train_popularity('plays')").fetchall()
        return connection

    def start(self, script):
        """Starts another Python; `script` finds this module's names, and `path`."""
        preamble = f"from support import *\npath = {str(self.path)!r}\n"
        process = subprocess.Popen(
            [sys.executable, "-c", preamble + script],
            cwd=Path(__file__).parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stdin.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def run_script(self, script):
        """Runs another Python to its end, which must be a good one; gives what it printed."""
        process = self.start(script)
        output, _ = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 0, output)
        return output

    def assert_free(self, path=None):
        """Nobody holds the file, in this process or in others, and nothing is left to replay."""
        path = str(path or self.path)
        self.assertFalse(os.path.exists(f"{path}.wal"), "a write-ahead log is left")
        # Where `connect` would wait for the file, ATTACH fails.
        with duckdb.connect() as connection:
            connection.execute(f"ATTACH '{path}' AS other")
        for read_only in (True, False):
            self.run_script(f"duckdb.connect({path!r}, read_only={read_only}).close()")
            duckdb.connect(path, read_only=read_only).close()

    def model_status(self, name, path=None):
        """The status of a model, read through a new connection to the file."""
        with connect(path or self.path) as connection:
            found = rows(connection, f"SELECT status FROM models() WHERE name = '{name}'")
        return found[0][0] if found else None
