"""Parameters of Algonauts 2025."""

from __future__ import annotations

from pydantic import Field

from brainflix.parts.params import Params


class Algonauts2025Params(Params):
    """How episodes become rows; the released parcels are z-scored in each run already."""

    delay_s: float = Field(
        4.47, ge=0, description="from a clip's onset to its volume; three volumes as the baseline has it"
    )
    drop_edges: int = Field(
        5, ge=0, description="volumes at both ends of a run that are left out, as the baseline does"
    )
