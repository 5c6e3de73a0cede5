"""Torch networks, one file per network, no I/O."""
