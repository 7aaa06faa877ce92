"""Simple models by scikit-learn, each fitted on training rows alone: imputation and scaling included."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import numpy as np

HIDDEN = 64
"""Hidden units of the network, as in the paper."""

_STEPS = 100
_BATCH = 200
_TREES = 100
_ROWS_PER_TREE = 500
_NEVER = 1e9
_MODEL = "model"


class SimpleModel(StrEnum):
    """Which model; the value is its name for classes, see :func:`shown`."""

    FOREST = "random forest"
    LINEAR = "logistic regression"
    NETWORK = "neural network"


def shown(model: SimpleModel, regression: bool) -> str:
    """Return the name as shown."""
    return "ridge regression" if regression and model is SimpleModel.LINEAR else str(model)


def class_probability(
    model: SimpleModel, rows: np.ndarray, label: np.ndarray, new: np.ndarray, n_classes: int, seed: int
) -> np.ndarray:
    """Train a classifier, classes weighted alike, and return (n_new, n_classes) float64 probabilities.

    A class without any training row gets probability 0; with one class only, that class is certain.

    Parameters
    ----------
    model
        Which model.
    rows, label
        (n_rows, n_features) float64, NaN where missing; (n_rows,) int classes.
    new
        (n_new, n_features) rows to predict.
    n_classes
        Number of classes.
    seed
        Start of the random numbers of forest and network.
    """
    probability = np.zeros((len(new), n_classes))
    classes = np.unique(label)
    if len(classes) == 1:
        probability[:, classes[0]] = 1
        return probability
    pipeline = _pipeline(_classifier(model, len(rows), seed))
    # The network knows no class weights, but rows may be weighted.
    weight = {f"{_MODEL}__sample_weight": _balanced(label)} if model is SimpleModel.NETWORK else {}
    pipeline.fit(rows, label, **weight)
    probability[:, pipeline.classes_] = pipeline.predict_proba(new)
    return probability


def values(model: SimpleModel, rows: np.ndarray, value: np.ndarray, new: np.ndarray, seed: int) -> np.ndarray:
    """Train a regressor on the standardised values and return (n_new,) float64 predictions in their own units.

    Parameters as in :func:`class_probability`; a constant is predicted when all training values are equal.
    """
    mean, sd = value.mean(), value.std()
    if sd == 0:
        return np.full(len(new), mean)
    pipeline = _pipeline(_regressor(model, len(rows), seed)).fit(rows, (value - mean) / sd)
    return np.asarray(pipeline.predict(new)) * sd + mean


def _pipeline(model: Any) -> Any:
    """Return mean imputation, scaling and the model; a feature that no training row has becomes 0."""
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    return Pipeline([("impute", SimpleImputer(keep_empty_features=True)), ("scale", StandardScaler()), (_MODEL, model)])


def _classifier(model: SimpleModel, n_rows: int, seed: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier

    if model is SimpleModel.FOREST:
        return RandomForestClassifier(class_weight="balanced", **_forest(n_rows, seed))
    if model is SimpleModel.NETWORK:
        return MLPClassifier(**_network(n_rows, seed))
    return LogisticRegression(max_iter=5000, class_weight="balanced")


def _regressor(model: SimpleModel, n_rows: int, seed: int) -> Any:
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.linear_model import RidgeCV
    from sklearn.neural_network import MLPRegressor

    if model is SimpleModel.FOREST:
        return RandomForestRegressor(**_forest(n_rows, seed))
    if model is SimpleModel.NETWORK:
        return MLPRegressor(**_network(n_rows, seed))
    return RidgeCV(alphas=np.logspace(-1, 4, 11))


def _forest(n_rows: int, seed: int) -> dict[str, Any]:
    return {"n_estimators": _TREES, "max_samples": min(n_rows, _ROWS_PER_TREE), "random_state": seed}


def _network(n_rows: int, seed: int) -> dict[str, Any]:
    """Return options that train a fixed number of epochs: no epoch is ever good enough, so patience alone ends it."""
    epochs = max(20, _STEPS * _BATCH // max(n_rows, _BATCH))
    return {
        "hidden_layer_sizes": (HIDDEN,),
        "batch_size": min(n_rows, _BATCH),
        "learning_rate_init": 3e-3,
        "alpha": 1e-2,
        "n_iter_no_change": epochs,
        "max_iter": 2 * epochs,
        "tol": _NEVER,
        "random_state": seed,
    }


def _balanced(label: np.ndarray) -> np.ndarray:
    count = np.bincount(label)
    return len(label) / (np.count_nonzero(count) * count[label])
