"""What the fork server of the crash tests imports once: everything that a run imports."""

import brainflix.align.stage
import brainflix.datasets.cc2017.cleaning
import brainflix.download.stage
import brainflix.evaluate.networks.video_classifier
import brainflix.evaluate.scoring
import brainflix.io.video
import brainflix.reconstruct.zeroscope
import brainflix.regress.regressors
import brainflix.report.stage
import brainflix.targets.clip
import brainflix.targets.text
import brainflix.targets.vae
import brainflix.train.phases  # noqa: F401
