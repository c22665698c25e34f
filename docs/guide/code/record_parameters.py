"""Record the coefficients after each iteration, or epoch, by a callback. It needs scikit-learn 1.9."""

import numpy as np
import sklearn
from packaging.version import parse as parse_version
from sklearn.datasets import load_diabetes
from sklearn_gd import GDRegressor


class Recorder:
    """Keep coef_ and intercept_ of each iteration, and end the fit after `at_most` of them."""

    def __init__(self, at_most=np.inf):
        self.at_most, self.coefs, self.intercepts = at_most, [], []

    def setup(self, estimator, context):
        """Begin: nothing to do."""

    def teardown(self, estimator, context):
        """End: nothing to do."""

    def on_fit_task_begin(self, estimator, context):
        """Take note of the beginning of a task: a fit, a pass over a stream, an iteration."""

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        """Take note of the end of a task; `fitted_estimator` is the model as it is then. True ends the fit."""
        if context.task_name == "iteration":
            self.coefs.append(fitted_estimator.coef_)
            self.intercepts.append(fitted_estimator.intercept_)
        return len(self.coefs) >= self.at_most


if parse_version(sklearn.__version__) >= parse_version("1.9"):
    X, y = load_diabetes(return_X_y=True)
    recorder = Recorder(at_most=5)
    model = GDRegressor(solver="adam", random_state=0).set_callbacks(recorder).fit(X, y)
    print(np.shape(recorder.coefs), model.stop_reason_)
else:
    print("scikit-learn has no callbacks before 1.9")
