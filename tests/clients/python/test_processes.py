"""Processes may end at any time: no crash, and a database that opens."""

import os
import signal
import unittest

from support import LONG, TestCase, connect, rows

# A connection that has trained for an epoch, so that there is something to keep.
TRAINING = f"""
connection = connect(path)
rows(connection, {LONG!r} + " LIMIT 1")
"""
ON = f"print('started', flush=True)\nconnection.execute({LONG!r}).fetchall()"


class Ending(TestCase):
    """The interpreter ends with things open, as scripts and notebooks do."""

    def setUp(self):
        super().setUp()
        self.sample().close()

    def ends_well(self, script):
        self.run_script(script)
        self.assert_free()

    def test_with_an_open_connection(self):
        self.ends_well("connection = connect(path); rows(connection, 'FROM recommend(1, 3)')")

    def test_with_a_half_read_result(self):
        self.ends_well(
            "connection = connect(path)\n"
            "connection.execute('FROM users u, recommend(u.user_id, 20)').fetchone()"
        )

    def test_with_a_half_read_training(self):
        self.ends_well("connection = connect(path)\n"
                       f"connection.execute({LONG.replace('20000', '3')!r}).fetchone()")

    def test_with_changes_that_a_model_shares_the_log_with(self):
        self.ends_well("connection = connect(path)\n"
                       "rows(connection, \"FROM train_popularity('plays', model := 'other')\")\n"
                       "connection.execute('CREATE TABLE other AS FROM plays')")
        self.assertEqual(self.model_status("other"), "complete")

    def test_with_several_databases(self):
        self.ends_well("kept = [connect(path), connect(), connect(path + '2'), connect(path)]\n"
                       "for connection in kept: rows(connection, 'FROM models()')")

    def test_with_a_training_in_a_daemon_thread(self):
        # The interpreter stops such threads within DuckDB, whose C++ then aborts: that happens to
        # every long query, also without the extension. The database must be whole nevertheless.
        process = self.start(
            TRAINING + "import threading\n"
            f"train = lambda: connection.cursor().execute({LONG!r}).fetchall()\n"
            "threading.Thread(target=train, daemon=True).start()\n"
            "rows(connection.cursor(), 'FROM recommend(1, 3)')"
        )
        output, _ = process.communicate(timeout=60)
        self.assertIn(process.returncode, (0, -signal.SIGABRT), output)
        self.assertEqual(self.model_status("long"), "interrupted")
        self.assert_free()

    def test_after_an_exception(self):
        process = self.start("connection = connect(path); rows(connection, 'FROM nowhere')")
        output, _ = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1, output)
        self.assert_free()

    @unittest.skipUnless(hasattr(os, "fork"), "this system has no fork")
    def test_a_forked_process_has_threads_of_its_own(self):
        self.run_script(
            "import os\n"
            "def work():\n"
            "    with connect() as connection:\n"
            "        load_sample(connection)\n"
            "        rows(connection, \"FROM train_item_knn('plays')\")\n"
            "        assert len(rows(connection, 'FROM recommend(1, 3)')) == 3\n"
            "work()\n"
            "child = os.fork()\n"
            "work()\n"
            "if child == 0:\n"
            "    os._exit(0)\n"
            "assert os.waitpid(child, 0)[1] == 0\n"
        )

    @unittest.skipUnless(hasattr(os, "fork"), "this system has no fork")
    def test_after_a_fork(self):
        # DuckDB's own connections do not survive a fork; but a child that leaves them alone ends.
        self.ends_well("connection = connect(path); rows(connection, 'FROM recommend(1, 3)')\n"
                       "import gc; gc.freeze()\n"
                       "child = os.fork()\n"
                       "if child == 0: os._exit(0)\n"
                       "assert os.waitpid(child, 0)[1] == 0\n"
                       "rows(connection, 'FROM recommend(1, 3)')")


class Killed(TestCase):
    """A process is ended in the middle of a training."""

    def setUp(self):
        super().setUp()
        self.sample().close()

    def end(self, sent, script=ON):
        """Sends a signal to a process that trains; gives its exit code and what it said."""
        process = self.start(TRAINING + script)
        self.assertEqual(process.stdout.readline(), "started\n")
        process.send_signal(sent)
        output, _ = process.communicate(timeout=60)
        return process.returncode, output

    def still_works(self):
        with connect(self.path) as connection:
            self.assertEqual(len(rows(connection, "FROM recommend(1, 3)")), 3)
            self.assertGreater(len(rows(connection, LONG.replace("20000", "2"))), 0)
        self.assert_free()

    def test_by_kill(self):
        code, output = self.end(signal.SIGKILL)
        self.assertEqual(code, -signal.SIGKILL, output)
        self.still_works()

    def test_by_term(self):
        code, output = self.end(signal.SIGTERM)
        self.assertEqual(code, -signal.SIGTERM, output)
        self.still_works()

    def test_by_ctrl_c(self):
        # DuckDB's worker thread may compute on, as it does in any long query; nothing is lost.
        code, output = self.end(
            signal.SIGINT,
            "try:\n"
            "    print('started', flush=True)\n"
            f"    connection.execute({LONG.replace('20000', '1000')!r}).fetchall()\n"
            "except (KeyboardInterrupt, RuntimeError, duckdb.Error):\n"
            "    connection.interrupt()\n"
            "    rows(connection.cursor(), 'CALL segue_stop()')\n"
            "print(rows(connection, \"SELECT DISTINCT name FROM models() ORDER BY name\"))",
        )
        # DuckDB draws a progress bar before it where that takes long.
        self.assertEqual((code, output.splitlines()[-1]), (0, "[('long',), ('popularity',)]"))
        self.still_works()


if __name__ == "__main__":
    unittest.main()
