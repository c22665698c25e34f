"""What the documentation makes of the package itself when it is built: tables, pictures, pages of benchmarks, inventories."""

import zlib

import numpy as np
import tables
from matplotlib import pyplot as plt

from sklearn_gd.losses import LOSSES
from sklearn_gd.models import MODELS
from sklearn_gd.penalties import PENALTIES, Box, GroupLasso
from sklearn_gd.plotting import LossDisplay
from sklearn_gd.schedules import SCHEDULES
from sklearn_gd.solvers import SOLVERS

# What pages and docstrings refer to outside the package: an address, and the names below it.
INVENTORIES = {
    "sklearn": (
        "https://scikit-learn.org/stable/",
        {
            "py:class": [
                "sklearn.linear_model.SGDRegressor",
                "sklearn.linear_model.SGDClassifier",
                "sklearn.linear_model.LogisticRegression",
                "sklearn.linear_model.LinearRegression",
                "sklearn.linear_model.Ridge",
                "sklearn.linear_model.Lasso",
                "sklearn.linear_model.ElasticNet",
                "sklearn.linear_model.HuberRegressor",
                "sklearn.linear_model.QuantileRegressor",
                "sklearn.linear_model.PoissonRegressor",
                "sklearn.linear_model.TweedieRegressor",
                "sklearn.model_selection.GridSearchCV",
                "sklearn.pipeline.Pipeline",
                "sklearn.calibration.CalibratedClassifierCV",
                "sklearn.model_selection.TunedThresholdClassifierCV",
                "sklearn.compose.TransformedTargetRegressor",
                "sklearn.feature_extraction.FeatureHasher",
            ],
            "py:function": [
                "sklearn.metrics.r2_score",
                "sklearn.metrics.make_scorer",
                "sklearn.model_selection.cross_validate",
                "sklearn.model_selection.cross_val_score",
            ],
        },
    ),
}


def write(folder, results):
    """Write all that is made into a folder."""
    folder.mkdir(exist_ok=True)
    texts = {
        "losses.md": tables.losses(),
        "supported.md": tables.supported(),
        "names.md": names(),
        "loss_pages.md": loss_pages(folder),
        "benchmark_summary.md": benchmark_pages(results, folder.parent / "measured"),
    }
    for name, text in texts.items():
        path = folder / name
        if not path.exists() or path.read_text() != text:  # an unchanged file is not read anew
            path.write_text(text)
    penalty_picture(folder)
    schedule_picture(folder)
    inventories(folder)


def names():
    """Return the tables of all names, in Markdown."""
    parts = []
    for title, argument, module, table in (
        ("Losses", "loss", "losses", LOSSES),
        ("Penalties", "penalty", "penalties", PENALTIES),
        ("Solvers", "solver", "solvers", SOLVERS),
        ("Models", "model", "models", MODELS),
        ("Schedules", "learning_rate", "schedules", SCHEDULES),
    ):
        rows = [f"| `{argument}=` | class | |", "| --- | --- | --- |"]
        for name, kind in table.items():
            first = (kind.__doc__ or "").strip().splitlines()[0]
            rows.append(f'| `"{name}"` | {{class}}`~sklearn_gd.{module}.{kind.__name__}` | {first} |')
        parts.append(f"## {title}\n\n`sklearn_gd.{module}.{title.upper()}`\n\n" + "\n".join(rows))
    return "\n\n".join(parts) + "\n"


