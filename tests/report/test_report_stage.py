"""The page as text: what stands in it, whatever is missing among the inputs."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pytest
import yaml

from brainflix.parts.params import AnyParams
from brainflix.recipe.schema import parse_recipe
from brainflix.report.recipe_text import recipe_yaml
from brainflix.report.scores import format_p
from brainflix.store.refs import Ref
from brainflix.store.responses import Responses
from brainflix.store.schema import Clips, Videos, write_json
from tests.report.report_world import CORTEX, N_FRAMES, RECIPE, make_world

VOID = {"meta", "link", "br", "wbr", "input", "img"}


class _Page(HTMLParser):
    """Checks that tags nest, and gathers ids, addresses and text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        """Note the tag."""
        given = dict(attrs)
        self.ids += [given["id"]] if "id" in given else []
        self.addresses += [given[name] for name in ("src", "href") if name in given]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        """Self-closed tags of the SVGs need no end."""

    def handle_endtag(self, tag):
        """Close the innermost tag."""
        assert self.open.pop() == tag

    def handle_data(self, data):
        """Keep what a reader sees."""
        if self.open and self.open[-1] not in ("style", "script", "title"):
            self.words.append(data)

    @property
    def text(self) -> str:
        """What a reader sees."""
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """The small store."""
    return make_world(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def page(world, tmp_path_factory):
    """The page of all inputs."""
    return world.write(tmp_path_factory.mktemp("page"))


def test_page_is_well_formed_light_and_self_contained(page):
    """Tags nest, ids are unique, and every address is inside the page."""
    parsed = _Page(page)
    assert not parsed.open
    assert len(set(parsed.ids)) == len(parsed.ids)
    assert all(address.startswith(("#", "data:")) for address in parsed.addresses)
    assert {address[1:] for address in parsed.addresses if address.startswith("#")} <= set(parsed.ids)
    assert "http" not in re.sub(r"data:[^\"]*|http-equiv", "", page)
    assert len(page) < 6e6


def test_page_says_what_it_must(page, world):
    """Banner, summary, scores, clips, areas, provenance, recipe."""
    text = _Page(page).text
    assert text.index("Simulated data") < text.index("brainflix report")
    for words in ("Embedded simulation in CC2017's layout", "1, 2, 3", "protocol strict, 24 test clips"):
        assert words in text
    assert text.count("simulated") >= 4
    labels = {label: page.count(f"<b>{label}</b>") for label in ("best", "median", "worst", "random")}
    assert labels == {"best": 3, "median": 3, "worst": 3, "random": 12}
    assert page.count("<video ") == 21
    for artifact in world.inputs["preprocess"]:
        selected = int(Responses.load(artifact).masks["selected"].sum())
        assert text.count(f"{selected} of {len(CORTEX)} grayordinates selected") == 1
    assert "Factors of the scenes" in text and "Intervals resample runs" in text
    assert "brainflix run demo.yaml" in text
    for stage in ("raw/demo-stimuli@", "bold/demo-sub-2@", "targets/demo-frames@", "scores/demo-sub-3@"):
        assert text.count(stage) == 1
    assert "16 artifacts" in text


def test_videos_come_first_and_then_scores_brains_provenance_and_recipe(page):
    """In the page and in its list of sections."""
    parsed = _Page(page)
    order = ["videos", "scores", "brain", "ran", "recipe"]
    assert [each for each in parsed.ids if each in order] == order
    assert [each for each in parsed.addresses if each.startswith("#")] == [f"#{each}" for each in order]
    headings = ("Truth and reconstruction", "Scores", "Reliability of the responses", "What ran", "Recipe")
    places = [page.index(f"<h2>{heading}<") for heading in headings]
    assert places == sorted(places) and places[0] < page.index("<video ") < places[1] < page.index('class="scores"')


def test_headings_need_no_knowledge_of_the_code(page):
    """Every heading and name of a metric or a baseline is in plain words; the metric's own name stands below."""
    headings = [" ".join(each.split()) for each in re.findall(r"<th scope=\"col\"[^>]*>([^<]*)</th>", page)]
    shown = {"95 % interval", "p", "p, adjusted (Holm)", "Better than chance by", "Ceiling", "Clips", "mean frame"}
    assert shown <= set(headings) and {"grey", "true first frame, still&nbsp;*"} <= set(headings)
    assert not any("_" in each or each in ("lo", "hi", "n") for each in headings)
    metrics = re.findall(r'<span class="metric">([^<]*)</span>', page)
    assert "SSIM" in metrics and "PSNR" in metrics and "ssim" not in metrics
    assert '<span class="about name">ssim</span>' in page


def test_a_label_of_the_run_stands_in_the_head_and_beside_what_it_made(world, page, tmp_path):
    """And nothing stands there where no run had one."""
    assert "Experiment" not in page
    with world.store.publish(
        Ref("bold", "demo-sub-1", "00000000abcd"), stage="preprocess", stage_version=1, parameters={}, inputs={}
    ) as out:
        (out.path / "note.txt").write_text("x")
        out.notes = {"experiment": "second try"}
    inputs = {**world.inputs, "targets": [world.store.open("bold/demo-sub-1@00000000abcd"), *world.inputs["targets"]]}
    labelled = world.write(tmp_path, inputs)
    assert "<dt>Experiment</dt><dd>second try</dd>" in labelled
    assert labelled.count("<td>second try</td>") == 1 and '<th scope="col">Experiment</th>' in labelled


def test_a_page_of_some_subjects_says_of_whom_and_how_to_make_it(world, tmp_path):
    """The recipe stays whole; the command names the subjects."""
    inputs = {
        role: [each for each in found if each.manifest.parameters.get("subject") in (None, 2)]
        for role, found in world.inputs.items()
    }
    whole = world.job().params.recipe
    page = world.write(tmp_path, inputs, params=AnyParams.model_validate({"recipe": whole, "subjects": [2]}))
    text = _Page(page).text
    assert "Subjects 2 of 1, 2, 3" in text and "brainflix run demo.yaml --only report --subject 2" in text
    assert "Subject 2 by SSIM" in text and "Subject 1" not in text and "Subject 3" not in text
    assert "subjects: [1, 2, 3]" in text


def test_scores_are_marked_as_the_numbers_say(world, page):
    """Subjects 1 and 2 beat everything; subject 3 loses to a baseline, which is marked in its place."""
    metrics = len(world.inputs["evaluate"][0].json("scores.json")["scores"])
    assert page.count('class="mark beats" role') == 2 * 2 * metrics + 2 * 2
    assert page.count("num better") == metrics


def test_each_p_stands_beside_its_adjusted_one(world, page):
    """Once for each metric of each subject."""
    metrics = len(world.inputs["evaluate"][0].json("scores.json")["scores"])
    adjusted = re.findall(r">([^<]*)</td>\n<td class=\"num adjusted\">([^<]*)</td>", page)
    assert len(adjusted) == 3 * metrics
    assert set(adjusted) == {(format_p(0.0002), format_p(0.001)), (format_p(0.013), format_p(0.065))}


def test_the_same_inputs_give_the_same_bytes(world, page, tmp_path):
    """Nothing of the page depends on the time or the order of hashing."""
    assert world.write(tmp_path) == page


@pytest.mark.parametrize(
    ("role", "sentence"),
    [
        ("evaluate", "No scores:"),
        ("reconstruct", "No videos:"),
        ("preprocess", "No responses:"),
        ("targets", "The true frames are not among the inputs"),
    ],
)
def test_a_missing_role_is_said(world, tmp_path, role, sentence):
    """The rest of the page is there."""
    inputs = {name: found for name, found in world.inputs.items() if name != role}
    text = _Page(world.write(tmp_path, inputs)).text
    assert sentence in text
    assert "brainflix run demo.yaml" in text
    assert "Simulated data" in text


def test_nothing_at_all_still_gives_a_page(world, tmp_path):
    """No inputs, no recipe, a dataset that nobody knows."""
    text = _Page(world.write(tmp_path, {}, params=AnyParams(), dataset="unheard-of")).text
    for words in ("No scores", "No videos", "No responses", "No artifacts", "The recipe was not given", "unheard-of"):
        assert words in text
    assert "Simulated data" not in text


def test_what_cannot_be_read_is_named(world, tmp_path):
    """A scores.json without scores, videos that do not match, a history that is gone: each is a sentence."""
    bad = {}
    for kind, stage in (("scores", "evaluate"), ("videos", "reconstruct")):
        ref = Ref(kind, "demo-sub-9", "00000000beef")
        options = {"stage": stage, "stage_version": 1, "parameters": {"subject": 9}, "fsync": False}
        with world.store.publish(ref, inputs={"bold": ["bold/gone@0123456789ab"]}, **options) as out:
            write_json(out.path / f"{kind}.json", {"protocol": "strict"})
        bad[stage] = world.store.open(ref)
    inputs = {role: [*found, *([bad[role]] if role in bad else [])] for role, found in world.inputs.items()}
    text = _Page(world.write(tmp_path, inputs)).text
    assert "scores/demo-sub-9@00000000beef" in text and "holds no scores" in text
    assert "clips of subject 9" in text
    assert "bold/gone@0123456789ab: there is no artifact" in text
    assert "Subject 3 by SSIM, of 24 test clips" in text


def test_text_from_artifacts_cannot_become_markup(tmp_path):
    """Captions, notes and tables are data."""
    world = make_world(tmp_path, subjects=(1,))
    evil = "<script>alert(1)</script>"
    ids = tuple(f"test1_{i:03d}" for i in range(3))
    frames = np.zeros((3, N_FRAMES, 32, 32, 3), np.uint8)
    clips = Clips(ids, ("test1",) * 3, np.arange(3.0), np.full(3, 2), (evil,) * 3)
    truth, videos, scores = (Ref(kind, "evil", "00000000aaaa") for kind in ("targets", "videos", "scores"))
    options = {"stage_version": 1, "inputs": {}, "fsync": False}
    # True frames may also be kept as videos
    with world.store.publish(truth, stage="targets", parameters={"part": "frames"}, **options) as out:
        clips.save(out.path)
        Videos(frames, ids, 4.0).save(out.path)
    with world.store.publish(videos, stage="reconstruct", parameters={"subject": 1, "step": evil}, **options) as out:
        Videos(frames, ids, 4.0).save(out.path)
    with world.store.publish(scores, stage="evaluate", parameters={"subject": 1}, **options) as out:
        rows = {evil: [{evil: evil}]}
        write_json(out.path / "scores.json", {"scores": {evil: {"about": evil}}, "notes": [evil], "tables": rows})
    found = {"targets": truth, "reconstruct": videos, "evaluate": scores}
    page = world.write(tmp_path / "page", {role: [world.store.open(ref)] for role, ref in found.items()})
    assert page.count("<script>") == 1
    assert "alert(1)" in _Page(page).text
    assert page.count("<video ") == 3


def test_the_recipe_on_the_page_is_the_recipe(world, page):
    """Read again, it gives the same recipe; what a person would not write is left out."""
    written = recipe_yaml(world.recipe.model_dump(mode="json", by_alias=True))
    assert parse_recipe(yaml.safe_load(written)) == world.recipe
    assert yaml.safe_load(written) == {**RECIPE, "regress": {"z": {"part": "ridge", "inputs": _inputs()}}}
    assert "subjects: [1, 2, 3]" in _Page(page).text


def _inputs():
    return {"bold": "align", "targets": "targets.z"}


@pytest.mark.parametrize("subjects", ["pooled", "none", [1, 3]])
def test_every_form_of_step_survives(subjects):
    """Subjects, several sources of a role, sources of chosen subjects, nested parameters."""
    step = {
        "part": "ridge",
        "subjects": subjects,
        "inputs": {"bold": ["preprocess[1,3]", "align.z[others]"], "more": []},
        "alphas": [1.0, 10.0],
        "deep": {"rows": [[1, 2], [3]], "name": None},
    }
    body = {"recipe": "r", "dataset": {"name": "demo", "subjects": [1], "seed": 3}, "regress": {"a": step, "b": step}}
    recipe = parse_recipe(body)
    assert parse_recipe(yaml.safe_load(recipe_yaml(recipe.model_dump(mode="json", by_alias=True)))) == recipe
