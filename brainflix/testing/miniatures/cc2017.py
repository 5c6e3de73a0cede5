"""CC2017 in small, under the name by which other projects know it; it stands with its data set."""

from brainflix.datasets.cc2017.miniature import Planted as Planted
from brainflix.datasets.cc2017.miniature import make as make
