"""Threads and cursors share a database while another trains.

`SEGUE_CALLS=1000` makes it a long one: 16 threads, so many calls each.
"""

import os
import threading
import unittest
from concurrent.futures import ThreadPoolExecutor

import duckdb

from support import LONG, TestCase, rows

THREADS = 16
CALLS = int(os.environ.get("SEGUE_CALLS", "15"))
WARM_UP = 3


def resident():
    """Memory of this process in MiB; 0 where the system does not say."""
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if "VmRSS" in line) / 1024
    except FileNotFoundError:
        return 0


class Threads(TestCase):
    def test_recommending_while_another_trains(self):
        connection = self.sample(":memory:")
        expected = rows(connection, "FROM recommend(1, 10, model := 'popularity')")
        trainer, stop = connection.cursor(), threading.Event()

        def train():
            try:
                # One row: DuckDB 1.5 keeps the row of an epoch in a chunk of its own, some 100 KiB.
                trainer.execute(f"SELECT max(epoch) {LONG}").fetchall()
            except duckdb.InterruptException:
                self.assertTrue(stop.is_set())

        def ask(number, calls):
            cursor = connection.cursor()
            for call in range(calls):
                user = 1 + (number + call) % 200
                songs = "FROM recommend(?, 10, model := 'popularity')"
                self.assertEqual(cursor.execute(songs, [user]).fetchall(), expected)
            cursor.close()

        with ThreadPoolExecutor(THREADS + 1) as pool:
            training = pool.submit(train)
            try:
                list(pool.map(ask, range(THREADS), [WARM_UP] * THREADS))
                before = resident()
                list(pool.map(ask, range(THREADS), [CALLS] * THREADS))
                grown = resident() - before
            finally:
                stop.set()
                while not training.done():
                    trainer.interrupt()
                    threading.Event().wait(0.05)
        training.result()
        self.assertLess(grown, 64, "MiB of memory grew with the calls")
        connection.close()


if __name__ == "__main__":
    unittest.main()
