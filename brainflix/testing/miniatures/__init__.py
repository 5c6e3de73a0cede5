"""Small data sets in the real layouts and formats, made in seconds, with what was planted in them said.

Each data set's own is `brainflix.datasets.<name>.miniature`, with `make(folder, seed=0, ...) -> Planted`. Grayordinates
are cut from the real axis, so that structures, vertex numbers and geometry are the real ones.
"""
