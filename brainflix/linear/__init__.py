"""Ridge, its cross-validation and spectrum, and standardising: what regress and align share."""
