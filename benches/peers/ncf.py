"""The textbook network of neural collaborative filtering in PyTorch and Keras, in turns with ours.

    KERAS_BACKEND=torch python benches/peers/ncf.py COMMAND ...

COMMAND runs our side once and ends in `once`: `cargo bench -q --bench ncf -- once`. 50 + 50 -> 100 ReLU -> 1 over a
thousand users and items; embeddings uniform within 0.05, layers Glorot's; Adam, learning rate .001; in batches of 64
in the order of the file, two epochs. One sample at a time is measured over the first 4,000 (PyTorch only). One core
each. Needs `pip install torch keras`; what is not installed is left out. Prints medians of five turns.
"""
import os

for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

import statistics
import subprocess
import sys
import tempfile
import time

TURNS, EPOCHS, BATCH, RATE, SINGLES = 5, 2, 64, 1e-3, 4000


def samples(path):
    rows = [[int(x) for x in line.split(",")] for line in open(path).read().split()[1:]]
    return [list(column) for column in zip(*rows)]


def pytorch_model():
    import torch
    from torch import nn

    torch.set_num_threads(1)

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.user, self.item = nn.Embedding(1000, 50), nn.Embedding(1000, 50)
            self.hidden, self.out = nn.Linear(100, 100), nn.Linear(100, 1)
            for rows in (self.user, self.item):
                nn.init.uniform_(rows.weight, -0.05, 0.05)
            for layer in (self.hidden, self.out):
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.bias)

        def forward(self, user, item):
            both = torch.cat([self.user(user), self.item(item)], 1)
            return self.out(torch.relu(self.hidden(both))).squeeze(1)

    network = Network()
    return network, torch.optim.Adam(network.parameters(), lr=RATE, fused=True)


def pytorch(training, validation, seed, batch=BATCH, epochs=EPOCHS, count=None):
    import torch

    torch.manual_seed(seed)
    network, adam = pytorch_model()
    loss = torch.nn.BCEWithLogitsLoss()
    tensors = lambda t: (torch.tensor(t[0]), torch.tensor(t[1]), torch.tensor(t[2], dtype=torch.float32))
    user, item, label = (t[:count] for t in tensors(training))
    begun = time.perf_counter()
    for _ in range(epochs):
        for at in range(0, len(label), batch):
            adam.zero_grad(set_to_none=True)
            loss(network(user[at:at + batch], item[at:at + batch]), label[at:at + batch]).backward()
            adam.step()
    seconds = time.perf_counter() - begun
    user, item, target = tensors(validation)
    with torch.no_grad():
        return epochs * len(label) / seconds, loss(network(user, item), target).item()


def keras_(training, validation, seed):
    import keras
    import numpy as np

    keras.utils.set_random_seed(seed)
    user, item = keras.Input((1,), dtype="int32"), keras.Input((1,), dtype="int32")
    vector = lambda x: keras.layers.Flatten()(
        keras.layers.Embedding(1000, 50, embeddings_initializer=keras.initializers.RandomUniform(-0.05, 0.05))(x)
    )
    hidden = keras.layers.Dense(100, activation="relu")(keras.layers.Concatenate()([vector(user), vector(item)]))
    model = keras.Model([user, item], keras.layers.Dense(1, activation="sigmoid")(hidden))
    model.compile(optimizer=keras.optimizers.Adam(RATE), loss="binary_crossentropy")
    arrays = lambda t: ([np.array(t[0])[:, None], np.array(t[1])[:, None]], np.array(t[2], dtype="float32"))
    (x, y), (x_validation, y_validation) = arrays(training), arrays(validation)
    # The first batches build the graph, and are not counted.
    model.fit([a[:BATCH] for a in x], y[:BATCH], batch_size=BATCH, verbose=0)
    begun = time.perf_counter()
    model.fit(x, y, batch_size=BATCH, epochs=EPOCHS, shuffle=False, verbose=0)
    seconds = time.perf_counter() - begun
    return EPOCHS * len(y) / seconds, float(model.evaluate(x_validation, y_validation, batch_size=1000, verbose=0))


def main():
    command = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([*command[:-1], "data", folder], check=True, stdout=subprocess.DEVNULL)
        training, validation = (samples(f"{folder}/{name}.csv") for name in ("training", "validation"))
    found = {}
    for turn in range(TURNS):
        for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines():
            name, rate, loss = line.split()
            found.setdefault(f"ours, {name}", []).append((float(rate), float(loss)))
        peers = {
            "PyTorch, batch": lambda: pytorch(training, validation, 42 + turn),
            "PyTorch, single": lambda: pytorch(training, validation, 42 + turn, 1, 1, SINGLES),
            "Keras, batch": lambda: keras_(training, validation, 42 + turn),
        }
        for name, run in peers.items():
            try:
                found.setdefault(name, []).append(run())
            except ImportError as missing:
                print(f"{name}: left out, {missing}")
    for name, turns in found.items():
        rates, losses = zip(*turns)
        text = "" if name == "PyTorch, single" else f"  log loss {statistics.median(losses):.4f}"
        print(f"{name:<16} {statistics.median(rates):>9.0f} samples/s  ({min(rates):.0f} to {max(rates):.0f}){text}")
    for kind in ("batch", "single"):
        pairs = zip(found[f"ours, {kind}"], found.get(f"PyTorch, {kind}", []))
        ratios = [ours[0] / theirs[0] for ours, theirs in pairs]
        if ratios:
            print(f"ours / PyTorch, {kind}: {statistics.median(ratios):.2f}")


main()
