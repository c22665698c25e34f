"""What the documentation makes of the package itself when it is built: tables, pictures, pages of benchmarks, inventories."""

import inspect
import tomllib
import zlib
from pathlib import Path

import numpy as np
import tables
from matplotlib import pyplot as plt

from sklearn_gd import GDRegressor
from sklearn_gd.losses import LOSSES, Huber
from sklearn_gd.models import MODELS
from sklearn_gd.penalties import PENALTIES, Box, GroupLasso
from sklearn_gd.plotting import LossDisplay
from sklearn_gd.schedules import SCHEDULES
from sklearn_gd.solvers import SOLVERS

HERE = Path(__file__).parent

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


# From the first steps to the particular.
GALLERY = [
    "line",
    "losses",
    "contributions",
    "robust",
    "business_cost",
    "compare_losses",
    "new_loss",
    "row_data",
    "intervals",
    "distributions",
    "counts",
    "exposure",
    "standard_errors",
    "imbalance",
    "elsewhere",
    "images",
    "text_generation",
    "landscape",
    "optimizers",
    "early_stopping",
    "million_rows",
]


class GalleryOrder:
    """The order of the gallery's pages, by their file names."""

    def __init__(self, folder):
        self.folder = folder

    def __call__(self, name):
        """Return the place of a page."""
        return GALLERY.index(Path(name).stem.removeprefix("plot_"))


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
    landing_picture(folder)
    chart_picture(folder)
    start_picture(folder)
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


def loss_pages(folder):
    """Return a section for each loss, in Markdown, and draw its picture."""
    known, sections = tomllib.loads((HERE / "losses.toml").read_text()), []
    for name, kind in LOSSES.items():
        doc = inspect.getdoc(kind)
        advice = known[name]
        display = LossDisplay.from_losses({"": kind()}, quantities=("value", "gradient"))
        display.figure_.savefig(folder / f"loss_{name}.svg")
        plt.close("all")
        formula = doc.split(".. math::")[1].split("\n\n")[0].strip()
        domain, link = tables._block(doc, "Domain of y").split(";")[0], tables._block(doc, "Link")
        sections.append(
            f"### `{name}`\n\n{advice['purpose']} {{class}}`~sklearn_gd.losses.{kind.__name__}`\n\n$$ {formula} $$\n\n"
            f"- **Domain of y**: {domain}. **Link**: {link}.\n- **Parameters**: {advice['parameters']}\n\n"
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
    figure, ax = plt.subplots(figsize=(6.5, 3.3), layout="constrained")
    steps = np.arange(1000)
    for (name, kind), dash in zip(SCHEDULES.items(), ["-", "--", ":", "-."] * 5, strict=False):
        rates = np.array([kind().at(int(step), 1000) for step in steps])
        ax.plot(steps, rates / rates.max(), dash, label=name, linewidth=1.6)
    ax.set(xlabel="step, of 1,000", ylabel="learning rate / its height")
    ax.legend(fontsize="small", loc="center left", bbox_to_anchor=(1.0, 0.5))
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
    "hinge": "Support vector machines for classes and numbers, dense.",
    "sparse_hinge": "Support vector machines for classes and numbers, on texts.",
    "sparse_logistic": "Logistic regression and the squared hinge on one-hot columns and on texts.",
    "sparse_ridge": "Least squares with an l2 penalty on one-hot columns.",
    "wide": "Logistic regression and least squares with more columns than rows, dense.",
    "lasso_dense": "Least squares with l1 and elastic net, dense.",
    "lasso_sparse": "Least squares with l1 and elastic net, on one-hot columns and texts.",
    "lasso_wide": "Least squares with l1 and elastic net, more columns than rows.",
    "small": "Least squares, classes, counts and quantiles on a thousand rows and fewer: default fits.",
    "float32": "The dense problems in single precision, relative to the fastest rival in either.",
    "failures": "Fits that did not end within the limit, or raised.",
    "optima of doubt": "Problems of which fewer than two unrelated solvers came within 1e-6 of the lowest value.",
    "l1_logistic": "Logistic regression with l1 and elastic net, dense and on texts.",
}


def benchmark_pages(results, folder):
    """Write a page for each row of the benchmark, and return the summary, in Markdown."""
    text = (results / "table.md").read_text()
    head, *sections = text.split("\n### ")
    for section in sections:
        row, _, body = section.partition("\n")
        row = row.lower()
        picture = f"![Time against relative suboptimality](../benchmarks/results/{row}.png)\n\n"
        known = picture if (results / f"{row}.png").exists() else ""
        legend = (
            "Seconds to be within 1e-2, 1e-4 and 1e-6 of the optimum (relative suboptimality), of ours, on sparse data also "
            "without numba, and of the fastest rival; their ratio; the default fit. A dash: not reached within the limit. "
            "[How it is measured](method.md).\n\n"
        )
        page = folder / f"row_{row.replace(' ', '_')}.md"
        page.write_text(f"# {row}\n\n{ROWS[row]}\n\n{known}{legend if known else ''}{body.strip()}\n")
    rows = [line.split("|")[1:-1] for line in head.splitlines() if line.startswith("| ") and "---" not in line][1:]
    lines = ["| row | what | problems | to 1e-6: median | without numba | worst |", "| --- | --- | --- | --- | --- | --- |"]
    for name, sets, *_, last, plain, _, _ in rows:
        median, _, worst = last.partition("(worst")
        row = name.strip()
        link = f"[{row}](measured/row_{row}.md)" if (folder / f"row_{row}.md").exists() else row
        cells = link, ROWS[row], sets.strip(), median.strip(), plain.strip(), worst.split(";")[0].rstrip(") ")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def inventories(folder):
    """Write the inventories of other projects that the pages refer to."""
    for name, (_, kinds) in INVENTORIES.items():
        lines = "".join(
            f"{entry} {kind} 1 modules/generated/{entry}.html#{entry} -\n"
            for kind, entries in kinds.items()
            for entry in entries
        )
        lines += "meta-estimator std:term -1 glossary.html#term-meta-estimator -\n"
        lines += "metadata_routing std:label -1 metadata_routing.html Metadata Routing\n"
        head = f"# Sphinx inventory version 2\n# Project: {name}\n# Version: 0\n# The remainder is compressed using zlib.\n"
        (folder / f"{name}.inv").write_bytes(head.encode() + zlib.compress(lines.encode()))


