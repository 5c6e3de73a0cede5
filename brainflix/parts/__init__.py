"""The contract of parts: what one is, how it is found, what it is given."""
