"""Golden numbers for HARM: every step of the forward pass and every gradient, in float64.

An implementation of the model for reading, not for speed: one example, one user and one song at a
time, straight from the equations, with PyTorch's autograd for the gradients. It shares no code
with the Rust model; `harm.json` beside it holds what this script computed.

    python harm.py            writes harm.json (needs PyTorch only)
    python harm.py --check    recomputes, compares with harm.json, and compares the gradients
                              with central differences; exits 1 where they disagree

The model, for a user with e_u = [user.0 ; user.1 ; ...] and a song with fields e_0 ... e_{F-1}
(a multi-valued field is the mean of its value embeddings):

    q    = relu(query.weight e_u + query.bias)                                    (D)
    a_j  = softmax_j(q . (e_j + field_key_j) / sqrt(D)),  r = sum_j a_j e_j       (F), (D)
    F_i  = r_i + position_i                 for the listened songs, right-aligned in L places
    Q    = relu(F self.q.weight^T + self.q.bias), K likewise                      (L, D)
    A    = softmax over the places that hold a song of Q K^T / sqrt(D)            (L, L)
    O    = A F (+ F where `residual`); rows without a song are zero               (L, D)
    u    = output.weight [O_1 ; ... ; O_L]                                        (D)
    s_v  = u . r_v, where r_v is song v as the same user sees it

Cases: variant `paper` has neither field_key nor residual, variant `default` has both. Attention
`user` is the above; `constant` has q = relu(query.bias) for every user and no user tables;
`mean` has a_j = 1/F, and neither q nor field_key.

Losses, each the mean over the examples (t = target, k runs over the example's negatives,
n over the negatives shared by the batch, q = probabilities of the noise distribution):

    negative         -log sigmoid(s_t) - sum_k log sigmoid(-s_k)
    softmax          -log softmax(s)_t over all songs
    sampled_softmax  cross-entropy of t among {t} and the shared negatives, on s - log q; a shared
                     negative equal to t is left out. log(expected count) = log(m q) would add the
                     same log m to every logit, which the softmax does not see.

Rows of tables: row 0 of `field.0` is the unknown song and song i is row i + 1; row 0 of `user.0` is
the unknown user and user i is row i + 1; row 0 of every other table is the missing value, which is
trained like any other. An unknown user has row 0 in every table. Linear weights are (out, in).

Weights are multiples of 1/1024 from a linear congruential generator, exact in float32 as well.
"""

import json
import math
import sys
from pathlib import Path

import torch

D, L = 4, 4

# Codes per song: field 1 (artist) has one code, field 2 (tags) a list of codes; 0 is missing.
SONG_CODES = [
    {"artist": 1, "tags": [1, 3]},
    {"artist": 1, "tags": [2]},
    {"artist": 2, "tags": [1, 2, 4]},
    {"artist": 0, "tags": [3, 4]},  # artist missing
    {"artist": 3, "tags": [0]},  # tags missing
    {"artist": 2, "tags": [4]},
]
# Codes per user: age bucket, country; 0 is missing.
USER_CODES = [{"age": 1, "country": 2}, {"age": 2, "country": 0}, {"age": 1, "country": 1}]

EXAMPLES = [
    # A full sequence in which a song comes twice.
    {"user": 0, "sequence": [2, 0, 2, 5], "target": 1, "negatives": [0, 3, 4]},
    # Two places of padding, then songs with a missing artist and missing tags.
    {"user": 1, "sequence": [3, 4], "target": 5, "negatives": [2, 2, 1]},
    # An unknown user who listened to one song; the next is the same song again.
    {"user": None, "sequence": [1], "target": 1, "negatives": [0, 5, 3]},
    # The target is the song with the missing artist, and is among the shared negatives.
    {"user": 2, "sequence": [5, 5, 0], "target": 3, "negatives": [4, 1, 0]},
]
SHARED_NEGATIVES = [0, 3, 2, 0, 5]
PLAY_COUNTS = [9, 7, 5, 3, 2, 1]
ALPHA = 0.75  # the noise distribution is proportional to PLAY_COUNTS ** ALPHA

SIZES = {
    "field.0": (len(SONG_CODES) + 1, D),
    "field.1": (4, D),
    "field.2": (5, D),
    "user.0": (len(USER_CODES) + 1, D),
    "user.1": (3, D),
    "user.2": (3, D),
    "query.weight": (D, 3 * D),
    "query.bias": (D,),
    "field_key": (3, D),
    "position": (L, D),
    "self.q.weight": (D, D),
    "self.q.bias": (L, D),
    "self.k.weight": (D, D),
    "self.k.bias": (L, D),
    "output.weight": (D, L * D),
}
CASES = [
    {"variant": variant, "attention": attention}
    for variant in ("paper", "default")
    for attention in ("user", "constant", "mean")
]


