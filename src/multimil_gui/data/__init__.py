"""From files to checked, canonical data: import, Store, Cohort, donor folds, export."""
