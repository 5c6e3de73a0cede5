"""Ids of clips as two sides write them: zeros, accents, and never one clip for another."""

from __future__ import annotations

import unicodedata

from brainflix.io.ids import as_written, natural

NFC, NFD = (unicodedata.normalize(form, "café 2") for form in ("NFC", "NFD"))


def test_names_are_the_same_however_accents_are_composed() -> None:
    assert NFC != NFD
    assert as_written([NFD], [NFC]) == (NFC,) and as_written([NFC], [NFD]) == (NFD,)
    assert as_written([NFD.replace("2", "002")], [NFC]) == (NFC,)
    # Where both forms are, they are two.
    assert as_written([NFC, NFD], [NFD, NFC]) == (NFC, NFD)
    assert as_written([NFC, NFD], [NFC]) == (NFC, NFD) and as_written(["x", NFC], ["x", NFC]) == ("x", NFC)


def test_a_name_that_is_there_is_never_taken_for_another() -> None:
    assert as_written(["clip2"], ["clip2", "clip002"]) == ("clip2",)
    assert as_written(["clip02"], ["clip2", "clip002"]) == ("clip02",), "it could be either"
    assert as_written(["clip2", "clip02"], ["clip002"]) == ("clip2", "clip02")
    assert as_written(["clip2"], ["clip002", "clip3"]) == ("clip002",)


def test_numbers_of_any_length_are_sorted_by_value() -> None:
    long = "1" + "0" * 5000
    names = ["b", "clip10", "clip9", f"clip{long}", "clip09", "clip0"]
    assert sorted(names, key=natural) == ["b", "clip0", "clip9", "clip09", "clip10", f"clip{long}"]