# For each loss: what it is for, and how to choose its parameters. Formula, domain and link come from its docstring.
ADVICE = {
    "squared_error": (
        "The mean of y.",
        "It has no parameters. A value far away counts by its square: look at the largest residuals.",
    ),
    "absolute_error": ("The median of y; errors whose cost grows in proportion.", "It has no parameters."),
    "huber": (
        "The mean of y, with outliers that pull no harder than at a distance of `delta`.",
        "`delta` is in units of y. Take the error up to which squares are right: 1.35 standard deviations of the noise lose 5 % of the "
        "efficiency of least squares where there are no outliers (Huber). Search `loss__delta` over a few multiples of "
        "`np.median(abs(residual)) / 0.6745`.",
    ),
    "quantile": (
        "A quantile of y: enough in nine cases of ten; or a cost of a for each unit too little, and of b for each unit too much.",
        "`quantile` = a / (a + b): 5 for too little and 1 for too much is 5 / 6.",
    ),
    "expectile": (
        "The mean of y, with errors on one side weighing more; a smooth relative of the quantile.",
        "`expectile` = a / (a + b) for squared errors that cost a on the side above the prediction, b below; 0.5 is squared_error.",
    ),
    "log_cosh": (
        "Nearly the same as huber with a delta of 1, with all derivatives.",
        "It has no parameters: scale y so that ordinary errors are below 1.",
    ),
    "cauchy": (
        "A location that gross outliers hardly move at all. Not convex.",
        "`scale` is in units of y: the spread of good data. Start from a fit under huber, and compare the coefficients.",
    ),
    "epsilon_insensitive": ("A tolerance: errors below `epsilon` cost nothing.", "`epsilon` is that tolerance, in units of y."),
    "squared_epsilon_insensitive": (
        "A tolerance, and large errors that count by their square.",
        "`epsilon` is the tolerance, in units of y.",
    ),
    "linex": (
        "A cost that is exponential on one side, and linear on the other.",
        "`a` is in 1 / units of y: at an error of 1 / |a| on the steep side the cost is 1.6 times what it is on the other. Its sign is the side: with a > 0 a prediction that is too high costs more.",
    ),
    "absolute_percentage_error": ("Errors in percent of y.", "`eps` keeps y near zero from dividing by nothing."),
    "poisson": ("Counts and rates; a mean that is positive.", "It has no parameters. See [counts and exposure](counts.md)."),
    "gamma": ("Positive amounts whose spread grows with their mean.", "It has no parameters."),
    "inverse_gaussian": ("Positive amounts with a heavy upper tail.", "It has no parameters. Not convex in raw."),
    "tweedie": (
        "Amounts that are often exactly zero, such as the cost of claims.",
        "`power` between 1 and 2: the variance of y is proportional to mean^power. Search `loss__power` by the deviance at one fixed power, not by each one's own.",
    ),
    "log_loss": (
        "Class probabilities.",
        "`label_smoothing` spreads that share of each label over all classes, where labels may be wrong.",
    ),
    "hinge": (
        "A label, and the widest margin; sparse in the rows that matter.",
        "It has no parameters; alpha sets the width of the margin.",
    ),
    "squared_hinge": ("The same, smooth.", "It has no parameters."),
    "modified_huber": (
        "A margin that is robust to wrong labels, with probabilities that are piecewise linear.",
        "It has no parameters.",
    ),
    "exponential": (
        "The loss of AdaBoost: mistakes cost exponentially.",
        "It has no parameters. Very sensitive to wrong labels.",
    ),
    "focal": (
        "A rare class among many easy samples. Not convex.",
        "`gamma` is how much less a sample counts that is classified well; 0 is log_loss, 2 the value of the paper.",
    ),
    "crammer_singer": ("One margin for several classes at once.", "It has no parameters."),
    "perceptron": (
        'The oldest of them, for `solver="sgd"` only.',
        "It has no parameters. Its minimum is where nothing is learned.",
    ),
}


def loss_pages(folder):
    """Return a section for each loss, in Markdown, and draw its picture."""
    sections = []
    for name, kind in LOSSES.items():
        doc = kind.__doc__
        LossDisplay.from_losses({"": kind()}, quantities=("value", "gradient")).figure_.savefig(
            folder / f"loss_{name}.svg", transparent=True
        )
        plt.close("all")
        purpose, choice = ADVICE[name]
        formula = doc.split(".. math::")[1].split("\n\n")[0].strip()
        sections.append(
            f"### `{name}`\n\n{purpose} {{class}}`~sklearn_gd.losses.{kind.__name__}`\n\n$$ {formula} $$\n\n"
            f"- **Domain of y**: {tables._block(doc, 'Domain of y').split(';')[0]}. **Link**: {tables._block(doc, 'Link')}.\n- **Parameters**: {choice}\n\n"
            f"```{{image}} ../_generated/loss_{name}.svg\n:alt: {name}: the loss and its slope\n:width: 90%\n```\n"
        )
    return "\n".join(sections)


def penalty_picture(folder):
    """Draw the contours of the penalties over two weights."""
    shown = {
        "l2": PENALTIES["l2"](),
        "l1": PENALTIES["l1"](),
        "elasticnet": PENALTIES["elasticnet"](),
        "GroupLasso([[0, 1]])": GroupLasso([[0, 1]]),
        "nonnegative": PENALTIES["nonnegative"](),
        "Box(-0.5, 1)": Box(-0.5, 1.0),
    }
    grid = np.linspace(-1.5, 1.5, 121)
    figure, axes = plt.subplots(2, 3, figsize=(7.5, 5.0), layout="constrained", sharex=True, sharey=True)
    for ax, (name, penalty) in zip(axes.ravel(), shown.items(), strict=True):
        values = np.array([[penalty.value(np.array([[a], [b]])) for a in grid] for b in grid])
        if np.isinf(values).any():
            ax.contourf(grid, grid, np.isfinite(values), [-0.5, 0.5, 1.5], colors=["#D55E0066", "#009E7366"])
        else:
            lines = ax.contour(grid, grid, values, 6, colors="#0072B2", linewidths=1.2)
            ax.clabel(lines, fontsize=7)
        ax.set(title=name, aspect="equal")
        ax.axhline(0, color="#888888", linewidth=0.5)
        ax.axvline(0, color="#888888", linewidth=0.5)
    for ax in axes[1]:
        ax.set_xlabel("weight 1")
    for ax in axes[:, 0]:
        ax.set_ylabel("weight 2")
    figure.savefig(folder / "penalties.svg")
    plt.close(figure)


