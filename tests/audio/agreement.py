"""How often Segue and Chordino, the Vamp plugin, hear the same chord in the same samples, frame by frame.

    python agreement.py SEGUE NAME=FOLDER [NAME=FOLDER ...] [--work DIR]

SEGUE is the program to ask, such as target/debug/segue; every FOLDER with sounds is a corpus of that NAME. Needs
chord-extractor, which brings the plugin and librosa:

    pip install "setuptools<80" wheel "numpy<2.3"
    pip install --no-build-isolation vamp
    pip install chord-extractor

librosa brings each file to one channel at the profile's rate, and both get these very samples: the plugin in
memory, with the parameter that chord-extractor gives it, Segue in a WAV of 32-bit floats, with silence := false,
since the plugin knows no silence. A frame's label is that of the last change at or before it. The last frame is left
out: there the plugin always says N.
"""

import argparse
import csv
import io
import os
import subprocess
import tempfile
from pathlib import Path

import chord_extractor
import librosa
import numpy as np
import soundfile

os.environ.setdefault("VAMP_PATH", str(Path(chord_extractor.__file__).parent / "_lib"))
import vamp

BLOCK, HOP = 16_384, 2_048
# Samples a second, and the plugin's rollon.
PROFILES = {"chord_extractor": (22_050, 1), "chordino": (44_100, 0)}
SOUNDS = {".wav", ".flac", ".mp3", ".ogg", ".m4a"}


def labels(changes, times):
    """The label at each of the times, of changes [(time, label)]."""
    starts = np.array([time for time, _ in changes])
    at = np.searchsorted(starts, times + 1e-6, side="right") - 1
    return np.array([changes[max(k, 0)][1] for k in at])


def plugin(samples, rate, rollon):
    heard = vamp.collect(samples, rate, "nnls-chroma:chordino", parameters={"rollon": rollon})["list"]
    return [(float(change["timestamp"]), change["label"]) for change in heard][:-1]


def segue(program, path, profile):
    path = str(path).replace("'", "''")
    options = f"{{profile: '{profile}', silence: false}}"
    sql = f"SELECT c.start_s, c.chord FROM (SELECT unnest(extract_chords('{path}', {options})) AS c) ORDER BY c.start_s"
    answer = subprocess.run([program, "-csv", "-c", sql], check=True, capture_output=True, text=True)
    return [(float(row["start_s"]), row["chord"]) for row in csv.DictReader(io.StringIO(answer.stdout))]


def compare(program, file, profile, work):
    """How many frames a file has, and how many of them are heard alike."""
    rate, rollon = PROFILES[profile]
    samples, _ = librosa.load(str(file), sr=rate)
    wav = work / "same.wav"
    soundfile.write(str(wav), samples, rate, subtype="FLOAT")
    frames = -(-len(samples) // HOP) - 1
    times = (np.arange(frames) * HOP + BLOCK / 2) / rate
    theirs = labels(plugin(samples, rate, rollon), times)
    ours = labels(segue(program, wav, profile), times)
    return frames, int((theirs == ours).sum()), len(samples) / rate


def report(name, profile, frames, same, what):
    share = f"{100 * same / frames:7.2f} %  {frames - same:5} of {frames:6} other"
    print(f"{name:12} {profile:15} {share}  {what}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("segue")
    parser.add_argument("corpora", nargs="+", metavar="NAME=FOLDER")
    parser.add_argument("--work", type=Path, default=Path(tempfile.mkdtemp()))
    given = parser.parse_args()
    for corpus in given.corpora:
        name, folder = corpus.split("=", 1)
        files = sorted(file for file in Path(folder).iterdir() if file.suffix.lower() in SOUNDS)
        for profile in PROFILES:
            counts = []
            for file in files:
                frames, same, seconds = compare(given.segue, file, profile, given.work)
                counts.append((frames, same, seconds))
                report(name, profile, frames, same, file.name)
            frames, same, seconds = map(sum, zip(*counts))
            worst = min(100 * s / f for f, s, _ in counts)
            summary = f"all {len(counts)} files, {seconds:.0f} s; the worst {worst:.2f} %\n"
            report(name, profile, frames, same, summary)


main()
