"""Golden numbers for chord_score: mir_eval's scores of annotations that are made up here.

    python chord_score.py            writes chord_score.json (needs mir_eval 0.8.2)
    python chord_score.py --check    recomputes and compares; exits 1 where they disagree
    python chord_score.py --lines COUNT SEED [LABELS]
        prints so many other pairs, one JSON object a line, for larger comparisons; LABELS is a JSON list
        of labels to draw from

A case has `reference` and `estimate`, lists of [label, start, end]; `scores`, null where mir_eval raises;
and `counted`, the seconds that each metric but those of segmentation looks at. Labels are drawn from the grammar that mir_eval reads. Roots are mostly shared, so that scores
spread; boundaries of the estimate are partly those of the reference, partly moved, partly new; some
annotations have gaps, start late, end early, or lie outside the other. Omissions are of degrees that the
chord has: mir_eval takes `C:maj(*b4)` as a chord without third, Segue as one that had no b4 to omit.
"""

import json
import random
import sys
import warnings
from pathlib import Path

import mir_eval
import numpy as np

warnings.simplefilter("ignore")

ROOTS = [letter + accidental for letter in "CDEFGAB" for accidental in ["", "b", "#", "bb", "##"]]
SHORTHANDS = [
    "maj", "min", "dim", "aug", "1", "5", "sus2", "sus4", "maj6", "min6", "7", "maj7", "min7", "dim7",
    "hdim7", "minmaj7", "9", "maj9", "min9", "11", "min11", "13", "maj13", "min13",
]
COMMON = ["maj", "min", "7", "min7", "maj7"]
DEGREES = [a + str(n) for n in range(1, 14) for a in ["", "b", "#"]]
BASSES = ["3", "5", "b3", "b7", "2", "7", "6", "4", "b9", "#5", "bb7", "9", "11", "b1", "1"]


OWN = {"maj": "1 3 5", "min": "1 b3 5", "7": "1 3 5 b7", "min7": "b3 5 b7", "maj7": "3 5 7", "9": "5 9",
       "maj6": "3 5 6", "sus4": "4 5", "dim": "b3 b5", "hdim7": "b3 b5 b7", "maj9": "3 9", "11": "3 5 9"}
# Labels of real songs, of `labels.py`, where its file is named.
REAL = []


def label(rng):
    if REAL and rng.random() < 0.9:
        return rng.choice(REAL)
    kind = rng.random()
    if kind < 0.08:
        return "N"
    if kind < 0.11:
        return "X"
    root = rng.choice(ROOTS)
    if kind < 0.2:
        text = root
    elif kind < 0.6:
        text = f"{root}:{rng.choice(COMMON)}"
    else:
        text = f"{root}:{rng.choice(SHORTHANDS)}"
        if rng.random() < 0.2:
            quality, own = rng.choice(list(OWN.items()))
            added = rng.choice(["", "2,", "b6,", "11,"])
            text = f"{root}:{quality}({added}*{rng.choice(own.split())})"
        elif rng.random() < 0.25:
            degrees = rng.sample(DEGREES, rng.randint(1, 3))
            text += f"({','.join(degrees)})"
        elif rng.random() < 0.1:
            text = f"{root}:({','.join(rng.sample(DEGREES, rng.randint(1, 4)))})"
    if rng.random() < 0.2:
        text += "/" + rng.choice(BASSES)
    return text


def related(rng, text):
    """A label that is often right in some metrics only."""
    if text in "NX" or rng.random() < 0.25:
        return label(rng)
    root = text.split(":")[0].split("/")[0]
    choice = rng.random()
    if choice < 0.5:
        return text
    if choice < 0.6:
        return text.split("/")[0] + "/" + rng.choice(BASSES)
    return f"{root}:{rng.choice(COMMON if choice < 0.8 else SHORTHANDS)}"


def annotation(rng, start, labels, lengths, gaps):
    spans, time = [], start
    for text, length in zip(labels, lengths):
        if gaps and rng.random() < 0.1:
            time += rng.choice([1e-4, 0.3, 1.0])
        spans.append([text, time, time + length])
        time += length
    return spans


