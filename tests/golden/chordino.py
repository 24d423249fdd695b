"""Golden numbers for the chord extractor: what the Vamp plugin makes of a sound that is made here.

    pip install "setuptools<80" wheel "numpy<2.3"      Python 3.11; the package has the plugin for
    pip install --no-build-isolation vamp              64-bit Linux
    pip install chord-extractor
    python chordino.py            writes chordino.json
    python chordino.py --check    recomputes and compares; exits 1 where they disagree

The plugin is run, not read: a program of its own, whose numbers are compared. The sound is one that the
Rust test makes again, note by note: seven chords of 1.25 s after 0.5 s of silence, 17 cents above
440 Hz, each note six harmonics that fade away, and noise from a linear congruential generator:

    x(t) = 0.06 sum_h 0.6^(h-1) sin(2 pi h f t) e^(-1.5 t),  h = 1 .. 6,  t from the chord's start
    f    = 440 * 2^((note + 0.17 - 69) / 12)

For each profile, and two other rates, there are the labels with their frames, in both syntaxes, and for three frames all values
of four stages. The plugin's `tunedlogfreqspec` is what comes after whitening.
"""

import json
import sys
from pathlib import Path

import chord_extractor.extractors  # noqa: F401  tells vamp where the plugin is
import numpy as np
import vamp

PLACE = Path(__file__).with_name("chordino.json")
PROFILES = {"chordino": (44100, 0), "chord_extractor": (22050, 1), "low": (8000, 0), "high": (48000, 0.5)}
STAGES = ["logfreqspec", "tunedlogfreqspec", "semitonespectrum", "bothchroma"]
# The lowest note, then the others: C, Am7, D7/F#, Bm7b5, F/A, Emaj7, Caug.
CHORDS = [
    [36, 60, 64, 67], [33, 57, 60, 64, 67], [42, 57, 60, 62, 66], [35, 57, 59, 62, 65],
    [45, 60, 65, 69], [40, 59, 63, 64, 68], [36, 60, 64, 68],
]
LEAD, LENGTH = 0.5, 1.25
SECONDS_PICKED = [1.2, 3.9, 7.3]


def noise(count):
    out, state = np.empty(count), 1
    for i in range(count):
        state = (state * 1103515245 + 12345) % 2**31
        out[i] = state / 2**30 - 1.0
    return out


def sound(rate):
    count = int(rate * (LEAD + LENGTH * len(CHORDS)))
    out = 1e-3 * noise(count)
    for place, chord in enumerate(CHORDS):
        start = int(rate * (LEAD + LENGTH * place))
        t = np.arange(int(rate * LENGTH)) / rate
        for note in chord:
            f = 440.0 * 2.0 ** ((note + 0.17 - 69.0) / 12.0)
            for h in range(1, 7):
                wave = 0.06 * 0.6 ** (h - 1) * np.sin(2.0 * np.pi * h * f * t) * np.exp(-1.5 * t)
                out[start : start + len(t)] += wave[: count - start]
    return out.astype(np.float32)


def changes(samples, rate, rollon, harte):
    parameters = {"rollon": rollon, "usehartesyntax": harte}
    found = vamp.collect(samples, rate, "nnls-chroma:chordino", parameters=parameters)["list"]
    frame = lambda time: round((float(time) * rate - 8192) / 2048)
    return [[frame(row["timestamp"]), row["label"]] for row in found]


def profile(rate, rollon):
    samples = sound(rate)
    frames = [int(second * rate / 2048) for second in SECONDS_PICKED]
    out = {"rate": rate, "rollon": rollon, "samples": len(samples), "frames": frames}
    for stage in STAGES:
        found = vamp.collect(samples, rate, "nnls-chroma:nnls-chroma", output=stage, parameters={"rollon": rollon})
        values = found["matrix"][1]
        out["count"] = len(values)
        out[stage] = [[float(f"{x:.7g}") for x in values[frame]] for frame in frames]
    out["changes"] = changes(samples, rate, rollon, 0)
    out["harte"] = changes(samples, rate, rollon, 1)
    return out


def main():
    golden = {name: profile(*settings) for name, settings in PROFILES.items()}
    if "--check" not in sys.argv:
        PLACE.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
        return
    stored = json.loads(PLACE.read_text())
    for name, now in golden.items():
        for key, value in now.items():
            if key in STAGES:
                a, b = np.array(value), np.array(stored[name][key])
                same = np.abs(a - b).max() <= 1e-6 * np.abs(b).max()
            else:
                same = value == stored[name][key]
            if not same:
                sys.exit(f"{name} {key} differs")


if __name__ == "__main__":
    main()
