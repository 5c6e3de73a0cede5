"""Where the words of the target `token-states` come from: the data set, or a captioner's artifact."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from brainflix.errors import DataError
from brainflix.store.captions import Captions
from brainflix.store.refs import Ref
from brainflix.store.schema import Clips
from brainflix.store.store import Store
from brainflix.targets.text import _captions


def clips(*captions: str) -> Clips:
    n = len(captions)
    ids = tuple(f"c{i}" for i in range(n))
    return Clips(ids=ids, segment=("s",) * n, onset_s=np.arange(n), split=np.zeros(n), caption=captions)


def test_a_captioners_words_are_found_by_clip(tmp_path: Path) -> None:
    store, ref = Store(tmp_path), Ref("targets", "said", "0" * 12)
    with store.publish(ref, stage="targets", stage_version=1, parameters={}, inputs={}, fsync=False) as out:
        Captions(("two", "one"), ("c1", "c0"), "targets/blip").save(out.path)
    inputs = {"captions": [store.open(ref)]}
    assert _captions(clips("", ""), inputs) == ("one", "two")
    assert _captions(clips("a", "b"), {}) == ("a", "b")
    with pytest.raises(DataError, match="holds nothing for clip 'c2'"):
        _captions(clips("", "", ""), inputs)


def test_no_captions_at_all_end_in_a_sentence_with_the_next_step() -> None:
    with pytest.raises(DataError, match="no captions") as caught:
        _captions(clips("", ""), {})
    assert "blip-captions" in str(caught.value)
