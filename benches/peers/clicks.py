"""Click predictors of others on the same stream as `cargo run --release --example clicks`.

    python benches/peers/clicks.py RATINGS [--fw FW] [NAME=PREDICTIONS_OF_OURS ...]

RATINGS is MovieLens' u.data. A rating of 4 or 5 is a click; by time, user, item; one pass; predict, then learn.
Needs `pip install vowpalwabbit river numpy`, and for Fwumious Wabbit the path of its binary; what is not there is left
out. With files of our predictions (third argument of the example) it adds paired differences, ours minus theirs, with
95 % intervals: of log losses over blocks of 500 examples that follow each other, of AUCs by DeLong's method.
"""
import math
import os
import subprocess
import sys
import tempfile
import time

import numpy as np

# Each by its own loss on this very stream: the best of 17 here (plain, -q, --lrq, --lrqfa), 8 for River, and some 200
# drawn at random for Fwumious Wabbit.
VW = "--loss_function logistic --link logistic -l 1 -b 18 --quiet"
FW = (
    "--keep u --keep i --ffm_field u --ffm_field i --ffm_k 8 --adaptive --sgd --loss_function logistic --link logistic "
    "--hash all --l2 0.0 -b 18 --ffm_bit_precision 18 -l 0.39 --power_t 0.38 --init_acc_gradient 0.18 "
    "--ffm_learning_rate 0.2 --ffm_power_t 0.3 --ffm_init_acc_gradient 0.018"
)


def clicks(path):
    rows = []
    for line in open(path):
        user, item, rating, seconds = (int(x) for x in line.replace("::", "\t").split("\t"))
        rows.append((seconds, user, item, int(rating >= 4)))
    rows.sort()
    return [(user, item, label) for _, user, item, label in rows]


def halves(scores):
    """Ranks, ties in the middle."""
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (ends - (counts - 1) / 2)[inverse]


def placements(labels, scores):
    """Of every click the share of the others that it beats, and of those the share of clicks that beat them."""
    clicked, left = scores[labels], scores[~labels]
    ranks = halves(scores)
    return (ranks[labels] - halves(clicked)) / len(left), 1 - (ranks[~labels] - halves(left)) / len(clicked)


def auc_difference(labels, ours, theirs):
    """DeLong et al. 1988: the difference of two AUCs over the same examples, and half of its 95 % interval."""
    (a1, a0), (b1, b0) = placements(labels, ours), placements(labels, theirs)
    variance = np.var(a1 - b1, ddof=1) / len(a1) + np.var(a0 - b0, ddof=1) / len(a0)
    return a1.mean() - b1.mean(), 1.96 * math.sqrt(variance)


def losses(labels, chances):
    chances = np.clip(chances, 1e-6, 1 - 1e-6)
    return -np.log(np.where(labels, chances, 1 - chances))


def vowpal_wabbit(rows):
    import vowpalwabbit

    lines = [f"{1 if y else -1} |u {u} |i {i}" for u, i, y in rows]
    vw = vowpalwabbit.Workspace(VW)
    chances = []
    begun = time.perf_counter()
    for line in lines:
        example = vw.parse(line)
        chances.append(vw.predict(example))
        vw.learn(example)
        vw.finish_example(example)
    return chances, time.perf_counter() - begun


def river(rows):
    from river import linear_model, optim

    model = linear_model.LogisticRegression(optim.AdaGrad(0.5))
    examples = [({f"u{u}": 1, f"i{i}": 1}, bool(y)) for u, i, y in rows]
    chances = []
    begun = time.perf_counter()
    for x, y in examples:
        chances.append(model.predict_proba_one(x).get(True, 0.5))
        model.learn_one(x, y)
    return chances, time.perf_counter() - begun


def fwumious_wabbit(rows, binary, settings=FW, turns=5):
    """Its command line, from its text file to its predictions; the fastest of some runs."""
    with tempfile.TemporaryDirectory() as folder:
        data, predictions = os.path.join(folder, "clicks.vw"), os.path.join(folder, "predictions")
        with open(os.path.join(folder, "vw_namespace_map.csv"), "w") as names:
            names.write("u,user\ni,item\n")
        with open(data, "w") as lines:
            lines.writelines(f"{1 if y else -1} |u {u} |i {i}\n" for u, i, y in rows)
        seconds = math.inf
        for _ in range(turns):
            begun = time.perf_counter()
            subprocess.run([binary, *settings.split(), "--data", data, "-p", predictions], check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            seconds = min(seconds, time.perf_counter() - begun)
        return [float(line.split()[0]) for line in open(predictions)], seconds


def auc(labels, chances):
    return placements(labels, np.asarray(chances))[0].mean()


def main():
    path, *rest = sys.argv[1:]
    rows = clicks(path)
    labels = np.array([bool(y) for _, _, y in rows])
    peers = {"Vowpal Wabbit": vowpal_wabbit, "River": river}
    if rest[:1] == ["--fw"]:
        binary, rest = rest[1], rest[2:]
        peers = {"Fwumious Wabbit": lambda rows: fwumious_wabbit(rows, binary), **peers}
    ours = {}
    for argument in rest:
        name, _, file = argument.rpartition("=")
        table = np.loadtxt(file)
        assert (table[:, 0] == labels).all(), "predictions of another stream"
        ours[name or "ours"] = table[:, 1]
        print(f"{name or 'ours'}: log loss {losses(labels, table[:, 1]).mean():.4f}, auc {auc(labels, table[:, 1]):.4f}")
    for name, peer in peers.items():
        try:
            chances, seconds = peer(rows)
        except ImportError as missing:
            print(f"{name}: left out, {missing}")
            continue
        theirs = losses(labels, chances)
        print(f"{name}: log loss {theirs.mean():.4f}, auc {auc(labels, chances):.4f}, {len(rows) / seconds / 1e6:.3f} M events/s")
        for which, mine in ours.items():
            difference = losses(labels, mine) - theirs
            blocks = difference[:len(difference) // 500 * 500].reshape(-1, 500).mean(axis=1)
            half = 1.96 * blocks.std(ddof=1) / math.sqrt(len(blocks))
            of_auc, half_of_auc = auc_difference(labels, mine, np.asarray(chances))
            print(f"  {which} - {name}: log loss {blocks.mean():+.4f} ± {half:.4f}, auc {of_auc:+.4f} ± {half_of_auc:.4f}", flush=True)


if __name__ == "__main__":
    main()
