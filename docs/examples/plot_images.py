"""
Image classification with cross entropy
=======================================

Handwritten digits, classified by a linear softmax model and by a small network under the same loss. The page compares their
accuracy and time with ``LogisticRegression`` and ``MLPClassifier``, shows the weights as images, and looks at the images that
cost most.
"""

# %%
# 1,797 images of 8 by 8 grey values, scaled to 0 to 1.
import numpy as np
from sklearn.datasets import load_digits

images, y = load_digits(return_X_y=True)
X = images / 16.0
print(X.shape, np.bincount(y))

# %%
# Cross-validated accuracy
# ------------------------
# With more than two classes ``log_loss`` is the cross entropy of a softmax over all of them. The linear model is that of
# ``LogisticRegression``, whose ``C`` is 1 / (alpha * number of rows). The networks have one hidden layer of 100 units each, and
# the default penalties, which do not mean quite the same; ours ends at ``tol=1e-4``, as the optimum of a network is not worth
# the time.
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_validate
from sklearn.neural_network import MLPClassifier

from sklearn_gd import GDClassifier
from sklearn_gd.models import MLP

folds = StratifiedKFold(3, shuffle=True, random_state=0)
models = {
    "linear, GDClassifier": GDClassifier("log_loss", alpha=1e-4),
    "linear, LogisticRegression": LogisticRegression(
        C=1e4 / (len(y) * 2 / 3), tol=1e-6, max_iter=10_000
    ),
    "network, GDClassifier": GDClassifier(
        "log_loss", model=MLP((100,)), alpha=1e-4, tol=1e-4, random_state=0
    ),
    "network, MLPClassifier": MLPClassifier((100,), max_iter=1000, random_state=0),
}
rows = {}
for name, model in models.items():
    scores = cross_validate(model, X, y, cv=folds, scoring=["accuracy", "neg_log_loss"])
    rows[name] = (
        scores["test_accuracy"].mean(),
        -scores["test_neg_log_loss"].mean(),
        scores["fit_time"].mean(),
    )
print(
    pd.DataFrame(rows, index=["accuracy", "log loss", "seconds to fit"])
    .T.round(3)
    .to_string()
)

# %%
# What the linear model looks for
# -------------------------------
# The weights of a class are an image too: blue pixels speak for the digit, red ones against it.
import matplotlib.pyplot as plt
from sklearn.model_selection import train_test_split

X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=0.3, stratify=y, random_state=0
)
linear = models["linear, GDClassifier"].fit(X_train, y_train)
figure, axes = plt.subplots(2, 5, figsize=(7.5, 3.6), layout="constrained")
largest = np.abs(linear.coef_).max()
for digit, ax in enumerate(axes.flat):
    picture = ax.imshow(
        linear.coef_[digit].reshape(8, 8), cmap="RdBu", vmin=-largest, vmax=largest
    )
    ax.set(xticks=[], yticks=[], title=str(digit))
_ = figure.colorbar(picture, ax=axes, label="weight  (per unit of grey)")

# %%
# What the network gets wrong
# ---------------------------
# The loss of each held-out image, in descending order: a few images carry most of the cost.
from sklearn_gd.plotting import LossContributionDisplay

network = models["network, GDClassifier"].fit(X_train, y_train)
print(
    f"held-out accuracy: linear {linear.score(X_test, y_test):.3f}, network {network.score(X_test, y_test):.3f}"
)
display = LossContributionDisplay.from_estimator(
    network, X_test, y_test, share=0.02, n_worst=10
)
print(f"the worst 2 % of the images have {display.worst_share_:.0%} of the cost")

# %%
# The ten worst, with the label and the prediction. Some are hard to read for anybody.
figure, axes = plt.subplots(2, 5, figsize=(7.5, 3.6), layout="constrained")
for (row, worst), ax in zip(display.worst_.iterrows(), axes.flat, strict=True):
    ax.imshow(X_test[row].reshape(8, 8), cmap="gray_r")
    ax.set(xticks=[], yticks=[])
    ax.set_title(
        f"{worst['y_true']:.0f} taken for {worst['y_pred']:.0f}", fontsize="medium"
    )

# %%
# Which digits are confused, over all folds of the cross-validation.
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import cross_val_predict

figure, axes = plt.subplots(1, 2, figsize=(8, 3.6), layout="constrained")
for ax, name in zip(axes, ("linear, GDClassifier", "network, GDClassifier"), strict=True):
    predicted = cross_val_predict(models[name], X, y, cv=folds)
    ConfusionMatrixDisplay.from_predictions(
        y, predicted, ax=ax, cmap="Blues", colorbar=False, im_kw={"vmax": 12}
    )
    ax.set_title(name)
