"""Readers are fed with damaged files: only our own errors may come out, and nothing may hang or grow."""
