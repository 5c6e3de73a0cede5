"""Recipes: from YAML to frozen steps, their parameters and their sources."""
