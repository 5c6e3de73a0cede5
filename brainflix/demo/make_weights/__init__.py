"""The committed recipe of the tiny weights: `python -m brainflix.demo.make_weights`, or `make demo-weights`."""