def schedule_picture(folder):
    """Draw the schedules over 1,000 steps."""
    figure, ax = plt.subplots(figsize=(5.5, 3.3), layout="constrained")
    steps = np.arange(1000)
    for (name, kind), dash in zip(SCHEDULES.items(), ["-", "--", ":", "-."] * 5, strict=False):
        schedule = kind()
        if not schedule.automatic:
            rates = np.array([schedule.at(int(step), 1000) for step in steps])
            ax.plot(steps, rates / rates.max(), dash, label=name, linewidth=1.6)
    ax.set(xlabel="step, of 1,000", ylabel="learning rate / its height")
    ax.legend(fontsize="x-small", ncols=2)
    figure.savefig(folder / "schedules.svg")
    plt.close(figure)


# What is minimised in each row of the benchmark.
ROWS = {
    "logistic": "Logistic regression of two classes with an l2 penalty, dense.",
    "softmax": "Multinomial logistic regression of eight or ten classes with an l2 penalty, dense.",
    "squared_error": "Least squares, with and without an l2 penalty, dense.",
    "glm": "Poisson, gamma and Tweedie regression with an l2 penalty, dense.",
    "huber_custom": "The Huber loss, and a function of the user's own, with an l2 penalty, dense.",
    "quantile": "The quantile loss and the absolute error without penalty, dense.",
    "hinge": "Support vector machines for classes and numbers, dense and on texts.",
    "sparse_logistic": "Logistic regression and the squared hinge on one-hot columns and on texts.",
    "sparse_ridge": "Least squares with an l2 penalty on one-hot columns.",
    "wide": "Logistic regression and least squares with more columns than rows, dense.",
    "lasso_dense": "Least squares with l1 and elastic net, dense.",
    "lasso_sparse": "Least squares with l1 and elastic net, on one-hot columns and texts.",
    "lasso_wide": "Least squares with l1 and elastic net, more columns than rows.",
    "l1_logistic": "Logistic regression with l1 and elastic net, dense and on texts.",
}


def benchmark_pages(results, folder):
    """Write a page for each row of the benchmark, and return the summary, in Markdown."""
    text = (results / "table.md").read_text()
    head, *sections = text.split("\n### ")
    for section in sections:
        row, _, body = section.partition("\n")
        picture = f"![Time against relative suboptimality](../benchmarks/results/{row}.png)\n\n"
        known = picture if (results / f"{row}.png").exists() else ""
        legend = (
            "Seconds to be within 1e-2, 1e-4 and 1e-6 of the optimum (relative suboptimality), of ours and of the fastest rival; their "
            "ratio; the default fit. A dash: not reached within the limit. [How it is measured](method.md).\n\n"
        )
        page = folder / f"row_{row}.md"
        page.write_text(f"# {row}\n\n{ROWS.get(row, 'The same problems in another form.')}\n\n{known}{legend}{body.strip()}\n")
    rows = [line.split("|")[1:-1] for line in head.splitlines() if line.startswith("| ") and "---" not in line][1:]
    lines = ["| row | what | problems | to 1e-6: median | worst |", "| --- | --- | --- | --- | --- |"]
    for name, sets, *_, last, _, _ in rows:
        median, _, worst = last.partition("(worst")
        row = name.strip()
        link = f"[{row}](measured/row_{row}.md)" if (folder / f"row_{row}.md").exists() else row
        lines.append(
            f"| {link} | {ROWS.get(row, '')} | {sets.strip()} | {median.strip()} | {worst.split(';')[0].rstrip(') ')} |"
        )
    return "\n".join(lines) + "\n"


def inventories(folder):
    """Write the inventories of other projects that the pages refer to."""
    for name, (_, kinds) in INVENTORIES.items():
        lines = "".join(
            f"{entry} {kind} 1 modules/generated/{entry}.html#{entry} -\n"
            for kind, entries in kinds.items()
            for entry in entries
        )
        lines += "metadata_routing std:label -1 metadata_routing.html Metadata Routing\n"
        head = f"# Sphinx inventory version 2\n# Project: {name}\n# Version: 0\n# The remainder of this file is compressed using zlib.\n"
        (folder / f"{name}.inv").write_bytes(head.encode() + zlib.compress(lines.encode()))
