"""DuckDB's command line loads the extension, from the package duckdb-cli."""

import csv
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
EXTENSION = os.environ["SEGUE_EXTENSION"]
PROGRAM = Path(sys.executable).with_name("duckdb")


class CommandLine(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = str(Path(folder.name) / "music.duckdb")

    def run_sql(self, sql, *options, succeeds=True):
        result = subprocess.run(
            [PROGRAM, "-unsigned", *options, self.path],
            input=f"LOAD '{EXTENSION}';\n{sql}",
            capture_output=True, cwd=ROOT, text=True, timeout=120,
        )
        if succeeds:
            self.assertEqual((result.returncode, result.stderr), (0, ""), result.stdout)
        return result.stdout + result.stderr

    def test_from_csv_to_recommendations_and_evaluation(self):
        said = self.run_sql(
            "CREATE TABLE plays AS FROM 'data/plays.csv';"
            "CREATE TABLE songs AS FROM 'data/songs.csv';"
            "SELECT note FROM train_popularity('(FROM plays WHERE user_id > 9)');"
            "FROM recommend(10, 3) JOIN songs USING (song_id) SELECT rank, artist, source;"
            "FROM evaluate('popularity', '(FROM plays WHERE user_id <= 9)', k := 20);"
        )
        self.assertIn("stored as 'popularity' version 1", said)
        self.assertIn("│ model   │", said)
        self.assertIn("ndcg", said)
        # Another process, rows for a program, all users in a join.
        said = self.run_sql(
            "SELECT u.user_id, r.song_id FROM range(1, 4) u(user_id), recommend(u.user_id, 2) r"
            " ORDER BY ALL;",
            "-csv", "-noheader", "-readonly",
        )
        users = [int(user) for user, _ in csv.reader(said.splitlines())]
        self.assertEqual(users, [1, 1, 2, 2, 3, 3])

    def test_errors(self):
        self.assertIn("no model is stored yet", self.run_sql("FROM recommend(1, 3)", succeeds=False))

    def test_the_log_is_gone_at_the_end(self):
        self.run_sql("CREATE TABLE plays AS FROM 'data/plays.csv'; FROM train_popularity('plays');")
        self.assertEqual(sorted(os.listdir(Path(self.path).parent)), ["music.duckdb"])


if __name__ == "__main__":
    unittest.main()
