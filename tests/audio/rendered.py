"""Renders chord annotations as music, to hear them again: sql/papers/chords_rendered.sql scores what is heard.

    python rendered.py LABS OUT [--shift 5] [--seconds 120] [--soundfont FluidR3_GM.sf2]
    python rendered.py LABS OUT --plugin         what Chordino itself hears in OUT, scored by mir_eval

LABS has .lab files, of which OUT gets a WAV each. Needs mido and mir_eval, and the program fluidsynth with a General
MIDI soundfont; --plugin needs chord-extractor, which brings the Vamp plugin. The arrangements go around: song i gets
number i + shift. None was changed after anything was heard.
"""

import argparse
import os
import random
import subprocess
import wave
from pathlib import Path

import mido
import numpy as np
from mir_eval import chord as mir
from mir_eval import io

# Programs of the chord (the last of two holds it), how it is played, seconds between strikes, the lowest note,
# the bass's program, drums.
ARRANGEMENTS = [
    ([0], "block", 1.0, 55, 0, False),  # piano
    ([24], "arpeggio", 1.2, 52, 32, False),  # nylon guitar, acoustic bass
    ([48], "block", 2.0, 55, 43, False),  # strings, contrabass
    ([16], "block", 2.0, 55, 16, False),  # organ
    ([4], "block", 0.6, 55, 33, True),  # electric piano, bass, drums
    ([25], "strum", 0.5, 52, 33, True),  # steel guitar, bass, drums
    ([27], "strum", 0.6, 52, 34, True),  # clean guitar, bass, drums
    ([1, 48], "arpeggio", 1.2, 55, 32, False),  # bright piano over strings
    ([61], "block", 1.0, 55, 33, True),  # brass, bass, drums
    ([46, 52], "arpeggio", 1.5, 55, 43, False),  # harp over choir
]
BASS, BASS_CHANNEL, DRUMS = 36, 5, 9
RATE = 44_100
TICKS = 1920  # a second: 960 a beat, 120 beats a minute


def notes(label):
    """The pitch classes of a chord and of its bass."""
    if label in ("N", "X"):
        return [], None
    root, _, bass = mir.encode(label)
    tones = mir.encode(label.split("/")[0], reduce_extended_chords=True)[1]
    return [(root + k) % 12 for k in range(12) if tones[k]], (root + bass) % 12


def above(pitch_class, low):
    return low + (pitch_class - low) % 12


class Score:
    """Notes at times, with velocities that vary a little."""

    def __init__(self, seed):
        self.random, self.events = random.Random(seed), []

    def program(self, channel, program):
        self.events.append((0, -1, mido.Message("program_change", channel=channel, program=program)))

    def note(self, channel, pitch, start, end, velocity):
        velocity += self.random.randint(-6, 6)
        on = mido.Message("note_on", channel=channel, note=pitch, velocity=velocity)
        off = mido.Message("note_off", channel=channel, note=pitch)
        self.events += [(start, 1, on), (max(end, start + 0.03), 0, off)]

    def save(self, path, seconds):
        track, now = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=500_000)]), 0
        for time, _, message in sorted(self.events, key=lambda e: (round(e[0] * TICKS), e[1])):
            track.append(message.copy(time=round(time * TICKS) - now))
            now = round(time * TICKS)
        track.append(mido.MetaMessage("end_of_track", time=max(0, round(seconds * TICKS) - now)))
        mido.MidiFile(ticks_per_beat=960, tracks=[track]).save(path)


def strike(score, how, tones, start, end):
    """One strike of a chord."""
    if how == "block":
        for pitch in tones:
            score.note(0, pitch, start, end, 76)
    elif how == "strum":
        for place, pitch in enumerate(tones):
            score.note(0, pitch, start + 0.012 * place, end, 78)
    else:
        # Up and back; notes ring until they come again.
        order = tones + [tones[0] + 12] + tones[::-1]
        step = (end - start) / len(order)
        if step < 0.11:
            order, step = tones, min(0.11, (end - start) / len(tones))
        times = {}
        for place, pitch in enumerate(order):
            times.setdefault(pitch, []).append(start + step * place)
        for pitch, starts in times.items():
            for a, b in zip(starts, starts[1:] + [end]):
                score.note(0, pitch, a, b, 80)


