"""Old formats that can carry programs (pickles, object arrays, checkpoints), read without running any of it."""

from brainflix.io.legacy.numpy_files import load_npy, load_npz
from brainflix.io.legacy.pickles import load_pickle
from brainflix.io.legacy.torch_checkpoints import load_checkpoint
from brainflix.io.legacy.torch_files import load_pt

__all__ = ["load_checkpoint", "load_npy", "load_npz", "load_pickle", "load_pt"]
