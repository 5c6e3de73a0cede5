"""Readers that are given a process of their own: it may use so much memory and time, and has no network."""
