"""Questions asked of a fitted model: scores, predictions, baselines, metrics, audit."""
