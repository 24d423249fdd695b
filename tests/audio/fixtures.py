"""Encodes half a second of a synthesised sound in every format that the audio module reads.

    pip install imageio-ffmpeg numpy
    python fixtures.py        writes tone.flac, tone.mp3, tone.ogg, tone.m4a and tone.aac beside it

The sound, at 22,050 Hz, stereo: three partials of A3 that fade, the right channel half as loud.
What encoders write differs from version to version, so tests compare lengths and levels, not bytes.
"""

import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np

RATE, SECONDS = 22050, 0.5
FORMATS = {
    "tone.flac": [],
    "tone.mp3": ["-c:a", "libmp3lame", "-b:a", "48k"],
    "tone.ogg": ["-c:a", "libvorbis", "-q:a", "2", "-page_duration", "50000"],
    "tone.m4a": ["-c:a", "aac", "-b:a", "48k"],
    "tone.aac": ["-c:a", "aac", "-b:a", "48k"],
}


def tone() -> np.ndarray:
    """The sound, (samples, 2), as 16-bit integers."""
    t = np.arange(int(RATE * SECONDS)) / RATE
    left = sum(0.3 / h * np.sin(2 * np.pi * 220 * h * t) for h in (1, 2, 3)) * np.exp(-2 * t)
    return np.round(np.stack([left, left / 2], axis=1) * 32767).astype("<i2")


def encode(path: Path, options: list[str]):
    tags = ["-metadata", "title=Tone", "-metadata", "artist=Segue", "-metadata", "album=Fixtures"]
    source = ["-f", "s16le", "-ar", str(RATE), "-ac", "2", "-i", "-"]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *source, *options, *tags]
    subprocess.run([*command, str(path)], input=tone().tobytes(), check=True)


if __name__ == "__main__":
    folder = Path(__file__).parent
    for name, options in FORMATS.items():
        encode(folder / name, options)
        print(name, (folder / name).stat().st_size)
