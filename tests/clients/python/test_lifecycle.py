"""Databases open and close as if the extension were not there."""

import threading
import unittest

import duckdb

from support import FEW, LONG, SMALL, VERSION, TestCase, connect, load_sample, rows


class Closing(TestCase):
    def test_the_file_is_free_at_once(self):
        self.sample().close()
        self.assert_free()

    def test_right_after_a_training(self):
        connection = self.sample()
        connection.execute(f"FROM train_harm({FEW}, {SMALL}, epochs := 2)").fetchall()
        connection.close()
        with connect(self.path, read_only=True) as connection:
            self.assertEqual(len(rows(connection, "FROM recommend(1, 3)")), 3)
        self.assert_free()

    def test_again_and_again(self):
        self.sample().close()
        for _ in range(25):
            with connect(self.path) as connection:
                self.assertEqual(len(rows(connection, "FROM recommend(1, 3)")), 3)

    def test_with_results_that_nobody_read_to_the_end(self):
        connection = self.sample()
        half_read = connection.cursor()
        half_read.execute("SELECT u.user_id, r.* FROM users u, recommend(u.user_id, 50) r")
        half_read.fetchone()
        training = connection.cursor()
        training.execute(f"FROM train_harm({FEW}, {SMALL}, epochs := 3)")
        training.fetchone()
        connection.close()
        half_read.close()
        training.close()
        self.assert_free()

    def test_one_of_two_connections(self):
        first = self.sample()
        second = connect(self.path)
        first.close()
        self.assertEqual(len(rows(second, "FROM recommend(1, 3)")), 3)
        second.close()
        self.assert_free()

    def test_a_cursor_goes_on_without_its_connection(self):
        connection = self.sample()
        cursor = connection.cursor()
        del connection
        self.assertEqual(len(rows(cursor, "FROM recommend(1, 3)")), 3)
        cursor.close()
        self.assert_free()


class DuringTraining(TestCase):
    def train_in_a_thread(self, connection):
        """Goes on with the long training on a cursor; gives it, the thread, and its errors."""
        # An epoch in any case: what is stopped before the first leaves nothing.
        connection.execute(LONG + " LIMIT 1").fetchall()
        cursor, errors = connection.cursor(), []

        def train():
            try:
                cursor.execute(LONG).fetchall()
            except duckdb.Error as error:
                errors.append(error)

        thread = threading.Thread(target=train)
        thread.start()
        return cursor, thread, errors

    def test_interrupting_keeps_the_epochs(self):
        connection = self.sample()
        cursor, thread, errors = self.train_in_a_thread(connection)
        while thread.is_alive():
            cursor.interrupt()
            thread.join(0.05)
        self.assertIsInstance(errors[0], duckdb.InterruptException)
        self.assertEqual(len(rows(connection, "FROM recommend(1, 3)")), 3)
        cursor.close()
        connection.close()
        self.assertEqual(self.model_status("long"), "interrupted")
        self.assert_free()

    def test_stopping_from_another_connection(self):
        connection = self.sample()
        cursor, thread, errors = self.train_in_a_thread(connection)
        while thread.is_alive():
            rows(connection, "CALL segue_stop()")
            thread.join(0.05)
        self.assertIn("train_harm: stopped", str(errors[0]))
        # What begins after it runs.
        again = rows(connection, f"SELECT status FROM train_harm({FEW}, {SMALL}, epochs := 1)")
        self.assertEqual(again, [("complete",)])
        cursor.close()
        connection.close()
        self.assertEqual(self.model_status("long"), "interrupted")

    def test_closing_the_connection(self):
        connection = self.sample()
        cursor, thread, errors = self.train_in_a_thread(connection)
        closed = False
        while not closed:
            # DuckDB waits for the cursor's statement (1.5), or refuses (2.0) while it runs.
            cursor.interrupt()
            try:
                connection.close()
                closed = True
            except duckdb.Error as error:
                self.assertGreaterEqual(VERSION, (2, 0), error)
                thread.join(0.05)
        thread.join()
        # The training was stopped, or had not begun.
        stopped = (duckdb.InterruptException, duckdb.ConnectionException)
        self.assertIsInstance(errors[0], stopped)
        cursor.close()
        self.assertEqual(self.model_status("long"), "interrupted")
        self.assert_free()


class SeveralDatabases(TestCase):
    def test_each_has_its_models(self):
        first, second = self.sample(), self.sample(self.folder / "other.duckdb")
        memory = self.sample(":memory:")
        second.execute("FROM train_popularity('plays', model := 'second')").fetchall()
        self.assertEqual(rows(first, "SELECT count(*) FROM models()"), [(1,)])
        self.assertEqual(rows(second, "SELECT count(*) FROM models()"), [(2,)])
        first.close()
        self.assert_free()
        self.assertEqual(len(rows(second, "FROM recommend(1, 3, model := 'second')")), 3)
        second.close()
        self.assert_free(self.folder / "other.duckdb")
        self.assertEqual(len(rows(memory, "FROM recommend(1, 3)")), 3)
        memory.close()

    def test_a_detached_file_is_free(self):
        self.sample().close()
        connection = connect()
        for _ in range(3):
            connection.execute(f"ATTACH '{self.path}' AS music")
            connection.execute("USE music")
            self.assertEqual(len(rows(connection, "FROM recommend(1, 3)")), 3)
            rows(connection, "FROM train_popularity('plays', retrain := true)")
            connection.execute("USE memory")
            connection.execute("DETACH music")
            self.assert_free()
        connection.close()

    def test_memory(self):
        for _ in range(3):
            with connect() as connection:
                load_sample(connection)
                rows(connection, f"FROM train_harm({FEW}, {SMALL}, epochs := 1)")
                self.assertEqual(len(rows(connection, "FROM recommend(1, 3)")), 3)


if __name__ == "__main__":
    unittest.main()
