"""One data set: what it is, where its files lie, how they become rows, and a miniature of it."""