def landing_picture(folder):
    """Draw one line under three losses."""
    rng = np.random.RandomState(3)
    x = np.sort(4.0 * rng.rand(60))
    y = 1.0 + 0.8 * x + 0.35 * rng.randn(60)
    y[[48, 52, 55, 58]] -= [3.4, 3.0, 3.8, 3.3]

    def late_costs_more(y_true, raw):
        error = y_true - raw
        return np.where(error > 0, 3.0, 1.0) * error**2

    figure, ax = plt.subplots(figsize=(5.2, 3.4), layout="constrained")
    ax.plot(x, y, "o", color="#999999", markersize=4)
    ends = np.array([[0.0], [4.0]])
    losses = {"squared_error": "squared_error", "huber": Huber(0.5), "late_costs_more (yours)": late_costs_more}
    for (name, loss), color in zip(losses.items(), ("#0072B2", "#009E73", "#D55E00"), strict=True):
        model = GDRegressor(loss, alpha=0.0).fit(x[:, None], y)
        ax.plot(ends[:, 0], model.predict(ends), color=color, label=name, linewidth=2)
    ax.set(xlabel="x", ylabel="y")
    ax.legend(fontsize="small")
    figure.savefig(folder / "landing.svg")
    plt.close(figure)


def start_picture(folder):
    """Draw the losses of the tour."""

    def cost(y_true, raw):
        error = y_true - raw
        return np.where(error > 0, 5.0, 1.0) * np.abs(error)

    LossDisplay.from_losses(["squared_error", "huber", cost]).figure_.savefig(folder / "start_losses.svg")
    plt.close("all")


def chart_picture(folder):
    """Draw the decision chart from what y is to a loss."""
    branches = {
        "a number": [
            ("the mean", "squared_error"),
            ("robust to outliers", "huber, absolute_error"),
            ("a quantile, or a price on each side", "quantile"),
            ("several quantiles, an interval", "quantiles"),
            ("a mean and its spread", "normal, student_t"),
            ("squares, but one side costs more", "expectile, linex"),
            ("errors in percent", "absolute_percentage_error"),
        ],
        "counts, positive amounts": [
            ("counts, rates", "poisson"),
            ("counts and their probabilities", "negative_binomial"),
            ("amounts, often zero", "tweedie"),
            ("amounts above zero", "gamma"),
        ],
        "classes": [
            ("probabilities", "log_loss"),
            ("labels alone", "squared_hinge, hinge"),
            ("a rare class", "log_loss and a threshold, focal"),
            ("some labels wrong", "modified_huber"),
            ("classes in an order", "ordinal_log_loss"),
        ],
        "anything else": [
            ("shares between 0 and 1", "log_loss in GDRegressor, beta"),
            ("missing, sequences", "Masked, SequenceLoss"),
            ("a cost of your own", "a function"),
            ("one for each row; censored", "a function, loss_data"),
        ],
    }
    figure, ax = plt.subplots(figsize=(9.5, 7.0), layout="constrained")
    leaves = sum(map(len, branches.values()))
    box = {"boxstyle": "round,pad=0.35", "facecolor": "white", "edgecolor": "#0072B2"}
    at = {"ha": "left", "va": "center", "fontsize": 10}
    ax.text(0.0, 0.5, "y is", **at, fontweight="bold")
    row = 0
    for kind, cases in branches.items():
        middle = 1.0 - (row + 0.5 * (len(cases) - 1) + 0.5) / leaves
        ax.plot([0.05, 0.1], [0.5, middle], color="#999999", linewidth=1)
        ax.text(0.11, middle, kind, **at, bbox=box)
        for case, losses in cases:
            height = 1.0 - (row + 0.5) / leaves
            ax.plot([0.315, 0.36], [middle, height], color="#999999", linewidth=1)
            ax.text(0.37, height, case, **at)
            ax.text(0.70, height, losses, **at, family="monospace", bbox=box | {"edgecolor": "#009E73"})
            row += 1
    ax.text(0.37, 1.01, "you want", **at, fontweight="bold")
    ax.text(0.70, 1.01, "take", **at, fontweight="bold")
    ax.set(xlim=(0.0, 1.05), ylim=(0.0, 1.03))
    ax.axis("off")
    figure.savefig(folder / "chart.svg")
    plt.close(figure)
