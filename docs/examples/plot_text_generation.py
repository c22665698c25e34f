"""Text generation by the sequence loss: the next two characters, from hashed n-grams of those before them.

Held-out bits per character are compared with those of a trigram count model, whose smoothing is chosen on the held-out text
itself.
"""

import inspect
from collections import Counter

import numpy as np
from sklearn.feature_extraction import FeatureHasher

from sklearn_gd import EarlyStopping, GDClassifier
from sklearn_gd.losses import SequenceLoss

STEPS, ORDER, END = 2, 6, ""

# 1. A text that is at hand: what NumPy's functions say about themselves. Every fifth of them is held out.
names = sorted(name for name in dir(np) if inspect.isroutine(getattr(np, name)) and getattr(np, name).__doc__)
documents = [" ".join(inspect.getdoc(getattr(np, name)).split("\n\n")[0].lower().split()) for name in names]
documents += [" ".join(inspect.getdoc(getattr(np, name)).lower().split())[:600] for name in names]
train = [text for i, text in enumerate(documents) if i % len(names) % 5]
test = [text for i, text in enumerate(documents) if i % len(names) % 5 == 0]
characters = [char for char, _ in Counter("".join(train)).most_common(40)]
known = set(characters)
train, test = (["".join(char if char in known else " " for char in text) for text in part] for part in (train, test))

# 2. Features: the n-grams that end before a place. Targets: the characters from there on, padded where the text ends.
hasher = FeatureHasher(2**12, input_type="string", alternate_sign=False)


def context(text, place):
    before = ("~" * ORDER + text[:place])[-ORDER:]
    return [before[-n:] for n in range(1, ORDER + 1)]


def table(texts):
    places = [(text, place) for text in texts for place in range(len(text))]
    X = hasher.transform(context(text, place) for text, place in places)
    y = np.array([[*text[place : place + STEPS], END][:STEPS] for text, place in places])
    return X, y


X, y = table(train)
X_test, y_test = table(test)

# 3. Cross entropy at each step; padding costs nothing. The fit ends at 1.2 nats a character.
enough = EarlyStopping(validation_fraction=None, threshold=1.2)
model = GDClassifier(SequenceLoss(padding=END), alpha=1e-6, solver="lbfgs", early_stopping=enough).fit(X, y)
print(f"{model.n_iter_} iterations: {model.stop_reason_}")


def bits(proba, truth):
    """Return the mean of -log2 of the probability of the true character."""
    codes = np.searchsorted(model.classes_, truth)
    return -np.log2(proba[np.arange(len(codes)), codes]).mean()


ours = bits(model.predict_proba(X_test)[:, 0], y_test[:, 0])


# 4. The rival: counts of three characters, smoothed by those of two and of one.
def trigrams(texts, strength):
    k, number = len(characters), {char: i for i, char in enumerate(model.classes_)}
    counts = np.zeros((k + 1, k + 1, k))
    for text in texts:
        codes = [k, k, *(number[char] for char in text)]
        for a, b, c in zip(codes, codes[1:], codes[2:], strict=False):
            counts[a, b, c] += 1
    one = (counts.sum(axis=(0, 1)) + 1) / (counts.sum() + k)
    two = counts.sum(axis=0) + strength * one
    two /= two.sum(axis=1, keepdims=True)
    three = counts + strength * two
    return three / three.sum(axis=2, keepdims=True), number


def trigram_bits(strength):
    proba, number = trigrams(train, strength)
    k = len(characters)
    rows = [[k, k, *(number[char] for char in text)] for text in test]
    return np.mean([-np.log2(proba[a, b, c]) for row in rows for a, b, c in zip(row, row[1:], row[2:], strict=False)])


rival = min(trigram_bits(strength) for strength in (1.0, 3.0, 10.0, 30.0))
print(f"held-out bits per character: {ours:.3f} by the sequence loss, {rival:.3f} by trigram counts")
print(f"right characters of the next two: {model.score(X_test, y_test):.3f}")
assert ours < rival


# 5. Sample a text at a temperature.
def sample(start, length, temperature, seed=0):
    rng, text = np.random.RandomState(seed), start
    while len(text) < length:
        scores = model.decision_function(hasher.transform([context(text, len(text))]))[0, 0] / temperature
        p = np.exp(scores - scores.max())
        text += rng.choice(model.classes_, p=p / p.sum())
    return text


for temperature in (0.3, 1.0):
    print(f"temperature {temperature}: {sample('return the ', 150, temperature)}")
