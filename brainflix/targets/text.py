"""Token states of captions: what a generator attends to (docs/methods/brain-netflix.md, Token states c)."""

from __future__ import annotations

from brainflix.errors import DataError
from brainflix.io.weights import resolve_weights
from brainflix.parts.contract import Inputs, Noted
from brainflix.parts.work import Work
from brainflix.pretrained.text import encode_captions, note_cut
from brainflix.store.captions import Captions
from brainflix.store.lookup import find_clips
from brainflix.store.schema import Clips, Targets
from brainflix.targets.parts import CaptionParams


def extract(params: CaptionParams, inputs: Inputs, work: Work) -> Noted:
    """Encode every clip's caption; the result has shape (n_clips, n_tokens, width).

    The captions are the data set's, or those of a captioner under the role `captions`.

    Raises:
        DataError: nobody has a caption for any clip.
    """
    compute = work.compute()
    folder = resolve_weights(params.weights, params.revision, params.folders)
    clips = work.dataset.load_clips(inputs["stimuli"][0].path)
    # Captions repeat; encode each once, in a fixed order, so that equal captions get equal bits.
    said = _captions(clips, inputs)
    distinct = sorted(set(said))
    states = encode_captions(distinct, folder / params.subfolder, folder / params.tokenizer, compute)
    place = {caption: i for i, caption in enumerate(distinct)}
    values = states[[place[caption] for caption in said]]
    targets = Targets(values, clips, {"axes": "clip, token, width"}, dtype="float16")
    notes = {"n_distinct_captions": len(distinct), **note_cut(distinct, folder / params.tokenizer, states.shape[1])}
    return Noted(targets, notes)


def _captions(clips: Clips, inputs: Inputs) -> tuple[str, ...]:
    if "captions" in inputs:
        captions = Captions.load(inputs["captions"][0])
        found = find_clips(inputs["captions"][0], captions.clip_ids, clips.ids)
        return tuple(captions.captions[place] for place in found)
    if not any(clips.caption):
        raise DataError(
            "the data set has no captions",
            next="add a step blip-captions to targets, and give it here as the input captions",
        )
    return clips.caption
