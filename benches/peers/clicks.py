"""Click predictors of others on the same stream as `cargo run --release --example clicks`.

    python benches/peers/clicks.py RATINGS [PREDICTIONS_OF_OURS]

RATINGS is MovieLens' u.data. A rating of 4 or 5 is a click; by time, user, item; one pass; predict, then learn.
Needs `pip install vowpalwabbit river`; what is not installed is left out. With a file of our predictions (third
argument of the example) it adds the paired difference of the log losses, ours minus theirs, with a 95 % interval
over blocks of 500 examples that follow each other.
"""
import math
import sys
import time


def clicks(path):
    rows = []
    for line in open(path):
        user, item, rating, seconds = (int(x) for x in line.replace("::", "\t").split("\t"))
        rows.append((seconds, user, item, int(rating >= 4)))
    rows.sort()
    return [(user, item, label) for _, user, item, label in rows]


def auc(labels, scores):
    order = sorted(range(len(scores)), key=scores.__getitem__)
    below = wins = positives = at = 0
    while at < len(order):
        end = at
        while end < len(order) and scores[order[end]] == scores[order[at]]:
            end += 1
        p = sum(labels[i] for i in order[at:end])
        n = end - at - p
        wins += p * (below + n / 2)
        below += n
        positives += p
        at = end
    return wins / (positives * below)


def losses(labels, chances):
    cut = lambda p: min(max(p, 1e-6), 1 - 1e-6)
    return [-math.log(cut(p if y else 1 - p)) for y, p in zip(labels, chances)]


def vowpal_wabbit(rows):
    import vowpalwabbit

    lines = [f"{1 if y else -1} |u {u} |i {i}" for u, i, y in rows]
    vw = vowpalwabbit.Workspace("--loss_function logistic --link logistic --lrqfa ui8 -l 0.1 --l2 1e-6 -b 18 --quiet")
    chances = []
    begun = time.perf_counter()
    for line in lines:
        example = vw.parse(line)
        chances.append(vw.predict(example))
        vw.learn(example)
        vw.finish_example(example)
    return chances, time.perf_counter() - begun


def river(rows):
    from river import facto, optim

    model = facto.FMClassifier(
        n_factors=8, weight_optimizer=optim.AdaGrad(0.1), latent_optimizer=optim.AdaGrad(0.1),
        latent_initializer=optim.initializers.Normal(mu=0, sigma=0.1, seed=1), seed=1,
    )
    examples = [({f"u{u}": 1, f"i{i}": 1}, bool(y)) for u, i, y in rows]
    chances = []
    begun = time.perf_counter()
    for x, y in examples:
        chances.append(model.predict_proba_one(x).get(True, 0.5))
        model.learn_one(x, y)
    return chances, time.perf_counter() - begun


def main():
    rows = clicks(sys.argv[1])
    labels = [y for _, _, y in rows]
    ours = None
    if len(sys.argv) > 2:
        lines = [line.split() for line in open(sys.argv[2])]
        assert [int(y) for y, _ in lines] == labels, "predictions of another stream"
        ours = losses(labels, [float(p) for _, p in lines])
        print(f"ours: log loss {sum(ours) / len(ours):.4f}")
    for name, peer in (("Vowpal Wabbit", vowpal_wabbit), ("River", river)):
        try:
            chances, seconds = peer(rows)
        except ImportError as missing:
            print(f"{name}: left out, {missing}")
            continue
        theirs = losses(labels, chances)
        text = f"{name}: log loss {sum(theirs) / len(theirs):.4f}, auc {auc(labels, chances):.4f}, "
        text += f"{len(rows) / seconds / 1e6:.3f} M events/s through Python"
        if ours:
            blocks = [sum(ours[b:b + 500]) - sum(theirs[b:b + 500]) for b in range(0, len(ours) - 499, 500)]
            mean = sum(blocks) / len(blocks)
            spread = math.sqrt(sum((x - mean) ** 2 for x in blocks) / (len(blocks) - 1) / len(blocks))
            text += f"; ours - theirs {mean / 500:+.4f} ± {1.96 * spread / 500:.4f}"
        print(text, flush=True)


main()
