"""Networks that metrics of `score` need: which, from where, and their output for each clip, cached by content."""
