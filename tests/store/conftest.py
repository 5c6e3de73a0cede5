"""Settings of the store's tests: disk work on a busy machine has no useful time limit per example."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")