def arrange(lab, arrangement, seconds, seed, path):
    programs, how, beat, low, bass_program, drums = arrangement
    score, strikes = Score(seed), 0
    for channel, program in enumerate(programs):
        score.program(channel, program)
    score.program(BASS_CHANNEL, bass_program)
    for (start, end), label in zip(*io.load_labeled_intervals(str(lab))):
        end = min(end, seconds)
        tones, bass = notes(label)
        if start >= seconds or not tones:
            continue
        tones = sorted(above(tone, low) for tone in tones)
        if how == "strum":
            tones.append(tones[0] + 12)
        if len(programs) > 1:
            for pitch in tones:
                score.note(1, pitch, start, end, 60)
        count = max(1, round((end - start) / beat))
        length = (end - start) / count
        for k in range(count):
            at = start + k * length
            score.note(BASS_CHANNEL, above(bass, BASS), at, at + length, 88)
            down = how == "strum" and k % 2 == 1
            strike(score, how, tones[::-1] if down else tones, at, at + length)
            if drums:
                score.note(DRUMS, 36 if strikes % 2 == 0 else 38, at, at + 0.1, 90)
                for hat, velocity in [(at, 62), (at + length / 2, 54)]:
                    score.note(DRUMS, 42, hat, hat + 0.1, velocity)
                strikes += 1
    score.save(path, seconds)


def synthesize(midi, wav, seconds, soundfont):
    raw = wav.with_suffix(".raw.wav")
    command = ["fluidsynth", "-n", "-i", "-q", "-g", "0.4", "-r", str(RATE), "-O", "s16", "-T", "wav"]
    subprocess.run([*command, "-F", str(raw), soundfont, str(midi)], check=True, stdout=subprocess.DEVNULL)
    with wave.open(str(raw)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    raw.unlink()
    out = np.zeros((int(seconds * RATE), 2), "<i2")
    out[: len(samples)] = samples[: len(out)]
    with wave.open(str(wav), "wb") as file:
        file.setparams((2, 2, RATE, len(out), "NONE", ""))
        file.writeframes(out.tobytes())


def plugin(labs, out, seconds):
    """Prints what the plugin's chords are worth, pooled over scored time, in %."""
    import chord_extractor

    os.environ.setdefault("VAMP_PATH", str(Path(chord_extractor.__file__).parent / "_lib"))
    import vamp

    sums = {}
    for lab in labs:
        with wave.open(str(out / f"{lab.stem}.wav")) as file:
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
        samples = (samples.astype(np.float32) / 32768).mean(1).astype(np.float32)
        parameters = {"rollon": 0, "usehartesyntax": 1}
        heard = vamp.collect(samples, RATE, "nnls-chroma:chordino", parameters=parameters)["list"]
        starts, labels = [float(e["timestamp"]) for e in heard], [e["label"] for e in heard]
        ends = [*starts[1:], max(starts[-1], seconds)]
        spans = [(s, e, label) for s, e, label in zip(starts, ends, labels) if e > s]
        intervals = np.array([span[:2] for span in spans])
        reference, names = io.load_labeled_intervals(str(lab))
        kept = reference[:, 0] < seconds
        reference, names = reference[kept].clip(max=seconds), [n for n, k in zip(names, kept) if k]
        from mir_eval import util

        found, heard_names = util.adjust_intervals(
            intervals, [s[2] for s in spans], reference.min(), reference.max(), "N", "N"
        )
        merged, a, b = util.merge_labeled_intervals(reference, names, found, heard_names)
        lengths = util.intervals_to_durations(merged)
        for metric in ["root", "majmin", "sevenths", "mirex"]:
            right = getattr(mir, metric)(a, b)
            counted = right >= 0
            total = sums.setdefault(metric, [0.0, 0.0])
            total[0] += (right * lengths)[counted].sum()
            total[1] += lengths[counted].sum()
    for metric, (right, counted) in sums.items():
        print(f"{metric} {100 * right / counted:.1f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("labs", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--shift", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--soundfont", default="/usr/share/sounds/sf2/FluidR3_GM.sf2")
    parser.add_argument("--plugin", action="store_true")
    given = parser.parse_args()
    labs = sorted(given.labs.glob("*.lab"))
    if given.plugin:
        return plugin(labs, given.out, given.seconds)
    given.out.mkdir(parents=True, exist_ok=True)
    for number, lab in enumerate(labs):
        arrangement = ARRANGEMENTS[(number + given.shift) % len(ARRANGEMENTS)]
        midi, wav = given.out / f"{lab.stem}.mid", given.out / f"{lab.stem}.wav"
        arrange(lab, arrangement, given.seconds, 1000 + number, midi)
        synthesize(midi, wav, given.seconds, given.soundfont)
        print(wav)


main()
