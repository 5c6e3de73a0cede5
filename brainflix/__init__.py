"""fMRI to video: from public files to reconstructed videos and scores that can be trusted."""

__version__ = "0.1.0"
