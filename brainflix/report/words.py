"""Plain words for the names that score documents use: metrics, baselines, columns of the further tables.

The names themselves stay in the documents. What is not known here is shown as its name, without underscores.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_COLUMNS = {
    "interval": "95 % interval",
    "p_holm": "p, adjusted (Holm)",
    "decoder": "decoder",
    "identification": "pairwise identification",
    "gain": "gain over the first row",
    "gain_interval": "95 % interval of the gain",
    "gain_p": "p of the gain",
    "gain_p_holm": "p of the gain, adjusted (Holm)",
    "target": "regressed target",
    "mse": "mean squared error",
    "mae": "mean absolute error",
    "r2_mean": "R², mean over dimensions",
    "r2_median": "R², median over dimensions",
    "r2_weighted": "R², weighted by variance",
    "profile_correlation": "correlation over clips, mean over dimensions",
    "ceiling": "ceiling that repeats allow",
    "reliability": "reliability of the prediction",
    "dims": "dimensions",
    "n_dims": "dimensions",
    "undefined_dims": "dimensions that are undefined",
    "n_undefined": "dimensions that are undefined",
    "n_negative": "dimensions with reliability below 0",
    "n": "clips",
    "n_clips": "clips",
    "n_seeds": "seeds",
    "mean": "mean over seeds",
    "sd_of_means": "standard deviation between seeds",
    "sd_within_clip": "standard deviation within a clip",
    "share_of_variance": "share of variance that the seed makes",
    "status": "why",
    "next": "what to do",
    "revision": "pinned version",
}
_ENDS = {"interval": "95 % interval", "p": "p", "p_holm": "p, adjusted (Holm)"}
_TABLES = {"Checkpoints": "Networks that the scores use"}
_BASELINES = {
    "gray": "grey",
    "train_mean": "training mean",
    "mean_frame": "mean frame",
    "blurred": "blurred copy",
    "static_first": "first frame, still",
    "truth_first": "true first frame, still",
    "mismatched": "other clips' predictions",
}
_METRICS = {
    "ssim": "SSIM",
    "ssim_excess": "SSIM beyond other clips",
    "pixcorr": "Correlation of pixels",
    "psnr": "PSNR",
    "psnr_pooled": "PSNR of all frames together",
    "mse": "Mean squared error of pixels",
    "ssim_gray_g11_columns": "SSIM of single columns",
    "hue_circ": "Agreement of hue",
    "hue_cos": "Cosine of hue",
    "hue_cos_bgr": "Cosine of hue, red and blue swapped",
    "hue_circ_corr": "Circular correlation of hue",
    "flow_cosine": "Direction of motion",
    "flow_cosine_matched": "Direction of motion at like speed",
    "epe": "Error of motion",
    "epe_normalised": "Error of motion, relative to size and time",
    "epe_static": "Error of motion of a still clip",
    "skill": "Motion better than a still clip",
    "speed_ratio": "Predicted speed over true speed",
    "angular_error": "Angle between motions",
    "reversal_gain": "Motion beyond that backwards in time",
    "motion_energy": "Correlation of motion energy",
    "smoothness": "Smoothness of motion",
    "clip_tc": "Likeness of neighbouring frames",
    "clip_tc_all": "Likeness of all frames",
    "clip_tc_gated": "Likeness of neighbouring frames where ViFi-CLIP agrees",
    "vifi": "CLIP similarity, ViFi-CLIP",
    "lpips": "LPIPS",
    "effnet_distance": "Feature distance, EfficientNet",
    "swav_distance": "Feature distance, SwAV",
    "epe_raft": "Error of motion, RAFT",
    "epe_raft_static": "Error of motion of a still clip, RAFT",
    "skill_raft": "Motion better than a still clip, RAFT",
    "flow_cosine_raft": "Direction of motion, RAFT",
    "fvd": "Fréchet video distance",
    "kvd": "Kernel video distance",
}
_NETWORKS = {"b32": "CLIP ViT-B/32", "l14": "CLIP ViT-L/14"}
# From the most special beginning to the most general: the first that fits gives the title.
_PATTERNS: tuple[tuple[str, Callable[[re.Match[str]], str]], ...] = (
    (r"ssim_(rgb|gray)_[ug]\d+", lambda m: f"SSIM, {'RGB' if m[1] == 'rgb' else 'luminance'}"),
    (r"nway_(\d+)(?:_(video|frame))?(?:_g(\d+))?(?:_(\d+)f)?", lambda m: _nway(*m.groups())),
    (r"clip_score_video_(b32|l14)", lambda m: f"Similarity of clips, {_NETWORKS[m[1]]}"),
    (r"clip_score_(b32|l14)", lambda m: f"Similarity of frames, {_NETWORKS[m[1]]}"),
    (r"(clip_tc(?:_all)?)_truth", lambda m: f"{_METRICS[m[1]]}, of the truth"),
    (r"(clip_tc(?:_all)?)_difference", lambda m: f"{_METRICS[m[1]]}, apart from the truth"),
    (r"r_(.+)", lambda m: f"Correlation over time, {m[1]}"),
    (r"identification_(.+)", lambda m: f"Pairwise identification, {m[1]}"),
    (r"retrieval(\d+)_stim_to_brain_(.+)", lambda m: f"Top-{m[1]} retrieval, {m[2]}, stimulus to brain"),
    (r"retrieval(\d+)_near_(.+)", lambda m: f"Top-{m[1]} retrieval, {m[2]}, neighbours count"),
    (r"retrieval(\d+)_of(\d+)_(.+)", lambda m: f"Top-{m[1]} retrieval among {m[2]}, {m[3]}"),
    (r"retrieval(\d+)_(.+)", lambda m: f"Top-{m[1]} retrieval, {m[2]}"),
    (r"pattern_(.+)", lambda m: f"Correlation of patterns, {m[1]}"),
    (r"cosine_(.+)", lambda m: f"Cosine, {m[1]}"),
    (r"explained_(.+)", lambda m: f"Explained variance, {m[1]}"),
)


def column_title(name: str) -> str:
    """Return what a column of a further table holds."""
    if name in _COLUMNS:
        return _COLUMNS[name]
    for end, words in _ENDS.items():
        if name.endswith(f"_{end}"):
            return f"{words} of {_plain(name.removesuffix(f'_{end}'))}"
    return _plain(name)


def table_title(title: str) -> str:
    """Return what a further table is called."""
    return _TABLES.get(title, title)


def baseline_title(name: str) -> str:
    """Return what a baseline is; that of a step of the recipe is its name."""
    return _BASELINES.get(name, _plain(name).replace("-", " "))


def metric_title(name: str) -> str:
    """Return what a metric is called by people; its own name if it is not known."""
    if name in _METRICS:
        return _METRICS[name]
    for pattern, words in _PATTERNS:
        if match := re.fullmatch(pattern, name):
            return words(match)
    return name


def _nway(ways: str, of: str | None, classes: str | None, frames: str | None) -> str:
    """Return the title of an N-way accuracy; older names say neither classifier nor, for one, true classes."""
    true = f"{classes or 1} true class{'es' if classes not in (None, '1') else ''}"
    by = {"video": "video classifier, ", "frame": "image classifier, ", None: ""}[of]
    return f"{ways}-way accuracy, {by}{true}" + (f", {frames} frames" if frames else "")


def _plain(name: str) -> str:
    return name.replace("_", " ")
