"""The engine without a window: predict the patients and name the cell types that hold the attention."""

import logging

import pandas as pd
from _demo import fitted_session

logging.basicConfig(level=logging.INFO, format="%(message)s")
session = fitted_session()
scores, cohort = session.scores(), session.data.cohort
attention = pd.Series(scores.attention * cohort.samples.n_cells[cohort.sample_codes])
types = pd.Categorical.from_codes(cohort.cell_type.codes, cohort.cell_type.levels)
logging.info("attention relative to an even share\n%s", attention.groupby(types, observed=True).mean().sort_values())
