"""The stages, in the order in which they run, and what each makes."""

from __future__ import annotations

from brainflix.store.keys import JOB_FACTS as JOB_FACTS

# Stage -> the kind of artifact that its parts make, unless a part says otherwise.
STAGES: dict[str, str] = {
    "download": "raw",
    "preprocess": "bold",
    "align": "aligned",
    "targets": "targets",
    "train": "model",
    "regress": "predictions",
    "reconstruct": "videos",
    "explain": "maps",
    "evaluate": "scores",
    "report": "report",
}
# Stages that a recipe has sections for.
SECTIONS = tuple(stage for stage in STAGES if stage not in ("download", "report"))


def category_of(stage: str) -> str:
    """Return the category of parts that a stage calls."""
    return "dataset" if stage == "download" else stage
