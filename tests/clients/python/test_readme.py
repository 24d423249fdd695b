"""The README's section "In Python", as it stands there, where nothing but DuckDB is installed."""

import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
EXTENSION = os.environ["SEGUE_EXTENSION"]


def blocks():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.findall(r"^```python exercise\n(.*?)^```$", readme, flags=re.DOTALL | re.MULTILINE)


class Readme(unittest.TestCase):
    def test_the_quick_start(self):
        (script,) = blocks()
        built = "target/extension/segue.duckdb_extension"
        self.assertIn(built, script)
        with tempfile.TemporaryDirectory() as folder:
            # A reader's clone, with the sample and the extension where the README says they are.
            os.symlink(ROOT / "data", Path(folder) / "data")
            os.makedirs((Path(folder) / built).parent)
            os.symlink(EXTENSION, Path(folder) / built)
            result = subprocess.run(
                [sys.executable, "-c", script],
                cwd=folder, capture_output=True, text=True, timeout=120,
            )
            self.assertEqual((result.returncode, result.stderr), (0, ""), result.stdout)
            self.assertFalse((Path(folder) / "music.duckdb.wal").exists())
        for said in ("stored as 'item_knn' version 1", "artist", "user_id", "recall"):
            self.assertIn(said, result.stdout)


if __name__ == "__main__":
    unittest.main()
