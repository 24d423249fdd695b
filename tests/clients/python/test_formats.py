"""Training, recommendations and evaluation, read in every way that Python offers."""

import unittest

import duckdb
import pandas

from support import FEW, SMALL, VERSION, TestCase, connect, load_sample, rows


class Formats(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.connection = connect()
        load_sample(cls.connection)
        rows(cls.connection, "FROM train_popularity('plays', model := 'top')")
        cls.songs = [song for (song,) in rows(
            cls.connection,
            "SELECT song_id FROM plays GROUP BY ALL ORDER BY count(*) DESC, song_id LIMIT 3",
        )]

    @classmethod
    def tearDownClass(cls):
        cls.connection.close()

    def test_rows(self):
        found = rows(self.connection, "FROM recommend(1, 3, model := 'top')")
        self.assertEqual([(rank, song) for rank, song, *_ in found], list(enumerate(self.songs, 1)))
        self.assertEqual({source for *_, source in found}, {"model"})

    def test_parameters(self):
        found = self.connection.execute(
            "SELECT song_id FROM recommend(?, ?, model := 'top')", [1, 2]
        ).fetchall()
        self.assertEqual(found, [(song,) for song in self.songs[:2]])
        named = self.connection.execute(
            "SELECT song_id FROM next_songs($songs, 2, model := 'top')", {"songs": self.songs}
        )
        self.assertEqual(len(named.fetchall()), 2)

    def test_a_relation(self):
        relation = self.connection.sql("FROM recommend(1, 3, model := 'top')")
        self.assertEqual(relation.columns, ["rank", "song_id", "score", "source"])
        joined = relation.join(self.connection.table("songs"), "song_id").order("rank")
        self.assertEqual([row[1] for row in joined.fetchall()], self.songs)

    def test_pandas(self):
        frame = self.connection.execute("FROM recommend(1, 3, model := 'top')").df()
        self.assertEqual(list(frame["song_id"]), self.songs)
        self.assertEqual(str(frame["score"].dtype), "float64")

    def test_arrow(self):
        table = self.connection.sql("FROM recommend(1, 3, model := 'top')").to_arrow_table()
        self.assertEqual(table.column("song_id").to_pylist(), self.songs)
        self.assertEqual(str(table.schema.field("rank").type), "int64")

    def test_polars(self):
        frame = self.connection.sql("FROM recommend(1, 3, model := 'top')").pl()
        self.assertEqual(frame["song_id"].to_list(), self.songs)

    def test_laterally(self):
        frame = self.connection.sql(
            "SELECT u.user_id, r.* FROM users u, recommend(u.user_id, 3, model := 'top') r"
        ).df()
        self.assertEqual(len(frame), 3 * rows(self.connection, "SELECT count(*) FROM users")[0][0])
        for _, songs in frame.sort_values("rank").groupby("user_id")["song_id"]:
            self.assertEqual(list(songs), self.songs)

    def test_scores_of_columns(self):
        best = rows(self.connection, "SELECT max_by(song_id, score(user_id, song_id, model := 'top'))"
                                     " FROM plays")
        self.assertEqual(best, [(self.songs[0],)])

    def test_training_on_a_frame_that_was_stored(self):
        # Functions read on connections of their own, which see no Python variables.
        frame = self.connection.sql("FROM plays WHERE user_id <= 4").df()
        self.connection.execute("CREATE TABLE few AS FROM frame")
        losses = self.connection.execute(
            f"SELECT epoch, train_loss FROM train_harm('few', {SMALL}, epochs := 2)"
        ).df()
        self.assertEqual(list(losses["epoch"]), [1, 2])
        self.connection.execute("CALL drop_model('harm'); DROP TABLE few")

    def test_evaluation(self):
        rows(self.connection, "FROM train_popularity('(FROM plays WHERE user_id > 4)', model := 'e')")
        frame = self.connection.execute(f"FROM evaluate('e', {FEW}, k := [5, 10])").df()
        self.assertTrue(frame["value"].between(0, 1).all())
        self.assertEqual(set(frame["k"].dropna()), {5, 10})


class Frames(unittest.TestCase):
    def test_a_frame_must_become_a_table(self):
        connection = connect()
        frame = pandas.DataFrame({"user_id": [1, 1, 2], "song_id": [7, 8, 7]})
        connection.register("view_of_frame", frame)
        # However often, and on whatever thread: always the same answer.
        for relation in ["frame", "(FROM frame)", "view_of_frame"] * 3:
            with self.assertRaises(duckdb.Error) as raised:
                # Not by `rows`: DuckDB looks for frames where it is called.
                connection.execute(f"FROM train_popularity('{relation}')").fetchall()
            self.assertRegex(str(raised.exception), "CREATE TABLE .* AS FROM")
        connection.execute("CREATE TABLE plays AS FROM frame")
        trained = rows(connection, "SELECT status FROM train_popularity('plays')")
        self.assertEqual(trained, [("complete",)])
        # The caller's own queries still find frames.
        found = connection.execute("SELECT count(*) FROM frame").fetchall()
        self.assertEqual(found, [(3,)])
        connection.close()


class Lazy(TestCase):
    def test_execute_and_fetch(self):
        """In 2.0, `execute` makes the first row only; whoever stops there stops the training."""
        connection = self.sample(":memory:")
        training = f"FROM train_harm({FEW}, {SMALL}, epochs := 3, model := 'lazy')"
        connection.execute(training)
        connection.execute("SELECT 1")
        status = "SELECT status FROM models() WHERE name = 'lazy'"
        stopped = "interrupted" if VERSION >= (2, 0) else "complete"
        self.assertEqual(rows(connection, status), [(stopped,)])
        self.assertEqual([epoch for epoch, *_ in rows(connection, training)], [1, 2, 3])
        self.assertEqual(rows(connection, status), [("complete",)])
        connection.close()


if __name__ == "__main__":
    unittest.main()