def pair(rng):
    count = rng.choice([1, 2, 5, 20, 60])
    few = [label(rng) for _ in range(rng.randint(1, 8))]
    labels = [rng.choice(few) for _ in range(count)]
    lengths = [rng.choice([0.5, 1.0, rng.uniform(0.01, 4.0)]) for _ in labels]
    reference = annotation(rng, rng.choice([0.0, 0.0, rng.uniform(0, 5)]), labels, lengths, rng.random() < 0.15)
    end = reference[-1][2]
    shift = rng.choice([0.0, 0.0, rng.uniform(-0.2, 0.2), rng.uniform(-2, 2)])
    marks = set()
    for _, a, b in reference:
        for time in [a, b]:
            if rng.random() < 0.9:
                marks.add(max(0.0, time + shift + rng.choice([0.0, rng.uniform(-0.1, 0.1)])))
        if rng.random() < 0.2:
            marks.add(rng.uniform(a, b))
    if rng.random() < 0.1:
        marks = {time for time in marks if time < end / 2}
    if rng.random() < 0.1:
        marks |= {end + 1.5, end + 4}
    marks = sorted(marks)
    estimate = []
    at = lambda time: next((t for t, a, b in reversed(reference) if a <= time), "N")
    for a, b in zip(marks, marks[1:]):
        if rng.random() < 0.03:
            continue
        estimate.append([related(rng, at(a + 0.05)), a, b])
    return reference, estimate


def scores(reference, estimate):
    """mir_eval's scores, and the seconds that each metric counts."""
    sides = []
    for spans in [reference, estimate]:
        sides += [np.array([span[1:] for span in spans]).reshape(-1, 2), [span[0] for span in spans]]
    try:
        found = dict(mir_eval.chord.evaluate(sides[0], list(sides[1]), sides[2], list(sides[3])))
    except ValueError:
        # Where it leaves spans of no length at the ends, and then rejects them.
        return None, None
    cut = mir_eval.util.adjust_intervals(sides[2], sides[3], sides[0].min(), sides[0].max(), "N", "N")
    intervals, *labels = mir_eval.util.merge_labeled_intervals(sides[0], sides[1], *cut)
    lengths = mir_eval.util.intervals_to_durations(intervals)
    compared = {name: getattr(mir_eval.chord, name)(*labels) for name in found if not name.endswith("seg")}
    counted = {name: float(lengths[right >= 0].sum()) for name, right in compared.items()}
    return {name: float(score) for name, score in found.items()}, counted


def cases(count, seed):
    rng = random.Random(seed)
    for _ in range(count):
        reference, estimate = (
            [[text, round(a, 4), round(b, 4)] for text, a, b in spans] for spans in pair(rng)
        )
        found, counted = scores(reference, estimate)
        yield {"reference": reference, "estimate": estimate, "scores": found, "counted": counted}


def main():
    if "--lines" in sys.argv:
        if len(sys.argv) > 4:
            REAL.extend(json.loads(Path(sys.argv[4]).read_text()))
        for case in cases(int(sys.argv[2]), int(sys.argv[3])):
            print(json.dumps(case))
        return
    kept = [case for case in cases(60, 1) if case["scores"] and len(case["reference"]) < 30]
    result = {"mir_eval": mir_eval.__version__, "cases": kept}
    path = Path(__file__).with_suffix(".json")
    if "--check" in sys.argv:
        stored = json.loads(path.read_text())["cases"]
        same = len(stored) == len(kept) and all(
            a["reference"] == b["reference"]
            and a["estimate"] == b["estimate"]
            and all(abs(a["scores"][name] - b["scores"][name]) < 1e-12 for name in a["scores"])
            and all(abs(a["counted"][name] - b["counted"][name]) < 1e-9 for name in a["counted"])
            for a, b in zip(stored, kept)
        )
        print("agrees" if same else "DIFFERS")
        sys.exit(not same)
    path.write_text(json.dumps(result, separators=(",", ":")).replace('},{"reference', '},\n{"reference') + "\n")


if __name__ == "__main__":
    main()
