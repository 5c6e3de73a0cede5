"""The memory of `score` does not grow with the clips: measured in a process of its own, from clips to document."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.memory import PEAK_KIB, needs_linux

# Small frames, and constants so small that they are outgrown by the fewest clips: what is held once does not count.
SCRIPT = """
import sys
from dataclasses import replace
from pathlib import Path
import numpy as np
from brainflix.evaluate import ssim_pairs, views
from brainflix.evaluate.clock import regular
from brainflix.evaluate.choosing import choose_metrics
from brainflix.evaluate.design import Settings
from brainflix.evaluate.scoring import Choices, How, score_source
from brainflix.evaluate.sources import Source
from brainflix.evaluate.protocols import find_protocol
from brainflix.io.clip_read import Clip

n, folder = int(sys.argv[1]), Path(sys.argv[2])
views.TILE, ssim_pairs.MEMORY_BYTES = 32, 2**21
protocol = replace(find_protocol("strict"), width=32, height=32)
starts = regular(3, 3.0).starts_s

def read(name):
    truth, other = np.random.default_rng(int(name)).integers(0, 256, (2, 3, 32, 32, 3), dtype=np.uint8)
    return Clip(truth, starts, "array"), Clip(truth // 2 + other // 2, starts, "array")

names = ("ssim_excess", "pixcorr", "ssim_rgb_u7", "psnr", "hue_circ", "flow_cosine_matched", "epe", "skill", NWAY)
logits = []
for side in (0, 1):
    logits.append(folder / f"{side}.npz")
    np.savez(logits[side], logits=np.random.default_rng(side).standard_normal((n, 3, 1000), np.float32))
how = How(settings=Settings(permutations=4000))
choices = Choices(protocol, choose_metrics(names, protocol), how, logits=tuple(logits))
score_source(Source(tuple(map(str, range(n))), read), choices, folder, lambda items, what: iter(items))
print(PEAK_KIB)
"""
# A clip's class scores are 24 KiB here and are held, the rest is on disk; samples, permutations and matrices of all
# pairings in memory are more than 300 KiB a clip.
MOST_KIB_A_CLIP = 100.0


def _peak_kib(n_clips: int, folder: Path) -> int:
    folder.mkdir()
    script = SCRIPT.replace("NWAY", '"nway_50_frame_g1"').replace("PEAK_KIB", PEAK_KIB)
    found = subprocess.run([sys.executable, "-c", script, str(n_clips), str(folder)], capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    return int(found.stdout)


@needs_linux
def test_memory_hardly_grows_with_the_clips(tmp_path: Path) -> None:
    pytest.importorskip("cv2")
    few, many = _peak_kib(80, tmp_path / "few"), _peak_kib(320, tmp_path / "many")
    assert (many - few) / 240 < MOST_KIB_A_CLIP, f"{few} KiB for 80 clips, {many} KiB for 320"
