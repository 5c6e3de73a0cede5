"""The recipe of the tiny weights: its parts do what they say, and a few steps of each training leave loadable files."""

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, UNet3DConditionModel
from transformers import AutoTokenizer, BlipForConditionalGeneration, CLIPModel, VideoMAEForVideoClassification

from brainflix.demo.grammar import FACTORS
from brainflix.demo.make_weights import blip, classifier, clip, mindvideo, unet, vae
from brainflix.demo.make_weights.common import STREAM_SEED, scene_batches
from brainflix.demo.make_weights.conditions import CPU, Blur, Teacher
from brainflix.demo.world import segments
from brainflix.io.unet_files import read_denoiser
from brainflix.io.weights import SHIPPED
from brainflix.models.inflated_unet import inflate
from brainflix.pretrained.text import encode_captions

EXACT = Blur(latents=0, prompts=0, most_other=0, most_mean=0, noise=0, stillness=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Weights after two steps of each training, in the order of the recipe."""
    root = tmp_path_factory.mktemp("weights")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unet, "BANK", 32)
        patch.setattr(mindvideo, "BANK", 32)
        vae.train(root / "zeroscope" / "vae", 2)
        clip.train(root / "clip", 2)
        classifier.train(root / "video-classifier", 2)
        unet.train(root / "zeroscope", 2)
        blip.train(root / "blip", 2)
        mindvideo.train(root / "mindvideo", 2)
    return root


def test_each_training_leaves_files_that_load(folder):
    autoencoder = AutoencoderKL.from_pretrained(folder / "zeroscope" / "vae")
    assert autoencoder.config.scaling_factor > 0
    assert UNet3DConditionModel.from_pretrained(folder / "zeroscope" / "unet").config.in_channels == 4
    assert CLIPModel.from_pretrained(folder / "clip").config.projection_dim == clip.WIDTH
    assert VideoMAEForVideoClassification.from_pretrained(folder / "video-classifier").config.num_labels == 144
    words = AutoTokenizer.from_pretrained(folder / "blip")
    assert BlipForConditionalGeneration.from_pretrained(folder / "blip").config.text_config.bos_token_id == len(words)
    assert (folder / "zeroscope" / "model_index.json").is_file()
    assert str(folder) not in (folder / "zeroscope" / "unet" / "config.json").read_text()
    settings, state = read_denoiser(folder / "mindvideo" / "unet")
    assert inflate(settings, state, 0).config.sample_size == 8
    assert (folder / "mindvideo" / "scheduler" / "scheduler_config.json").is_file()


def test_training_repeats(folder, tmp_path):
    vae.train(tmp_path / "again", 2)
    first, again = (AutoencoderKL.from_pretrained(path) for path in (folder / "zeroscope" / "vae", tmp_path / "again"))
    for name, value in first.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


def test_no_scene_of_the_demo_is_trained_on():
    shown = {scene for film in segments(_params()).values() for scene in film}
    trained = {scene for seed in range(12) for scene in next(scene_batches(seed, 200))}
    assert len(trained) == 12 * 200 and not shown & trained and STREAM_SEED >= 1000


def _params():
    return {"seed": 0, "clips_per_segment": 60, "n_train_segments": 18, "n_test_segments": 2}


def test_blends_are_averages_of_a_few():
    shares = vae._shares(np.random.default_rng(0), 32)
    assert shares.shape == (vae.BLENDS, 32) and ((shares > 0).sum(1) == vae.BLENDED).all()
    torch.testing.assert_close(shares.sum(1), torch.ones(vae.BLENDS))
    x = torch.randn(32, 3, 4, 4)
    blended = vae._with_blends(x, shares)
    assert torch.equal(blended[:32], x)
    torch.testing.assert_close(blended[32], sum(shares[0, i] * x[i] for i in range(32)))


def test_the_loss_wants_the_noise_that_leads_to_the_true_latents():
    random = torch.Generator().manual_seed(0)
    z, noise = (torch.randn((5, 4, 8, 8, 8), generator=random) for _ in range(2))
    kept = torch.tensor([0.9, 0.5, 0.2, 0.05, 0.001])
    signal, rest = kept.sqrt().view(-1, 1, 1, 1, 1), (1 - kept).sqrt().view(-1, 1, 1, 1, 1)
    assert unet.noise_loss(noise, signal * z + rest * noise, z, kept) < 1e-9
    wrong = z + 0.5
    towards = (signal * wrong + rest * noise - signal * z) / rest
    assert unet.noise_loss(towards, signal * wrong + rest * noise, z, kept) < 1e-9
    assert unet.noise_loss(noise, signal * wrong + rest * noise, z, kept) > 0.01


def test_blur_is_nothing_at_zero_and_only_where_allowed(folder):
    scenes = next(scene_batches(4, 6))
    teacher = Teacher(folder / "zeroscope", EXACT, seed=1)
    z = teacher.latents(scenes)
    assert z.shape == (6, 4, 8, 8, 8)
    assert torch.equal(teacher.latents_as_predicted(z, torch.full((6,), 999)), z)
    exact = teacher.prompts(scenes, dropped=0)
    torch.testing.assert_close(exact, teacher._states([scene.caption() for scene in scenes]))
    torch.testing.assert_close(teacher.prompts(scenes, dropped=1), teacher._states([""] * 6))
    blurring = Teacher(folder / "zeroscope", unet.PHASES[0].blur, seed=1)
    blurring.blur = Blur(latents=1, prompts=1, most_other=0.4, most_mean=0.4, noise=0.1, stillness=1)
    changed = blurring.latents_as_predicted(z, torch.tensor([999, 100] * 3)) != z
    assert changed.flatten(1).any(1).tolist() == [True, False] * 3
    assert not torch.allclose(blurring.prompts(scenes, dropped=0), exact)


@pytest.mark.parametrize("which", ["fresh", "shipped"])
def test_the_generator_is_told_what_it_was_trained_on(folder, which):
    """The text tower's configuration says that the filling of captions is hidden, as it was in training."""
    weights = (folder if which == "fresh" else SHIPPED) / "zeroscope"
    captions = [scene.caption() for scene in next(scene_batches(3, 4))] + [""]
    trained_on = Teacher(weights, EXACT, seed=1)._states(captions)
    told = encode_captions(captions, weights / "text_encoder", weights / "tokenizer", CPU)
    np.testing.assert_allclose(told, trained_on.numpy(), atol=1e-5)


def test_similar_captions_share_some_factors(folder):
    scenes = next(scene_batches(5, 40))
    teacher = Teacher(folder / "zeroscope", EXACT, seed=2)
    shared = [
        sum(word in caption.split() for word in (getattr(scene, name) for name in FACTORS))
        for scene, caption in zip(scenes, teacher._similar_captions(scenes), strict=True)
    ]
    # Two of four are taken from a stranger, with whom a scene shares about one factor in four by chance.
    assert min(shared) < 3 and max(shared) == 4 and 2 < np.mean(shared) < 3.2


def test_blurred_tokens_lie_between_the_clips_own_and_the_mean():
    random = torch.Generator().manual_seed(3)
    tokens = torch.randn((40, 5, 6), generator=random) + 7
    assert torch.equal(blip.Blur(share=0)(tokens, random), tokens)
    still = blip.Blur(share=1, most_mean=0, most_other=0, most_noise=0)
    torch.testing.assert_close(still(tokens, random), tokens)
    pulled = blip.Blur(share=1, most_mean=0.5, most_other=0, most_noise=0)(tokens, random)
    mean = tokens.mean(0, keepdim=True)
    share = ((tokens - pulled) / (tokens - mean)).flatten(1).median(1).values
    assert share.min() >= 0 and share.max() <= 0.5 and 0.15 < share.mean() < 0.35
    torch.testing.assert_close(pulled, tokens.lerp(mean, share.view(-1, 1, 1)), atol=1e-4, rtol=0)


def test_captions_of_the_grammar_are_words_that_the_captioner_knows():
    words = blip.build_tokenizer()
    scenes = next(scene_batches(6, 50))
    said = words([f"{blip.PREFIX} {scene.caption()}" for scene in scenes])["input_ids"]
    assert {len(ids) for ids in said} == {13} and not any(words.unk_token_id in ids for ids in said)
