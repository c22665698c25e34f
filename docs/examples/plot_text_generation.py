"""
Text generation with the sequence loss
======================================

A linear model that predicts the next two characters of a text from hashed n-grams of those before. It is fitted by cross
entropy at each step, under :class:`~sklearn_gd.losses.SequenceLoss`, compared with trigram counts in bits per character on
held-out texts, and writes a text of its own.
"""

# %%
# A text that is at hand: what the functions of NumPy say about themselves, 500 characters of each. A docstring that several
# functions share is taken once. Every fifth text is held out, and rare characters become spaces.
import inspect
from collections import Counter

import numpy as np

functions = [
    getattr(np, name) for name in sorted(dir(np)) if inspect.isroutine(getattr(np, name))
]
docs = list(
    dict.fromkeys(inspect.getdoc(function) for function in functions if function.__doc__)
)
texts = [" ".join(doc.lower().split())[:500] for doc in docs]
train, test = [text for number, text in enumerate(texts) if number % 5], texts[::5]
characters = sorted(char for char, _ in Counter("".join(train)).most_common(40))
train, test = (
    ["".join(char if char in characters else " " for char in text) for text in part]
    for part in (train, test)
)
print(
    f"{len(texts)} texts, {sum(map(len, train))} characters to fit, {sum(map(len, test))} held out"
)

# %%
# Features and targets
# --------------------
# Each place of each text is a sample. Its features are the one to six characters before it, each of these n-grams hashed to one
# of 4,096 columns. Its target is a sequence of two labels, the characters from there on; where the text ends, the rest is
# padding, which costs nothing.
from sklearn.feature_extraction import FeatureHasher

STEPS, ORDER, END = 2, 6, ""
hasher = FeatureHasher(2**12, input_type="string", alternate_sign=False)


def context(text, place):
    before = ("~" * ORDER + text[:place])[-ORDER:]
    return [before[-n:] for n in range(1, ORDER + 1)]


def samples(texts):
    X = hasher.transform(
        context(text, place) for text in texts for place in range(len(text))
    )
    y = np.array(
        [
            [*text[place : place + STEPS], END][:STEPS]
            for text in texts
            for place in range(len(text))
        ]
    )
    return X, y


X_train, y_train = samples(train)
X_test, y_test = samples(test)
print(
    "features",
    X_train.shape,
    "targets",
    y_train.shape,
    "the last two:",
    y_train[-2:].tolist(),
)

# %%
# The fit
# -------
# A softmax over the 40 characters for each of the two steps. The fit ends when the objective has come down to 1.2 nats, to keep
# this page short: more iterations would lower the held-out loss a little further.
from sklearn_gd import EarlyStopping, GDClassifier
from sklearn_gd.losses import SequenceLoss

enough = EarlyStopping(validation_fraction=None, threshold=1.2)
model = GDClassifier(
    SequenceLoss(padding=END), alpha=1e-6, solver="lbfgs", early_stopping=enough
).fit(X_train, y_train)
print(f"{model.n_iter_} iterations: {model.stop_reason_}")
print(f"held-out accuracy over both characters: {model.score(X_test, y_test):.3f}")

# %%
# Bits per character
# ------------------
# The rival are counts of three characters in a row, smoothed by the counts of two and of one. How much they are smoothed is
# chosen in its favour, on the held-out texts. A bit is the binary logarithm of one over the probability that the true character
# got: the fewer, the better.


def codes(text):
    return np.array([len(characters)] * 2 + [characters.index(char) for char in text])


def trigram_bits(strength):
    k = len(characters)
    counts = np.zeros((k + 1, k + 1, k))
    for text in train:
        code = codes(text)
        np.add.at(counts, (code[:-2], code[1:-1], code[2:]), 1.0)
    one = (counts.sum(axis=(0, 1)) + 1.0) / (counts.sum() + k)
    two = counts.sum(axis=0) + strength * one
    three = counts + strength * two / two.sum(axis=1, keepdims=True)
    proba = three / three.sum(axis=2, keepdims=True)
    return np.concatenate(
        [-np.log2(proba[code[:-2], code[1:-1], code[2:]]) for code in map(codes, test)]
    )


bits = -model.predict_log_proba(X_test)[:, 0] / np.log(2.0)
bits = bits[np.arange(len(bits)), np.searchsorted(model.classes_, y_test[:, 0])]
rival = min((trigram_bits(strength) for strength in (1.0, 3.0, 10.0, 30.0)), key=np.mean)
print(
    f"held-out bits per character: {bits.mean():.3f} by the sequence loss, {rival.mean():.3f} by trigram counts"
)

# %%
# Along a held-out text: the first letters of a word cost most, and what follows is soon clear.
import matplotlib.pyplot as plt

text, start = test[1][:68], len(test[0])
figure, ax = plt.subplots(figsize=(9, 3.0), layout="constrained")
places = np.arange(len(text))
ax.bar(places, bits[start : start + len(text)], color="#0072B2", label="sequence loss")
ax.step(
    places,
    rival[start : start + len(text)],
    where="mid",
    color="#E69F00",
    label="trigram counts",
)
ax.set_xticks(places, list(text), family="monospace")
ax.set(
    ylabel="bits of the true character", xlabel="a held-out text", xlim=(-1, len(places))
)
_ = ax.legend(fontsize="small")

# %%
# Sampling
# --------
# Draw the next character from the probabilities, append it, and repeat. A low temperature sharpens the probabilities: the text
# is more correct, and repeats itself.


def write(start, length, temperature, seed=0):
    rng, text = np.random.RandomState(seed), start
    while len(text) < length:
        raw = (
            model.decision_function(hasher.transform([context(text, len(text))]))[0, 0]
            / temperature
        )
        p = np.exp(raw - raw.max())
        text += rng.choice(model.classes_, p=p / p.sum())
    return text


for temperature in (0.3, 0.6, 1.0):
    print(f"temperature {temperature}: {write('return the ', 120, temperature)}")
