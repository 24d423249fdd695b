"""Golden numbers for COAT: attention, logits, loss and every gradient, in float64.

An implementation for reading, not for speed: one pair of a user and a song at a time, from the
equations of Feng, Li & Yang, on PyTorch's autograd. It shares no code with the Rust model;
`coat.json` beside it holds what this script computed.

    python coat.py            writes coat.json (needs PyTorch only)
    python coat.py --check    recomputes and compares; exits 1 where they disagree

The model, for a user u and a song i whose chords, repeated and cut to P places, are c_1 … c_P:

    gmf = user_u * song_i                                                    (D)   (1)
    a_p = h . relu(W^T [user_u; chord_{c_p}; place_p] + b)                         (2)
    beta = softmax(a); for 'mean' 1/P everywhere, for 'sum' 1                (P)   (3)
    att = sum_p beta_p chord_{c_p}; 0 of a song without chords                  (D)   (4)
    x   = [gmf; att], by default [gmf; att; user_u]; x = relu(x W_l + b_l) for each layer
    logit = x output + bias                                                        (5)

W is stored in three parts, `attention.user`, `attention.chord` and `attention.place`. The last row of
`song` stands for songs whose id is not known: hidden in training, or never played. The loss is the mean
binary cross-entropy over the pairs. Weights are (in, out) and multiples of 1/1024 from a linear
congruential generator, exact in float32.
"""

import json
import math
import re
import sys
from pathlib import Path

import torch
import torch.nn.functional as F

D, A, P, USERS, CHORDS = 4, 3, 5, 2, 4
CASES = [
    {"paper": True, "attention": "user"},
    {"paper": False, "attention": "user"},
    {"paper": False, "attention": "mean"},
    {"paper": False, "attention": "sum"},
]
# A short song, one longer than P, one without chords, one of a single chord, one that nobody played.
SONGS = [[0, 2], [1, 2, 0, 1, 3, 3, 0], [], [3], [2, 0, 1]]
UNPLAYED = 4
# User, song, whether its id is hidden, whether it was played.
PAIRS = [
    [0, 0, False, 1],
    [0, 3, False, 0],
    [1, 1, False, 1],
    [1, 1, True, 1],
    [1, 2, False, 0],
    [0, 1, False, 0],
    [0, 3, False, 1],
]


def shapes(case):
    sizes = {"user": (USERS, D), "song": (len(SONGS) + 1, D), "chord": (CHORDS, D)}
    if case["attention"] == "user":
        sizes |= {"place": (P, D), "attention.bias": (A,), "attention.output": (A,)}
        sizes |= {f"attention.{part}": (D, A) for part in ["user", "chord", "place"]}
    widths = [2 * D, D, D // 2] if case["paper"] else [3 * D, 4 * D, 2 * D, D]
    for layer, (size, width) in enumerate(zip(widths, widths[1:])):
        sizes |= {f"tower.{layer}.weight": (size, width), f"tower.{layer}.bias": (width,)}
    return sizes | {"output.weight": (widths[-1], 1), "output.bias": (1,)}


def make_weights(case):
    state, weights = 1, {}
    for name, shape in sorted(shapes(case).items()):
        values = []
        for _ in range(math.prod(shape)):
            state = (state * 1664525 + 1013904223) % 2**32
            values.append((state // 2**16 % 1024 - 512) / 512)
        tensor = torch.tensor(values, dtype=torch.float64).reshape(shape)
        weights[name] = tensor.requires_grad_()
    return weights


def attention(w, case, user, song):
    chords = (SONGS[song] * P)[:P]
    if case["attention"] == "sum":
        return torch.ones(len(chords), dtype=torch.float64)
    if case["attention"] == "mean":
        return torch.full((len(chords),), 1 / P, dtype=torch.float64)
    parts = torch.cat([w["attention.user"], w["attention.chord"], w["attention.place"]])  # (3D, A)
    logits = []
    for place, chord in enumerate(chords):
        x = torch.cat([w["user"][user], w["chord"][chord], w["place"][place]])
        hidden = torch.relu(parts.T @ x + w["attention.bias"])
        logits.append(w["attention.output"] @ hidden)
    return torch.stack(logits).softmax(0) if logits else torch.zeros(0, dtype=torch.float64)


def logit(w, case, user, song, hidden):
    row = len(SONGS) if hidden else song
    x = [w["user"][user] * w["song"][row], torch.zeros(D, dtype=torch.float64)]
    for weight, chord in zip(attention(w, case, user, song), SONGS[song] * P):
        x[1] = x[1] + weight * w["chord"][chord]
    x = torch.cat(x if case["paper"] else [*x, w["user"][user]])
    layer = 0
    while f"tower.{layer}.weight" in w:
        x = torch.relu(x @ w[f"tower.{layer}.weight"] + w[f"tower.{layer}.bias"])
        layer += 1
    return (x @ w["output.weight"] + w["output.bias"])[0]


def compute():
    cases = []
    for case in CASES:
        w = make_weights(case)
        logits = torch.stack([logit(w, case, *pair[:3]) for pair in PAIRS])
        labels = torch.tensor([float(pair[3]) for pair in PAIRS], dtype=torch.float64)
        loss = F.binary_cross_entropy_with_logits(logits, labels)
        loss.backward()
        songs = range(len(SONGS))
        cases.append(
            case
            | {
                "weights": {name: value.tolist() for name, value in w.items()},
                "logits": logits.tolist(),
                "loss": loss.item(),
                "gradients": {name: value.grad.tolist() for name, value in w.items()},
                "catalogue": [
                    [logit(w, case, user, song, song == UNPLAYED).item() for song in songs]
                    for user in range(USERS)
                ],
                "beta": [
                    [attention(w, case, user, song).tolist() for song in songs]
                    for user in range(USERS)
                ],
            }
        )
    sizes = {"about": "Written by coat.py, which says what each name means."}
    sizes |= {"embedding_size": D, "attention_size": A, "max_length": P, "unplayed": UNPLAYED}
    return sizes | {"songs": SONGS, "pairs": PAIRS, "cases": cases}


def differences(a, b, path=""):
    if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        return [d for key in a for d in differences(a[key], b[key], f"{path}.{key}")]
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        return [d for i, (x, y) in enumerate(zip(a, b)) for d in differences(x, y, f"{path}[{i}]")]
    if isinstance(a, float) and isinstance(b, float):
        return [] if abs(a - b) <= 1e-10 * max(1, abs(a)) else [f"{path}: {a} and {b}"]
    return [] if a == b else [f"{path}: {a} and {b}"]


def main():
    torch.set_num_threads(1)
    path = Path(__file__).with_suffix(".json")
    if sys.argv[1:] == ["--check"]:
        wrong = differences(json.loads(path.read_text()), json.loads(json.dumps(compute())))
        print("\n".join(wrong) or "coat.json agrees")
        sys.exit(1 if wrong else 0)
    text = json.dumps(compute(), indent=1)
    # A list of numbers takes one line.
    rows = re.sub(r"\[\s+([^][{}]*?)\s+\]", lambda m: f"[{' '.join(m[1].split())}]", text)
    path.write_text(rows + "\n")


if __name__ == "__main__":
    main()
