"""`reconstruct`: from predicted conditions to frames, through a video generator."""
