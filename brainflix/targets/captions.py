"""Captions of clips of a data set without any, decoded from BLIP's tokens (docs/methods/brain-netflix.md, Captions)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from brainflix.parts.contract import Inputs, Notes
from brainflix.parts.work import Work
from brainflix.pretrained.captions import caption_tokens, describe
from brainflix.pretrained.params import BlipCaptionParams
from brainflix.store.captions import Captions
from brainflix.store.clips import Clips
from brainflix.store.schema import Targets


@dataclass(frozen=True)
class CaptionedClips:
    """Captions of all clips, with the table of clips that every target has."""

    captions: Captions
    clips: Clips

    def save(self, folder: Path) -> Notes:
        """Write both."""
        self.clips.save(folder)
        return self.captions.save(folder)


def extract(params: BlipCaptionParams, inputs: Inputs, work: Work) -> CaptionedClips:
    """Put the tokens of every clip into words."""
    tokens = Targets.load(inputs["tokens"][0])
    said = caption_tokens(tokens.values, params, work)
    captions = Captions(said, tokens.clips.ids, str(inputs["tokens"][0].ref), describe(said))
    return CaptionedClips(captions, tokens.clips)
