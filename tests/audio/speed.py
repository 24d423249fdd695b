"""How fast Segue hears chords and MFCC in MP3s, side by side with chord-extractor and librosa, in one run.

    python speed.py SEGUE FILE.mp3 [FILE.mp3 ...] [--runs 3] [--threads 1 2]

SEGUE is the program to time. Needs chord-extractor, which brings librosa (agreement.py says how it is installed).
Files of four minutes serve well:

    ffmpeg -stream_loop -1 -i piece.ogg -t 240 -c:a libmp3lame -b:a 192k piece.mp3

Everything is timed from the file to the result, on one thread. The programs take turns, file by file, and of the runs
each one's fastest counts, so that what else the machine does hits all of them; the first lines tell how busy it
was. Segue is a process of its own, of which starting up (SELECT 1) is taken off; its peers run in this one, warm.
Then all files at once, by the batch functions, on each number of threads.
"""

import argparse
import os
import subprocess
import time

for variable in ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"]:
    os.environ[variable] = "1"

import librosa
from chord_extractor.extractors import Chordino

CHORDINO = Chordino()


def timed(work):
    """Seconds on the clock, and of computing."""
    clock, cpu = time.time(), time.process_time()
    work()
    return time.time() - clock, time.process_time() - cpu


class Segue:
    def __init__(self, program):
        self.program, self.start, self.peak_mb = program, (0.0, 0.0), 0.0
        self.start = min(self.run("SELECT 1") for _ in range(5))

    def run(self, sql):
        """As timed, without starting up."""
        clock = time.time()
        process = subprocess.Popen([self.program, "-csv", "-c", sql], stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        clock = time.time() - clock
        if status != 0:
            raise SystemExit(f"failed: {sql}")
        self.peak_mb = max(self.peak_mb, usage.ru_maxrss / 1024)
        return clock - self.start[0], usage.ru_utime + usage.ru_stime - self.start[1]


def mfcc(path):
    samples, rate = librosa.load(path)
    librosa.feature.mfcc(y=samples, sr=rate)


def contestants(segue):
    """Name and what it does with a path, in the order of the table; a peer stands behind what it is compared with."""
    one = "SET threads = 1; SELECT len({})"
    ask = lambda call: lambda path: segue.run(one.format(call.format(path.replace("'", "''"))))
    return {
        "segue chordino": ask("extract_chords('{}')"),
        "segue chord_extractor": ask("extract_chords('{}', 'chord_extractor')"),
        "chord-extractor": lambda path: timed(lambda: CHORDINO.extract(path)),
        "segue mfcc": ask("mfcc('{}')"),
        "librosa mfcc": lambda path: timed(lambda: mfcc(path)),
    }


def busy():
    return " ".join(f"{load:.1f}" for load in os.getloadavg())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("segue")
    parser.add_argument("files", nargs="+")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, nargs="*", default=[1, 2])
    given = parser.parse_args()
    segue = Segue(given.segue)
    work = contestants(segue)
    seconds = {path: librosa.get_duration(path=path) for path in given.files}
    print(f"load {busy()} on {os.cpu_count()} cores; starting up takes {segue.start[0]:.2f} s")
    for each in work.values():  # what is compiled or loaded at first use
        each(given.files[0])
    best = {}
    for _ in range(given.runs):
        for path in given.files:
            for name, each in work.items():
                best.setdefault((name, path), []).append(each(path))
    print("\nmultiples of real time: on the clock (of computing)")
    for name in work:
        cells = []
        for path in given.files:
            clock = min(run[0] for run in best[name, path])
            cpu = min(run[1] for run in best[name, path])
            cells.append(f"{seconds[path] / clock:5.0f} ({seconds[path] / cpu:5.0f})")
        print(f"{name:22}", "  ".join(cells))
    print(f"\nall {len(given.files)} files, {sum(seconds.values()):.0f} s, in a batch")
    listed = ", ".join("'" + path.replace("'", "''") + "'" for path in given.files).replace("'", "''")
    source = f"'(SELECT unnest([{listed}]) AS path)'"
    for function, more in [("extract_chords_batch", ""), ("extract_features_batch", ", 'mfccs'")]:
        for threads in given.threads:
            sql = f"SET threads = {threads}; SELECT count(*) FROM {function}({source}{more})"
            clock = min(segue.run(sql)[0] for _ in range(given.runs))
            print(f"{function:22} {threads} threads: {sum(seconds.values()) / clock:5.0f}")
    print(f"\nat most {segue.peak_mb:.0f} MB; load {busy()}")


main()
