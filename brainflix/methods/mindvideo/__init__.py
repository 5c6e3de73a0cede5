"""MinD-Video (Chen et al. 2023): docs/methods/mindvideo.md."""
