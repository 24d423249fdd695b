"""Golden numbers for GRU4Rec and NARM: codes, scores, loss and every gradient, in float64.

An implementation for reading, not for speed: one sequence at a time, on PyTorch's own GRUCell,
cross_entropy and autograd. It shares no code with the Rust models; `gru4rec.json` beside it holds
what this script computed.

    python gru4rec.py            writes gru4rec.json (needs PyTorch only)
    python gru4rec.py --check    recomputes and compares; exits 1 where they disagree

GRU4Rec, for a stream of songs in which sessions begin where `resets` is true:

    h   = 0 where a session begins
    h   = GRUCell(x, h) for each layer, x the song's embedding or the state of the layer below
    score of song v = h . output_v + bias_v, output_v the embedding again where they are tied

NARM, for a session of n songs (eq. numbers of Li et al. 2017), at each t <= n:

    alpha_tj = v^T sigmoid(A_1 h_t + A_2 h_j), j <= t                              (8)
    code_t   = B^T [h_t ; sum_j alpha_tj h_j]                                  (7, 9, 10)
    score of song v = code_t . song_v                                             (10)

The loss is the mean cross-entropy over all songs, over every position of every sequence. Weights
are (in, out), those of a GRU hold the gates r, z, n side by side, and all are multiples of 1/1024
from a linear congruential generator, exact in float32.
"""

import json
import math
import re
import sys
from pathlib import Path

import torch
import torch.nn.functional as F

SONGS = 7
CASES = [
    {"model": "gru4rec", "embedding_size": 3, "hidden_size": 3, "layers": 1, "tied": True},
    {"model": "gru4rec", "embedding_size": 3, "hidden_size": 4, "layers": 2, "tied": False},
    {"model": "narm", "embedding_size": 3, "hidden_size": 4, "layers": 1, "tied": True},
]
# Two streams with sessions that begin in the middle, and the song after each.
STREAMS = [
    {
        "inputs": [2, 0, 3, 5, 1],
        "targets": [0, 4, 5, 1, 6],
        "resets": [True, False, True, False, False],
    },
    {
        "inputs": [4, 4, 2, 6, 0],
        "targets": [4, 1, 0, 3, 3],
        "resets": [True, False, False, False, True],
    },
]


def shapes(case):
    d, h = case["embedding_size"], case["hidden_size"]
    sizes = {"song": (SONGS, d)}
    for layer in range(case["layers"]):
        for part, inputs in [("input", d if layer == 0 else h), ("recurrent", h)]:
            sizes[f"gru.{layer}.{part}.weight"] = (inputs, 3 * h)
            sizes[f"gru.{layer}.{part}.bias"] = (3 * h,)
    if case["model"] == "narm":
        sizes |= {"attention.last": (h, h), "attention.each": (h, h), "attention.fit": (h, 1)}
        return sizes | {"decoder": (2 * h, d)}
    if not case["tied"]:
        sizes["output"] = (SONGS, h)
    return sizes | {"output.bias": (SONGS, 1)}


def make_weights(case):
    state, weights = 1, {}
    for name, shape in sorted(shapes(case).items()):
        values = []
        for _ in range(math.prod(shape)):
            state = (state * 1664525 + 1013904223) % 2**32
            values.append((state // 2**16 % 1024 - 512) / 1024)
        weights[name] = torch.tensor(values, dtype=torch.float64).reshape(shape).requires_grad_()
    return weights


def cell(w, layer, x, h):
    """torch.nn.GRUCell with our weights, so that gradients reach them."""
    name = f"gru.{layer}"
    module = torch.nn.GRUCell(len(x), len(h), dtype=torch.float64)
    theirs = {
        "weight_ih": w[f"{name}.input.weight"].T,
        "weight_hh": w[f"{name}.recurrent.weight"].T,
        "bias_ih": w[f"{name}.input.bias"],
        "bias_hh": w[f"{name}.recurrent.bias"],
    }
    return torch.func.functional_call(module, theirs, (x, h))


def states(w, case, songs, resets):
    zeros = torch.zeros(case["hidden_size"], dtype=torch.float64)
    h, last = [zeros] * case["layers"], []
    for song, reset in zip(songs, resets):
        x = w["song"][song]
        for layer in range(case["layers"]):
            h[layer] = x = cell(w, layer, x, zeros if reset else h[layer])
        last.append(x)
    return torch.stack(last)  # (n, H)


def narm_codes(w, case, songs):
    h = states(w, case, songs, [False] * len(songs))
    codes = []
    for t in range(len(songs)):
        local = torch.zeros_like(h[0])
        for j in range(t + 1):
            fit = torch.sigmoid(h[t] @ w["attention.last"] + h[j] @ w["attention.each"])
            local = local + (fit @ w["attention.fit"]) * h[j]
        codes.append(torch.cat([h[t], local]) @ w["decoder"])
    return torch.stack(codes)  # (n, D)


def compute():
    cases = []
    for case in CASES:
        w = make_weights(case)
        outputs, losses = [], []
        for stream in STREAMS:
            if case["model"] == "narm":
                code = narm_codes(w, case, stream["inputs"])
                scores = code @ w["song"].T
            else:
                code = states(w, case, stream["inputs"], stream["resets"])
                scores = code @ w["song" if case["tied"] else "output"].T + w["output.bias"].T
            targets = torch.tensor(stream["targets"])
            losses.append(F.cross_entropy(scores, targets, reduction="none"))
            outputs.append({"codes": code.tolist(), "scores": scores.tolist()})
        loss = torch.cat(losses).mean()
        loss.backward()
        cases.append(
            case
            | {
                "weights": {name: value.tolist() for name, value in w.items()},
                "outputs": outputs,
                "loss": loss.item(),
                "gradients": {name: value.grad.tolist() for name, value in w.items()},
            }
        )
    about = "Written by gru4rec.py, which says what each name means."
    return {"about": about, "songs": SONGS, "streams": STREAMS, "cases": cases}


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
        print("\n".join(wrong) or "gru4rec.json agrees")
        sys.exit(1 if wrong else 0)
    text = json.dumps(compute(), indent=1)
    # A list of numbers takes one line.
    rows = re.sub(r"\[\s+([^][{}]*?)\s+\]", lambda m: f"[{' '.join(m[1].split())}]", text)
    path.write_text(rows + "\n")


if __name__ == "__main__":
    main()
