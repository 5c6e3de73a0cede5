"""The project's one resize."""

import numpy as np

from brainflix.io.frames import resize


def test_resize_antialiases_and_leaves_the_right_size_alone() -> None:
    stripes = np.zeros((2, 64, 64, 3), np.uint8)
    stripes[:, :, ::2] = 255
    shrunk = resize(stripes, 16, 16)
    assert shrunk.shape == (2, 16, 16, 3)
    assert np.abs(shrunk.astype(int) - 127).max() < 20
    assert resize(stripes, 64, 64) is stripes
