"""Plain words for names of columns, baselines and metrics."""

from __future__ import annotations

import pytest

from brainflix.evaluate.baselines import BASELINES
from brainflix.evaluate.choosing import lines_of
from brainflix.evaluate.protocols import PROTOCOLS
from brainflix.report.words import baseline_title, column_title, metric_title


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("undefined_dims", "dimensions that are undefined"),
        ("gain_p_holm", "p of the gain, adjusted (Holm)"),
        ("interval", "95 % interval"),
        ("speed_interval", "95 % interval of speed"),
        ("speed_p_holm", "p, adjusted (Holm) of speed"),
        ("anything_else", "anything else"),
    ],
)
def test_columns(name: str, words: str) -> None:
    assert column_title(name) == words


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nway_2_video_g1", "2-way accuracy, video classifier, 1 true class"),
        ("nway_50_frame_g3", "50-way accuracy, image classifier, 3 true classes"),
        ("nway_2_video_g3_16f", "2-way accuracy, video classifier, 3 true classes, 16 frames"),
        ("nway_50", "50-way accuracy, 1 true class"),
        ("nway_50_g3", "50-way accuracy, 3 true classes"),
        ("ssim_rgb_u7", "SSIM, RGB"),
        ("ssim_gray_g11", "SSIM, luminance"),
        ("identification_clip-mlp", "Pairwise identification, clip-mlp"),
        ("retrieval1_z", "Top-1 retrieval, z"),
        ("retrieval5_near_z", "Top-5 retrieval, z, neighbours count"),
        ("retrieval5_stim_to_brain_z", "Top-5 retrieval, z, stimulus to brain"),
        ("retrieval1_of300_z", "Top-1 retrieval among 300, z"),
        ("clip_tc_all_difference", "Likeness of all frames, apart from the truth"),
        ("somebodys_own", "somebodys_own"),
    ],
)
def test_metrics(name: str, words: str) -> None:
    assert metric_title(name) == words


def test_every_metric_of_every_protocol_has_a_title_of_its_own() -> None:
    for protocol in PROTOCOLS.values():
        names = list(lines_of(protocol, bug_compat=True))
        titles = {name: metric_title(name) for name in names}
        assert not [name for name, title in titles.items() if name == title or "_" in title], protocol.name
        assert len(set(titles.values())) == len(names), protocol.name


def test_every_baseline_is_in_plain_words() -> None:
    assert [baseline_title(each.name) for each in BASELINES] == [
        "grey",
        "training mean",
        "blurred copy",
        "first frame, still",
        "true first frame, still",
        "other clips' predictions",
    ]
    assert baseline_title("text-only") == "text only"
