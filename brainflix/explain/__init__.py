"""Explain: which grayordinates carry what was decoded, as maps."""
