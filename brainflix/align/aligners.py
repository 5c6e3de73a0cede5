"""The alignment methods as parts: each fits the maps of a whole group, see `group_maps.aligner`."""

from __future__ import annotations

from brainflix.align import methods
from brainflix.align.group_maps import aligner

identity = aligner(methods.identity, leaves_alone=True)
procrustes = aligner(methods.procrustes)
ridge = aligner(methods.ridge)
procrustes_pairwise = aligner(methods.procrustes_pairwise)
srm = aligner(methods.srm)
gcca = aligner(methods.gcca)
