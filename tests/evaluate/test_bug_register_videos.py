"""Known errors of released code in how videos are cut, coloured, compressed and clocked, and that ours has none.

Numbers are those of docs/scoring.md, Known errors; test_bug_register.py has those of scores and statistics.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from metric_clips import smooth_clips, ssim_of
from numpy.typing import NDArray
from PIL import Image
from skimage.color import rgb2gray
from skimage.metrics import structural_similarity

import brainflix
from brainflix.errors import DataError, UsageError
from brainflix.evaluate import hue, ssim
from brainflix.evaluate.choosing import choose_metrics
from brainflix.evaluate.protocols import PROTOCOLS
from brainflix.evaluate.request import Request, score_request
from brainflix.io.clip_folder import midpoint_split, tile_crop
from brainflix.io.clip_read import read_video
from tests.evaluate.score_calls import request

Frames = NDArray[np.uint8]
GAUSSIAN = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1.0}


def _agreement(truth: Frames, prediction: Frames) -> NDArray[np.float64]:
    return hue.circ(hue.hue_of(truth), hue.hue_of(prediction))


def _save(folder: Path, clips: Frames) -> Path:
    """Write clips losslessly, one file each, and return their folder."""
    folder.mkdir()
    for number, frames in enumerate(clips):
        np.save(folder / f"clip{number}.npy", frames)
    return folder


def _values(request: Request) -> dict[str, float]:
    return {name: line["value"] for name, line in score_request(request)["scores"].items()}


def _grid(size: int, n_frames: int = 6) -> tuple[Frames, Frames, Frames]:
    """Return two clips of this size, and the grid of 2 px of padding that shows them side by side."""
    left, right = smooth_clips(1, n_frames, size, 0)[0], smooth_clips(1, n_frames, size, 1)[0]
    grid = np.zeros((n_frames, size + 4, 2 * size + 6, 3), np.uint8)
    grid[:, 2 : 2 + size, 2 : 2 + size], grid[:, 2 : 2 + size, 4 + size : 4 + 2 * size] = left, right
    return left, right, grid


def _by_formula(truth: Frames, prediction: Frames) -> dict[str, float]:
    """Return the metrics of one clip, frame by frame, by scikit-image and numpy."""
    rows = []
    for a, b in zip(truth, prediction, strict=True):
        square = np.mean((a.astype(float) - b) ** 2)
        alike = structural_similarity(a, b, channel_axis=-1, data_range=255)
        rows.append((alike, 10 * np.log10(255**2 / square), np.corrcoef(a.ravel(), b.ravel())[0, 1]))
    return dict(zip(("ssim_rgb_u7", "psnr", "pixcorr"), np.mean(rows, axis=0), strict=True))


def test_1_splitting_a_padded_grid_in_the_middle_flatters_unrelated_clips(tmp_path: Path) -> None:
    left, right, grid = _grid(256)
    assert grid.shape == (6, 260, 518, 3), "the size of the released clips"
    halves, tiles = midpoint_split(grid), tile_crop(grid, 2)
    assert [half.shape[1:3] for half in halves] == [(260, 259)] * 2
    assert np.array_equal(halves[1][:, 2:258, 1:257], tiles[1]), "the right half lies a pixel off the left one"
    assert np.array_equal(tiles[0], left) and np.array_equal(tiles[1], right)
    both = _save(tmp_path / "grids", grid[None])
    plan: dict[str, Any] = {"protocol": "mindvideo", "metrics": ("ssim_rgb_u7", "psnr", "pixcorr"), "permutations": 0}
    document = score_request(request(both, layout="side-by-side", bug_compat=True, **plan))
    released = {name: line["value"] for name, line in document["scores"].items() if name != "psnr_pooled"}
    assert released == pytest.approx(_by_formula(*halves), abs=1e-8), "halves as large as they are, not resized"
    about = document["protocol"]
    assert (about["height"], about["width"], about["own_size"]) == (260, 259, True)
    ours = _values(request(both, layout="side-by-side", padding_px=2, **plan))
    apart = _values(request(_save(tmp_path / "p", right[None]), _save(tmp_path / "t", left[None]), **plan))
    assert ours == apart, "an exact crop is what separate files give"
    assert {name: ours[name] for name in released} == pytest.approx(_by_formula(left, right), abs=1e-8)
    assert abs(ours["pixcorr"]) < 0.1 < released["pixcorr"], "both halves have black borders in common"
    assert released["ssim_rgb_u7"] > ours["ssim_rgb_u7"] + 0.005 and released["psnr"] > ours["psnr"]


@pytest.mark.parametrize(
    ("protocol", "size"), [("mindvideo", (68, 67)), ("neurons", (68, 67)), ("mindanimator", (512, 512))]
)
def test_1_halves_are_compared_at_the_size_of_each_paper(tmp_path: Path, protocol: str, size: tuple[int, int]) -> None:
    """MinD-Video and NEURONS score halves as they are, Mind-Animator resizes them to 512 pixels first."""
    _, _, grid = _grid(64, 6 if protocol == "neurons" else 8)
    both = _save(tmp_path / "grids", np.stack([grid, grid[:, :, ::-1]]))
    plan: dict[str, Any] = {"protocol": protocol, "metrics": ("psnr",), "permutations": 0}
    about = score_request(request(both, layout="side-by-side", bug_compat=True, **plan))["protocol"]
    assert (about["height"], about["width"]) == size
    exact = score_request(request(both, layout="side-by-side", padding_px=2, **plan))["protocol"]
    assert (exact["height"], exact["width"]) == ((512, 512) if protocol == "mindanimator" else (256, 256))


def test_3_ssim_over_columns_is_refused_and_higher() -> None:
    truth, prediction = smooth_clips(2, 2, 48, 3)
    grey = [(rgb2gray(a), rgb2gray(b)) for a, b in zip(truth, prediction, strict=True)]
    released = np.array([structural_similarity(*pair, channel_axis=-1, **GAUSSIAN) for pair in grey])
    ours = ssim_of(ssim.GRAY_G11, truth, prediction)
    assert (released > ours + 0.02).all()
    assert ours == pytest.approx([structural_similarity(*pair, **GAUSSIAN) for pair in grey], abs=1e-8)
    for protocol in PROTOCOLS.values():
        with pytest.raises(UsageError, match="unknown metric"):
            choose_metrics(["ssim_gray_g11_columns"], protocol)


def test_4_multichannel_is_ignored_now_and_never_passed_by_us() -> None:
    truth, prediction = (rgb2gray(clip[0]) for clip in smooth_clips(2, 1, 48, 4))
    if "multichannel" in inspect.signature(structural_similarity).parameters:
        pytest.skip("this scikit-image still takes multichannel")
    # A misspelt or withdrawn option falls through **kwargs: the same call once compared columns.
    released = structural_similarity(truth, prediction, multichannel=True, **GAUSSIAN)
    assert released == structural_similarity(truth, prediction, **GAUSSIAN)
    assert abs(released - structural_similarity(truth, prediction, channel_axis=-1, **GAUSSIAN)) > 0.01
    sources = list(Path(brainflix.__file__).parent.rglob("*.py"))
    assert len(sources) > 100 and not [path.name for path in sources if "multichannel" in path.read_text("utf-8")]


def test_5_the_published_hue_score_is_a_cosine_of_swapped_channels_on_some_frames() -> None:
    generator = np.random.default_rng(5)
    wheel = np.array([[np.clip(abs((h + s) % 6 - 3) - 1, 0, 1) for s in (0, 4, 2)] for h in np.arange(0, 6, 0.05)])
    truth, unrelated = np.rint(255 * wheel).astype(np.uint8)[generator.integers(0, len(wheel), (2, 8, 60, 60))]

    def released(a: Frames, b: Frames) -> float:
        scores = []
        for x, y in zip(a[:6], b[:6], strict=True):
            h, g = (cv2.cvtColor(each, cv2.COLOR_BGR2HSV)[..., 0].ravel() / 360.0 for each in (x, y))
            scores.append(h @ g / np.sqrt((h @ h) * (g @ g)))
        return float(np.mean(scores))

    assert released(truth, unrelated) == pytest.approx(0.75, abs=0.01)
    assert released(truth, unrelated) == pytest.approx(hue.hue_cos(truth, unrelated, "bgr")[:6].mean())
    assert _agreement(truth, unrelated).mean() == pytest.approx(0.0, abs=0.03)
    assert hue.circ_corr(hue.hue_of(truth), hue.hue_of(unrelated)).mean() == pytest.approx(0.0, abs=0.05)
    # Wrong in the last two of eight frames: only ours looks at them.
    late = np.concatenate([truth[:6], unrelated[6:]])
    assert released(truth, late) == pytest.approx(1.0)
    assert _agreement(truth, late).mean() == pytest.approx(0.75, abs=0.03)


def test_7_rgb_frames_through_a_bgr_writer_swap_red_and_blue(tmp_path: Path) -> None:
    clip = smooth_clips(1, 4, 64, 7)[0] // 2
    clip[..., 0] += 100
    path = tmp_path / "released.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 4.0, (64, 64))
    for frame in clip:
        writer.write(frame)
    writer.release()
    read = read_video(path).frames
    assert read.shape == clip.shape and read[..., 0].mean() < read[..., 2].mean() < clip[..., 0].mean() + 10
    assert np.abs(read.astype(int) - clip[..., ::-1]).mean() < 12 < np.abs(read.astype(int) - clip).mean() - 15
    # A perfect reconstruction, scored through the file and from the arrays, which is what every metric here takes.
    assert _agreement(clip, read).mean() < 0
    assert _agreement(clip, clip).mean() == pytest.approx(1.0)


def _write_mp4(path: Path, frames: Frames, rate: int) -> None:
    """Write H.264 with the encoder's own quality, as released scripts do."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=rate)
        stream.height, stream.width, stream.pix_fmt = frames.shape[1], frames.shape[2], "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())


