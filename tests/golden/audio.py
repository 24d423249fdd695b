"""Golden numbers for resampling and MFCCs, from soxr and librosa.

    pip install librosa soxr
    python audio.py            writes audio.json
    python audio.py --check    recomputes and compares; exits 1 where they disagree

It also prints how far the impulse response of soxr's quality HQ at 2:1 is from the sinc under a Kaiser
window that `src/audio/resample.rs` has: cutoff 0.956872 and half width 97.25, in Nyquist frequencies and
samples of the lower rate, beta 13.04.

Signals are synthesised here and in Rust alike: noise from a linear congruential generator, exact in
float32, and a sweep.
"""

import json
import sys
from pathlib import Path

import librosa
import numpy as np
import soxr

RATES = [(44100, 22050), (48000, 22050), (22050, 44100), (8000, 22050)]
MFCCS = [
    {},
    {"sr": 16000, "n_mfcc": 13, "n_fft": 512, "hop_length": 128, "n_mels": 40, "fmin": 50, "fmax": 7000},
    {"n_mfcc": 5, "n_fft": 1024, "hop_length": 1000, "n_mels": 64},
]


def noise(count: int) -> np.ndarray:
    state, values = 1, []
    for _ in range(count):
        state = (1664525 * state + 1013904223) % 2**32
        values.append((state >> 16) / 32768 - 1)
    return np.array(values, np.float32)


def sweep(count: int) -> np.ndarray:
    t = np.arange(count)
    return (0.5 * np.sin(t * (0.01 + t / count))).astype(np.float32)


def compute() -> dict:
    resampled = [
        {"from": a, "to": b, "samples": soxr.resample(noise(1000), a, b, "HQ").tolist()} for a, b in RATES
    ]
    coefficients = [
        {"options": options, "signal": name, "values": librosa.feature.mfcc(y=y, **options).T.tolist()}
        for options in MFCCS
        for name, y in [("noise", noise(6000)), ("sweep", sweep(6000)), ("short", noise(7))]
    ]
    return {"resampled": resampled, "mfcc": coefficients}


def shortened(value):
    if isinstance(value, float):
        return float(f"{value:.7g}")
    if isinstance(value, list):
        return [shortened(item) for item in value]
    return {key: shortened(item) for key, item in value.items()} if isinstance(value, dict) else value


def impulse_difference() -> float:
    differences = []
    for phase in (0, 1):
        impulse = np.zeros(4000)
        impulse[2000 + phase] = 1
        place = np.arange(2000) * 2 - 2000 - phase
        inside = np.clip(1 - (place / 194.5) ** 2, 0, None)
        window = np.where(abs(place) < 194.5, np.i0(13.04 * np.sqrt(inside)) / np.i0(13.04), 0)
        cutoff = 0.956872 / 2
        filtered = soxr.resample(impulse, 44100, 22050, "HQ")
        differences.append(abs(filtered - cutoff * np.sinc(cutoff * place) * window).max())
    return max(differences)


def same(left, right) -> bool:
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return left == right or not isinstance(left, str) and abs(left - right) < 1e-4


if __name__ == "__main__":
    path, golden = Path(__file__).with_suffix(".json"), shortened(compute())
    print(f"impulse response: {impulse_difference():.1e} from the Kaiser window's")
    if "--check" in sys.argv:
        sys.exit(0 if same(golden, json.loads(path.read_text())) else "audio.json differs")
    path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
