"""A trained network as an artifact: its files, its features, how it is built again."""