def test_17_a_lossy_mp4_costs_score_on_the_same_frames_and_is_recorded(tmp_path: Path) -> None:
    clips = smooth_clips(2, 4, 64, 17)
    truth = _save(tmp_path / "truth", clips)
    lossy = tmp_path / "mp4"
    lossy.mkdir()
    for number, frames in enumerate(clips):
        _write_mp4(lossy / f"clip{number}.mp4", frames, 4)
    plan: dict[str, Any] = {"fps_truth": 4.0, "metrics": ("ssim_rgb_u7", "psnr"), "permutations": 0}
    ours, released = (score_request(request(pred, truth, **plan, fps_pred=4.0)) for pred in (truth, lossy))
    assert ours["source_codec"] == {"truth": ["array"], "prediction": ["array"]}
    assert released["source_codec"] == {"truth": ["array"], "prediction": ["h264"]}
    assert ours["scores"]["ssim_rgb_u7"]["value"] == pytest.approx(1.0) and ours["scores"]["psnr"]["value"] == 100.0
    assert released["scores"]["ssim_rgb_u7"]["value"] < 0.99 and released["scores"]["psnr"]["value"] < 45.0


def test_18_a_gif_with_the_durations_of_another_rate_has_the_wrong_clock(tmp_path: Path) -> None:
    clips = smooth_clips(2, 8, 48, 18)
    gifs = tmp_path / "gif"
    gifs.mkdir()
    for number, frames in enumerate(clips):
        first, *rest = [Image.fromarray(frame) for frame in frames]
        # 120 ms, the duration of 8 frames a second in a GIF's hundredths, for a clip that has 4.
        first.save(gifs / f"clip{number}.gif", save_all=True, append_images=rest, duration=120, loop=0)
    plan: dict[str, Any] = {"fps_truth": 4.0, "metrics": ("psnr",), "permutations": 0}
    whole, half = _save(tmp_path / "whole", clips), _save(tmp_path / "half", clips[:, :4])
    with pytest.raises(DataError, match="shorter than the truth"):
        score_request(request(gifs, whole, **plan))
    with pytest.raises(DataError, match="different rates"):
        score_request(request(gifs, whole, **plan, protocol="mindanimator"))
    believed, told = (_values(request(gifs, half, **plan, fps_pred=fps))["psnr"] for fps in (None, 4.0))
    assert told > believed + 8, "frames 1, 2 and 3 would meet 2, 4 and 6"
    assert _values(request(gifs, whole, **plan, fps_pred=4.0))["psnr"] > believed + 8