def make_weights():
    """All weights, in the order of SIZES: multiples of 1/1024 in [-0.75, 0.75).

    The query's bias is shifted by a half, so that most of q is above zero.
    """
    state = 20240229
    weights = {}
    for name, shape in SIZES.items():
        values = []
        for _ in range(math.prod(shape)):
            state = (1103515245 * state + 12345) % 2**31
            values.append(((state >> 8) % 1536 - 768) / 1024)
        weights[name] = torch.tensor(values, dtype=torch.float64).reshape(shape)
    weights["query.bias"] += 0.5
    return weights


def weights_of(case):
    """The names of the weights that a case has."""
    names = set(SIZES)
    if case["variant"] == "paper" or case["attention"] == "mean":
        names.discard("field_key")
    if case["attention"] != "user":
        names -= {"user.0", "user.1", "user.2", "query.weight"}
    if case["attention"] == "mean":
        names.discard("query.bias")
    return [name for name in SIZES if name in names]


def query(w, case, user):
    """The query q (D) of a user's index, None for an unknown user; None where there is none."""
    if case["attention"] == "mean":
        return None
    if case["attention"] == "constant":
        return torch.relu(w["query.bias"])
    codes = {"age": 0, "country": 0} if user is None else USER_CODES[user]
    row = 0 if user is None else user + 1
    e_u = torch.cat([w["user.0"][row], w["user.1"][codes["age"]], w["user.2"][codes["country"]]])
    return torch.relu(w["query.weight"] @ e_u + w["query.bias"])


def encode(w, case, q, song):
    """A song as the user with query q sees it: field attention (F) and song code r (D)."""
    codes = SONG_CODES[song]
    tags = torch.stack([w["field.2"][code] for code in codes["tags"]]).mean(0)
    fields = [w["field.0"][song + 1], w["field.1"][codes["artist"]], tags]
    if q is None:
        attention = torch.full((len(fields),), 1 / len(fields), dtype=torch.float64)
    else:
        logits = []
        for j, field in enumerate(fields):
            key = field + w["field_key"][j] if "field_key" in w else field
            logits.append(q @ key / math.sqrt(D))
        attention = torch.softmax(torch.stack(logits), 0)
    return attention, sum(a * e for a, e in zip(attention, fields))


def self_attention(w, case, codes):
    """Weights A (L, L) and output O (L, D) for the song codes of a sequence, oldest first."""
    zero = torch.zeros(D, dtype=torch.float64)
    start = L - len(codes)
    places = range(start, L)
    f = {i: code + w["position"][i] for i, code in zip(places, codes)}
    q = {i: torch.relu(w["self.q.weight"] @ f[i] + w["self.q.bias"][i]) for i in places}
    k = {i: torch.relu(w["self.k.weight"] @ f[i] + w["self.k.bias"][i]) for i in places}
    attention, output = [], []
    for i in range(L):
        if i < start:
            attention.append(torch.zeros(L, dtype=torch.float64))
            output.append(zero)
            continue
        logits = torch.stack([q[i] @ k[j] / math.sqrt(D) for j in places])
        row = torch.softmax(logits, 0)
        o = sum(a * f[j] for a, j in zip(row, places))
        output.append(o + f[i] if case["variant"] == "default" else o)
        attention.append(torch.cat([torch.zeros(start, dtype=torch.float64), row]))
    return torch.stack(attention), torch.stack(output)


def forward(w, case, example):
    """Everything the model computes for one example, scores (V) of all songs included."""
    q = query(w, case, example["user"])
    seen = [encode(w, case, q, song) for song in range(len(SONG_CODES))]
    attention, output = self_attention(w, case, [seen[song][1] for song in example["sequence"]])
    u = w["output.weight"] @ output.reshape(-1)
    return {
        "q": q,
        "field_attention": torch.stack([a for a, _ in seen]),  # (V, F)
        "r": torch.stack([r for _, r in seen]),  # (V, D)
        "A": attention,  # (L, L)
        "O": output,  # (L, D)
        "u": u,  # (D)
        "scores": torch.stack([u @ r for _, r in seen]),  # (V)
    }


def noise():
    """The probabilities (V) that negatives are drawn with."""
    weights = [count**ALPHA for count in PLAY_COUNTS]
    return [weight / sum(weights) for weight in weights]


