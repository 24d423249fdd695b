"""Golden numbers for GMF and NeuMF, with and without what songs contain: logits, loss and every
gradient, in float64.

An implementation for reading, not for speed: one pair at a time, on PyTorch's own LSTMCell and
autograd. It shares no code with the Rust models; `neumf.json` beside it holds what this script
computed.

    python neumf.py            writes neumf.json (needs PyTorch only)
    python neumf.py --check    recomputes and compares; exits 1 where they disagree

For user u and song i (He et al. 2017, eqs. 8-12), with layers x <- relu(x W + b):

    gmf   = h . (p_u * q_i)
    mlp   = g . relu(... relu([m_u ; n_i] W_0 + b_0) ...)
    heard = t_u . c_i, or a . c_i for all users alike (as printed)
    logit = s (gmf + heard + mlp) + b,  s = 1/2 after training the parts apart, else 1

c_i is a code of song i's frames: of an LSTM its last state; of the CNN the mean over what two
convolutions over 4 frames in steps of 2 leave, each rectified. The loss is the mean binary
cross-entropy over the pairs. Weights are (in, out), those of the LSTM hold the gates i, f, g, o side
by side, and all are multiples of 1/1024 from a linear congruential generator, exact in float32.
"""

import json
import math
import re
import sys
from pathlib import Path

import torch
import torch.nn.functional as F

USERS, SONGS, FRAMES, COEFFICIENTS = 3, 4, 11, 2
PAIRS = [[0, 1, 1], [0, 3, 0], [2, 1, 0], [1, 0, 1], [2, 2, 1], [2, 3, 0]]  # user, song, label
CASES = [
    {"model": "gmf", "embedding_size": 3},
    {"model": "neumf", "embedding_size": 2, "layers": [8, 4, 2], "pretrained": 0},
    {"model": "neumf", "embedding_size": 3, "layers": [4, 5], "pretrained": 1},
    {"model": "neumf_cnn", "embedding_size": 2, "layers": [4], "content_size": 3, "paper": False},
    {"model": "neumf_lstm", "embedding_size": 2, "layers": [4], "content_size": 3, "paper": True},
]


def shapes(case):
    d = case["embedding_size"]
    sizes = {"user.gmf": (USERS, d), "song.gmf": (SONGS, d), "output.gmf": (d, 1)}
    sizes["output.bias"] = (1,)
    if case["model"] != "gmf":
        widths = [case["layers"][0]] + case["layers"]
        sizes |= {"user.mlp": (USERS, widths[0] // 2), "song.mlp": (SONGS, widths[0] // 2)}
        for layer, (inputs, outputs) in enumerate(zip(widths, widths[1:])):
            sizes |= {f"mlp.{layer}.weight": (inputs, outputs), f"mlp.{layer}.bias": (outputs,)}
        sizes["output.mlp"] = (widths[-1], 1)
    if "content_size" in case:
        c = case["content_size"]
        if case["paper"]:
            sizes["output.content"] = (c, 1)
        else:
            sizes["user.content"] = (USERS, c)
        if case["model"] == "neumf_cnn":
            for layer, inputs in enumerate([COEFFICIENTS, c]):
                sizes |= {f"cnn.{layer}.weight": (4 * inputs, c), f"cnn.{layer}.bias": (c,)}
        else:
            sizes |= {"lstm.input": (COEFFICIENTS, 4 * c), "lstm.state": (c, 4 * c)}
            sizes["lstm.bias"] = (4 * c,)
    return sizes


def numbers(state, shape):
    values = []
    for _ in range(math.prod(shape)):
        state = (state * 1664525 + 1013904223) % 2**32
        values.append((state // 2**16 % 1024 - 512) / 1024)
    return state, torch.tensor(values, dtype=torch.float64).reshape(shape)


def make_weights(case):
    state, weights = 1, {}
    for name, shape in sorted(shapes(case).items()):
        state, values = numbers(state, shape)
        weights[name] = values.requires_grad_()
    return weights


def code(w, case, frames):
    if case["model"] == "neumf_cnn":
        x = frames
        for layer in range(2):
            windows = [x[t : t + 4].reshape(-1) for t in range(0, len(x) - 3, 2)]
            x = [F.relu(v @ w[f"cnn.{layer}.weight"] + w[f"cnn.{layer}.bias"]) for v in windows]
            x = torch.stack(x)
        return x.mean(0)
    module = torch.nn.LSTMCell(COEFFICIENTS, case["content_size"], dtype=torch.float64)
    theirs = {
        "weight_ih": w["lstm.input"].T,
        "weight_hh": w["lstm.state"].T,
        "bias_ih": w["lstm.bias"],
        "bias_hh": torch.zeros_like(w["lstm.bias"]),
    }
    zeros = torch.zeros(case["content_size"], dtype=torch.float64)
    state = (zeros, zeros)
    for frame in frames:
        state = torch.func.functional_call(module, theirs, (frame, state))
    return state[0]


def logit(w, case, frames, user, song):
    total = (w["user.gmf"][user] * w["song.gmf"][song]) @ w["output.gmf"]
    if "content_size" in case:
        taste = w["output.content"][:, 0] if case["paper"] else w["user.content"][user]
        total = total + taste @ code(w, case, frames[song])
    if case["model"] != "gmf":
        x = torch.cat([w["user.mlp"][user], w["song.mlp"][song]])
        for layer in range(len(case["layers"])):
            x = F.relu(x @ w[f"mlp.{layer}.weight"] + w[f"mlp.{layer}.bias"])
        total = total + x @ w["output.mlp"]
    share = 0.5 if case.get("pretrained") else 1.0
    return (share * total + w["output.bias"])[0]


def compute():
    cases = []
    _, frames = numbers(7, (SONGS, FRAMES, COEFFICIENTS))
    for case in CASES:
        w = make_weights(case)
        logits = torch.stack([logit(w, case, frames, user, song) for user, song, _ in PAIRS])
        labels = torch.tensor([label for _, _, label in PAIRS], dtype=torch.float64)
        loss = F.binary_cross_entropy_with_logits(logits, labels)
        loss.backward()
        cases.append(
            case
            | {
                "weights": {name: value.tolist() for name, value in w.items()},
                "logits": logits.tolist(),
                "loss": loss.item(),
                "gradients": {name: value.grad.tolist() for name, value in w.items()},
            }
        )
    about = "Written by neumf.py, which says what each name means."
    return {"about": about, "pairs": PAIRS, "frames": frames.tolist(), "cases": cases}


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
        print("\n".join(wrong) or "neumf.json agrees")
        sys.exit(1 if wrong else 0)
    text = json.dumps(compute(), indent=1)
    # A list of numbers takes one line.
    rows = re.sub(r"\[\s+([^][{}]*?)\s+\]", lambda m: f"[{' '.join(m[1].split())}]", text)
    path.write_text(rows + "\n")


if __name__ == "__main__":
    main()
