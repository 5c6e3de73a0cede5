"""One file per dataset: what it is, where from, how to read it."""
