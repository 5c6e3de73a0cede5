"""The phases that train MinD-Video."""
