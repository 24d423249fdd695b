"""Golden numbers for the ranking metrics, from two other implementations.

Random scores without ties and random right answers, ranked by numpy; the metrics are those of ranx
and, where it has them, of RecBole's own functions. The Rust test feeds the same scores to Segue.

    pip install ranx numpy
    pip install --no-deps recbole==1.2.1
    python metrics.py            writes metrics.json
    python metrics.py --check    recomputes and compares; exits 1 where they disagree

Which is which:

    recall, hit_rate, precision, mrr, ndcg at k, mrr     ranx and RecBole, which agree
    map at k                                             RecBole, which divides by min(answers, k)
    map over the whole ranking                           ranx
    auc                                                  RecBole's GAUC, case by case
    coverage, gini, mean_popularity at k                 RecBole

RecBole's metric functions need nothing of the package but one enumeration, so its files are loaded
alone, with names that NumPy dropped put back, and what they import and do not use left empty.
"""

import importlib.util
import json
import sys
import types
from pathlib import Path

import numpy as np
from ranx import Qrels, Run, evaluate

CASES, SONGS, LENGTHS = 40, 60, [1, 3, 10, 25]
PLACE = Path(__file__).with_name("metrics.json")


def recbole():
    """RecBole's metric functions."""
    for name, kind in {"bool": bool, "float": float, "int": int}.items():
        if name not in np.__dict__:
            setattr(np, name, kind)

    def empty(name, **names):
        module = types.ModuleType(name)
        module.__dict__.update(names)
        sys.modules[name] = module
        return module

    kinds = types.SimpleNamespace(RANKING=1, VALUE=2)
    empty("torch")
    empty("recbole")
    empty("recbole.utils", EvaluatorType=kinds)
    unused = dict.fromkeys(["auc", "mean_absolute_error", "mean_squared_error"])
    empty("sklearn")
    empty("sklearn.metrics", **unused)
    folder = Path(importlib.util.find_spec("ranx").origin).parents[1] / "recbole" / "evaluator"
    empty("recbole.evaluator").__path__ = [str(folder)]
    for name in ["utils", "base_metric", "metrics"]:
        full = f"recbole.evaluator.{name}"
        if name == "utils":
            empty(full, _binary_clf_curve=None)
            continue
        spec = importlib.util.spec_from_file_location(full, folder / f"{name}.py")
        sys.modules[full] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[full])
    return sys.modules["recbole.evaluator.metrics"]


def data():
    rng = np.random.default_rng(7)
    # Multiples of 1/1024, all different, and exact in float32.
    scores = np.stack([rng.permutation(SONGS) for _ in range(CASES)]) / 1024.0
    counts = rng.integers(1, 13, CASES)
    counts[:10] = 1
    right = [sorted(rng.choice(SONGS, count, replace=False).tolist()) for count in counts]
    plays = rng.integers(1, 400, SONGS)
    return scores, right, plays


def by_ranx(scores, right):
    label = lambda case: f"c{case}"
    qrels = Qrels({label(c): {str(s): 1 for s in songs} for c, songs in enumerate(right)})
    run = Run(
        {label(c): {str(s): float(v) for s, v in enumerate(row)} for c, row in enumerate(scores)}
    )
    names = {f"{ours}@{k}": f"{theirs}@{k}" for k in LENGTHS for ours, theirs in [
        ("recall", "recall"), ("hit_rate", "hit_rate"), ("precision", "precision"),
        ("mrr", "mrr"), ("ndcg", "ndcg"),
    ]}
    names |= {"mrr": "mrr", "map": "map"}
    found = evaluate(qrels, run, sorted(set(names.values())), return_mean=False)
    order = list(run.keys())
    place = {case: order.index(label(case)) for case in range(CASES)}
    return {
        ours: [float(found[theirs][place[case]]) for case in range(CASES)]
        for ours, theirs in names.items()
    }


def by_recbole(scores, right, plays):
    metrics = recbole()
    config = {"topk": LENGTHS, "metric_decimal_place": 15, "tail_ratio": 0.1}
    order = np.argsort(-scores, axis=1)
    hits = np.array([np.isin(order[c], right[c]) for c in range(CASES)])
    counts = np.array([len(songs) for songs in right])
    top = hits[:, : max(LENGTHS)]
    found = {}
    with_counts = {"recall": metrics.Recall, "ndcg": metrics.NDCG, "map": metrics.MAP}
    alone = {"hit_rate": metrics.Hit, "mrr": metrics.MRR, "precision": metrics.Precision}
    for name, metric in with_counts.items():
        values = metric(config).metric_info(top, counts)
        found |= {f"{name}@{k}": values[:, k - 1].tolist() for k in LENGTHS}
    for name, metric in alone.items():
        values = metric(config).metric_info(top).astype(float)
        found |= {f"{name}@{k}": values[:, k - 1].tolist() for k in LENGTHS}
    ranks = [np.flatnonzero(hits[c]) + 1 for c in range(CASES)]
    one = lambda value: np.array([value])
    auc = metrics.GAUC(config)
    found["auc"] = [
        float(auc.metric_info(one([ranks[c].sum()]), one(SONGS), one(counts[c])))
        for c in range(CASES)
    ]
    lists = {}
    popularity = metrics.AveragePopularity(config)
    of_plays = popularity.get_pop(order[:, : max(LENGTHS)], dict(enumerate(plays)))
    of_plays = popularity.metric_info(of_plays)
    for k in LENGTHS:
        items = order[:, :k]
        lists[f"coverage@{k}"] = metrics.ItemCoverage(config).get_coverage(items, SONGS)
        lists[f"gini@{k}"] = float(metrics.GiniIndex(config).get_gini(items, SONGS))
        lists[f"mean_popularity@{k}"] = float(of_plays[:, k - 1].mean())
    return found, lists


def compute():
    scores, right, plays = data()
    ranx, (found, lists) = by_ranx(scores, right), by_recbole(scores, right, plays)
    for name in set(ranx) & set(found):
        gap = np.abs(np.array(ranx[name]) - np.array(found[name])).max()
        assert gap < 1e-12, f"{name}: ranx and RecBole differ by {gap}"
    return {
        "scores": (scores * 1024).astype(int).tolist(),
        "right": right,
        "plays": plays.tolist(),
        "cases": dict(sorted((found | ranx).items())),
        "lists": dict(sorted(lists.items())),
    }


def main():
    golden = compute()
    if "--check" not in sys.argv:
        PLACE.write_text(json.dumps(golden) + "\n")
        return
    stored = json.loads(PLACE.read_text())
    for part in ["cases", "lists"]:
        for name, values in golden[part].items():
            gap = np.abs(np.array(values) - np.array(stored[part][name])).max()
            assert gap < 1e-12, f"{name}: {gap}"
    assert all(stored[name] == golden[name] for name in ["scores", "right", "plays"])


if __name__ == "__main__":
    main()
