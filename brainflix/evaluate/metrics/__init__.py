"""The metrics, a family a file; `brainflix.evaluate.parts` declares them."""