def losses(outputs):
    """The three losses of a batch, from the outputs of `forward` for each example."""
    log_sigmoid = torch.nn.functional.logsigmoid
    log_q = torch.tensor(noise(), dtype=torch.float64).log()
    totals = {"negative": [], "softmax": [], "sampled_softmax": []}
    for example, output in zip(EXAMPLES, outputs):
        s, t = output["scores"], example["target"]
        negative = -log_sigmoid(s[t]) - sum(log_sigmoid(-s[k]) for k in example["negatives"])
        totals["negative"].append(negative)
        totals["softmax"].append(torch.logsumexp(s, 0) - s[t])
        corrected = s - log_q
        drawn = [t] + [n for n in SHARED_NEGATIVES if n != t]
        candidates = torch.stack([corrected[n] for n in drawn])
        totals["sampled_softmax"].append(torch.logsumexp(candidates, 0) - corrected[t])
    return {name: torch.stack(values).mean() for name, values in totals.items()}


def run(case, weights):
    """One case: outputs of every example, and every loss with its gradients."""
    w = {name: weights[name].clone().requires_grad_() for name in weights_of(case)}
    outputs = [forward(w, case, example) for example in EXAMPLES]
    results = {}
    for name, loss in losses(outputs).items():
        grads = torch.autograd.grad(loss, list(w.values()), retain_graph=True)
        results[name] = {"value": loss, "gradients": dict(zip(w, grads))}
    return {**case, "outputs": outputs, "losses": results}


def plain(value):
    """Tensors as nested lists of numbers with 12 significant digits."""
    if isinstance(value, torch.Tensor):
        return plain(value.detach().tolist())
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return float(f"{value:.12g}") if isinstance(value, float) else value


def compute():
    """The whole content of harm.json."""
    weights = make_weights()
    return plain({
        "about": "Written by harm.py, which says what each name means.",
        "embedding_size": D,
        "max_length": L,
        "songs": SONG_CODES,
        "users": USER_CODES,
        "examples": EXAMPLES,
        "shared_negatives": SHARED_NEGATIVES,
        "play_counts": PLAY_COUNTS,
        "alpha": ALPHA,
        "noise": noise(),
        "weights": weights,
        "cases": [run(case, weights) for case in CASES],
    })


def dump(value, depth=0):
    """JSON with one line per array or small object, so that differences can be read."""
    pad = " " * depth
    flat = json.dumps(value)
    if not isinstance(value, dict) or depth > 0 and len(flat) < 100:
        if isinstance(value, list) and value and isinstance(value[0], dict):
            rows = ",\n".join(f"{pad} {dump(item, depth + 1)}" for item in value)
            return f"[\n{rows}\n{pad}]"
        return flat
    rows = ",\n".join(f"{pad} {json.dumps(k)}: {dump(v, depth + 1)}" for k, v in value.items())
    return f"{{\n{rows}\n{pad}}}"


def differences(a, b, path=""):
    """Paths at which two JSON values differ by more than rounding."""
    if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        return [d for key in a for d in differences(a[key], b[key], f"{path}/{key}")]
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        return [d for i in range(len(a)) for d in differences(a[i], b[i], f"{path}/{i}")]
    if isinstance(a, float) and isinstance(b, float):
        return [] if abs(a - b) <= 1e-10 * max(1, abs(a)) else [f"{path}: {a} and {b}"]
    return [] if a == b else [f"{path}: {a} and {b}"]


def check_gradients(step=1e-5):
    """Compares every gradient with a central difference; returns the disagreements."""
    weights, wrong = make_weights(), []
    for case in CASES:
        results = run(case, weights)["losses"]
        for name in weights_of(case):
            for i in range(weights[name].numel()):
                sides = []
                for sign in (1, -1):
                    moved = {key: value.clone() for key, value in weights.items()}
                    moved[name].view(-1)[i] += sign * step
                    w = {key: moved[key] for key in weights_of(case)}
                    with torch.no_grad():
                        sides.append(losses([forward(w, case, e) for e in EXAMPLES]))
                for loss, result in results.items():
                    slope = (sides[0][loss] - sides[1][loss]) / (2 * step)
                    exact = result["gradients"][name].view(-1)[i]
                    if abs(slope - exact) > 1e-7:
                        wrong.append(f"{case} {loss} {name}[{i}]: {exact} and {slope}")
    return wrong


def main():
    torch.set_num_threads(1)
    path = Path(__file__).with_suffix(".json")
    if sys.argv[1:] == ["--check"]:
        wrong = differences(json.loads(path.read_text()), json.loads(json.dumps(compute())))
        wrong += check_gradients()
        print("\n".join(wrong) or "harm.json and all gradients agree")
        sys.exit(1 if wrong else 0)
    path.write_text(dump(compute()) + "\n")


if __name__ == "__main__":
    main()
