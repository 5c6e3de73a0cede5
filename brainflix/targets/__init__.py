"""`extract-targets`: what the decoder is asked to predict, computed from the stimuli."""
