"""Golden numbers for SASRec: codes, scores, loss and every gradient, in float64.

An implementation for reading, not for speed: one sequence at a time, from the equations of Kang &
McAuley (ICDM 2018), on PyTorch's own layer_norm, scaled_dot_product_attention and autograd. It
shares no code with the Rust model; `sasrec.json` beside it holds what this script computed.

    python sasrec.py            writes sasrec.json (needs PyTorch only)
    python sasrec.py --check    recomputes and compares; exits 1 where they disagree

The model, for a sequence of n <= L songs (eq. numbers of the paper):

    E_i = sqrt(D) song_i + position_{L - n + i}                     (n, D)   (1)
    S   = softmax over j <= i of (x W_Q)(x W_K)^T / sqrt(D/heads), times x W_V,
          per head on D/heads columns, side by side                 (n, D)   (2, 3)
    F   = relu(x W_1 + b_1) W_2 + b_2                               (n, D)   (4)
    pre:  x = x + S(norm(x));  x = x + F(norm(x));  code = norm(x) after the last block
    post: x = norm(x + S(x));  x = norm(x + F(x))
    score of song v = code . song_v                                          (6)

The loss is the mean cross-entropy over all songs, over every position of every sequence.
Weights are (in, out) and multiples of 1/1024 from a linear congruential generator, exact in float32.
"""

import json
import math
import re
import sys
from pathlib import Path

import torch
import torch.nn.functional as F

D, L, SONGS, BLOCKS = 4, 5, 7, 2
CASES = [{"norm": "pre", "heads": 1}, {"norm": "post", "heads": 2}]
# Inputs, and the song after each of them: a full window, a short one with a repeat, a single song.
SEQUENCES = [
    {"inputs": [2, 0, 3, 5, 1], "targets": [0, 3, 5, 1, 6]},
    {"inputs": [4, 4, 2], "targets": [4, 2, 0]},
    {"inputs": [6], "targets": [6]},
]


def shapes(case):
    sizes = {"song": (SONGS, D), "position": (L, D)}
    for block in range(BLOCKS):
        attention, feed_forward = f"block.{block}.attention", f"block.{block}.feed_forward"
        for part in ["query", "key", "value"]:
            sizes[f"{attention}.{part}"] = (D, D)
        for layer in [1, 2]:
            sizes[f"{feed_forward}.{layer}.weight"] = (D, D)
            sizes[f"{feed_forward}.{layer}.bias"] = (D,)
        for norm in [f"{attention}.norm", f"{feed_forward}.norm"]:
            sizes |= {f"{norm}.weight": (D,), f"{norm}.bias": (D,)}
    if case["norm"] == "pre":
        sizes |= {"norm.weight": (D,), "norm.bias": (D,)}
    return sizes


def make_weights(case):
    state, weights = 1, {}
    for name, shape in sorted(shapes(case).items()):
        values = []
        for _ in range(math.prod(shape)):
            state = (state * 1664525 + 1013904223) % 2**32
            # Scales of layer norms stand around 1.
            middle = 1.0 if name.endswith("norm.weight") else 0.0
            values.append(middle + (state // 2**16 % 1024 - 512) / 1024)
        tensor = torch.tensor(values, dtype=torch.float64).reshape(shape)
        weights[name] = tensor.requires_grad_()
    return weights


def norm(w, name, x):
    return F.layer_norm(x, (D,), w[f"{name}.weight"], w[f"{name}.bias"], eps=1e-8)


def attention(w, case, name, x):
    heads = case["heads"]
    q, k, v = (
        (x @ w[f"{name}.{part}"]).reshape(len(x), heads, D // heads).transpose(0, 1)
        for part in ["query", "key", "value"]
    )
    mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)  # (heads, n, D/heads)
    return mixed.transpose(0, 1).reshape(len(x), D)


def feed_forward(w, name, x):
    hidden = torch.relu(x @ w[f"{name}.1.weight"] + w[f"{name}.1.bias"])
    return hidden @ w[f"{name}.2.weight"] + w[f"{name}.2.bias"]


def codes(w, case, songs):
    x = math.sqrt(D) * w["song"][songs] + w["position"][L - len(songs) :]
    for block in range(BLOCKS):
        a, f = f"block.{block}.attention", f"block.{block}.feed_forward"
        if case["norm"] == "pre":
            x = x + attention(w, case, a, norm(w, f"{a}.norm", x))
            x = x + feed_forward(w, f, norm(w, f"{f}.norm", x))
        else:
            x = norm(w, f"{a}.norm", x + attention(w, case, a, x))
            x = norm(w, f"{f}.norm", x + feed_forward(w, f, x))
    return norm(w, "norm", x) if case["norm"] == "pre" else x


def compute():
    cases = []
    for case in CASES:
        w = make_weights(case)
        outputs, losses = [], []
        for sequence in SEQUENCES:
            code = codes(w, case, sequence["inputs"])
            scores = code @ w["song"].T
            targets = torch.tensor(sequence["targets"])
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
    sizes = {"about": "Written by sasrec.py, which says what each name means."}
    sizes |= {"embedding_size": D, "max_length": L, "songs": SONGS, "blocks": BLOCKS}
    return sizes | {"sequences": SEQUENCES, "cases": cases}


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
        print("\n".join(wrong) or "sasrec.json agrees")
        sys.exit(1 if wrong else 0)
    text = json.dumps(compute(), indent=1)
    # A list of numbers takes one line.
    rows = re.sub(r"\[\s+([^][{}]*?)\s+\]", lambda m: f"[{' '.join(m[1].split())}]", text)
    path.write_text(rows + "\n")


if __name__ == "__main__":
    main()
