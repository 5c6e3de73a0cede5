"""Bytes from outside: video files, brain surfaces."""
