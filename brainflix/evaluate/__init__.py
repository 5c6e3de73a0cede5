"""`evaluate`: scores with chance levels, intervals and baselines."""
