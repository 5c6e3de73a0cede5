"""What the shell offers, asked as bash asks; nothing heavy is imported for it."""

from __future__ import annotations

import json

import pytest
from test_cli_help import HEAVY, python

from brainflix.parts.find import own_parts
from brainflix.recipe.files import load_recipe

CODE = (
    "import sys, json\n"
    "from brainflix.cli.app import invoke\n"
    "try:\n    invoke([])\nfinally:\n"
    "    sys.stderr.write(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
)


def complete(words: str) -> list[str]:
    """Return what is offered for the last word, which may be empty."""
    env = {"_BRAINFLIX_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    done = python(CODE, **env)
    assert not HEAVY & {*json.loads(done.stderr.splitlines()[-1])}, words
    return done.stdout.split()


def test_parts_of_the_category_that_was_named():
    assert complete("brainflix list parts regress ") == sorted(own_parts()["regress"])
    assert "vae-latents" in complete("brainflix list parts extract-targets v")


def test_metrics_of_the_protocol_one_after_the_other():
    assert complete("brainflix score --metrics ssim_e") == ["ssim_excess"]
    assert complete("brainflix score --metrics psnr,pixcorr,ps") == ["psnr,pixcorr,psnr_pooled"]
    assert "hue_cos" in complete("brainflix score --protocol mindanimator --metrics hue_c")


def test_steps_subjects_presets_and_roles_of_the_recipe():
    recipe = load_recipe("demo")
    assert complete("brainflix regress demo --step ") == sorted(recipe.steps["regress"])
    assert complete("brainflix download bmd --step ") == ["bold", "stimuli"]
    assert complete("brainflix run demo --subject ") == [str(number) for number in recipe.dataset.subjects]
    assert complete("brainflix run brain-netflix-bmd --preset ") == ["tiny"]
    roles = {f"{role}=" for step in recipe.steps["regress"].values() for role in step.inputs}
    assert complete("brainflix regress demo --input ") == sorted(roles) and "rows=" in roles


def test_places_and_values_of_set():
    found = complete("brainflix run demo --set regress.z.")
    assert {"regress.z.alphas=", "regress.z.part=", "regress.z.inputs.rows=", "regress.z.pool=cls"} <= {*found}
    assert complete("brainflix run demo --set dataset.sn") == ["dataset.snr="]
    assert complete("brainflix status demo --set preprocess.select=t") == [
        "preprocess.select=top",
        "preprocess.select=top-clipped",
    ]
    assert complete("brainflix import-checkpoint mbm weights.pth --set d") == ["decoder_heads="]


@pytest.mark.parametrize(
    "words", ["run nowhere --set ", "regress nowhere --step ", "list parts nothing ", "run --preset "]
)
def test_where_the_words_before_mean_nothing_nothing_is_offered(words):
    assert complete(f"brainflix {words}") == []
