"""Who edits the cases of a benchmark: models, folders of anybody's videos, and reference baselines."""
