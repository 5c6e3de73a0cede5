"""One folder a paper: what only it has."""
