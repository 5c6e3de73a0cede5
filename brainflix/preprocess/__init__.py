"""`preprocess`: raw volumes to one clean row per clip presentation."""
