"""Maps, labels and interval plots."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np

from brainflix.report.brain import Space, area_shares, draw_maps, strongest
from brainflix.report.figures import COLOURS, colour_at, flat_map, interval_plot, place_labels
from brainflix.report.scores import read_sheet
from tests.report.report_world import CORTEX


def _space(z, selected=None, structure=None, index=None, subject=1):
    return Space(
        subject=subject,
        step="",
        area=tuple(each.area for each in CORTEX),
        structure=tuple(each.structure for each in CORTEX) if structure is None else structure,
        index=np.array([each.vertex for each in CORTEX]) if index is None else index,
        z_mean=z,
        selected=selected,
    )


def test_every_grayordinate_is_drawn_inside_the_map():
    """One dot each, y downwards, NaN faint, strongest last."""
    positions = np.array([[0.0, 0.0], [100.0, 50.0], [40.0, 20.0]])
    text = flat_map(positions, np.array([1.0, np.nan, 0.0]), ("A", "A", "<B>"), largest=1.0, title="a & b")
    svg = ElementTree.fromstring(text)
    width, height = map(float, svg.attrib["viewBox"].split()[2:])
    dots = [(float(x), float(y)) for x, y in re.findall(r"M([\d.]+) ([\d.]+)h0", text)]
    assert (width, height) == (118, 68)
    assert dots == [(109.0, 9.0), (49.0, 39.0), (9.0, 59.0)]
    assert [path.attrib["stroke"] for path in svg.findall("path")] == [COLOURS[0], COLOURS[0], COLOURS[-1]]
    assert [label.text for label in svg.findall("text")] == ["A", "<B>"]
    assert svg.attrib["aria-label"] == "a & b"


def test_colours_run_through_the_stops():
    """Ends, a stop, and half way between two."""
    assert [colour_at(share) for share in (0, 0.25, 1)] == [COLOURS[0], COLOURS[1], COLOURS[-1]]
    assert colour_at(0.125) == "#aea28b"


def test_labels_do_not_overlap():
    """On the demo's left hemisphere, where areas lie close."""
    left = [each for each in CORTEX if each.structure.endswith("LEFT")]
    places = place_labels(np.array([each.flat_mm for each in left]), [each.area for each in left])
    assert set(places) == {each.area for each in left}
    boxes = [(x, y, 4.96 * len(name), 8.0) for name, (x, y) in places.items()]
    for i, (x, y, w, h) in enumerate(boxes):
        for u, v, p, q in boxes[:i]:
            assert abs(x - u) >= (w + p) / 2 or abs(y - v) >= (h + q) / 2


def test_both_hemispheres_are_drawn_where_positions_are_known():
    """And a sentence stands there where they are not."""
    z = np.linspace(0, 1, len(CORTEX))
    figures, why = draw_maps(_space(z), 1.0)
    assert ([side for side, _ in figures], why) == (["left", "right"], "")
    assert sum(figure.count("h0") for _, figure in figures) == len(CORTEX)
    figures, why = draw_maps(_space(z, index=np.full(len(CORTEX), -1)), 1.0)
    assert (figures, "not known" in why) == ([], True)
    figures, why = draw_maps(_space(None), 1.0)
    assert (figures, "no reliability" in why) == ([], True)


def test_shares_are_the_selected_fractions():
    """Against counting by hand, most selected first."""
    selected = np.array([each.area == "V1" or each.vertex % 2 == 0 for each in CORTEX])
    shares = area_shares([_space(None, selected), _space(None, None)])
    assert shares[0].area == "V1"
    assert shares[0].fractions == (1.0, None)
    for share in shares:
        own = [s for s, each in zip(selected, CORTEX, strict=True) if each.area == share.area]
        assert (share.n, share.fractions[0]) == (len(own), sum(own) / len(own))


def test_the_strongest_colour_is_common_and_never_zero():
    """A percentile over all subjects; silent brains do not become bright."""
    z = np.linspace(0, 1, len(CORTEX))
    assert strongest([_space(z), _space(z * 0)]) == np.percentile(np.r_[z, z * 0], 99)
    assert strongest([_space(z * 0)]) == 0.05
    assert strongest([]) == 1.0


def test_interval_plot_keeps_the_order_of_the_numbers():
    """Positions grow with the values; unknown ones are left out."""
    score = {"value": 0.4, "chance": 0.1, "ci95": [0.3, 0.5], "ceiling": 0.9, "baselines": {"mean": 0.2, "gray": None}}
    row = read_sheet({"scores": {"m": score}}, ref="a").rows[0]
    svg = ElementTree.fromstring(interval_plot(row))
    x = {each.attrib["class"]: each for each in svg}
    chance, rival, value = (float(x[c].attrib[a]) for c, a in (("chance", "x1"), ("rival", "x1"), ("value", "cx")))
    low, high = (float(x["interval"].attrib[a]) for a in ("x1", "x2"))
    assert chance < rival < low < value < high < 132
    assert len([each for each in svg if each.attrib["class"] == "rival"]) == 1
    assert interval_plot(read_sheet({"scores": {"m": {}}}, ref="a").rows[0]) == ""
