"""BLIP's two halves on random twins of the real classes, and facts of docs/methods/brain-netflix.md."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BertTokenizerFast, BlipConfig, BlipForConditionalGeneration

from brainflix.demo.make_weights import blip as recipe
from brainflix.device import pick_compute, seeded_init
from brainflix.errors import DataError
from brainflix.pretrained.blip import Captioner, Search, load_captioner, load_vision_tower, visual_tokens

CPU = pick_compute("cpu", "float32")
RELEASED = Search(beams=1, repetition_penalty=6.0, max_length=20, min_length=4)


def twin(sharpness: float = 30.0) -> tuple[BlipForConditionalGeneration, BertTokenizerFast]:
    """Return an untrained captioner whose words differ enough to be chosen between."""
    tokenizer = recipe.build_tokenizer()
    model = recipe.build(tokenizer, seed=3).eval()
    with torch.no_grad():
        model.text_decoder.cls.predictions.transform.LayerNorm.weight.mul_(sharpness)
        for layer in model.text_decoder.bert.encoder.layer:
            layer.crossattention.output.dense.weight.mul_(sharpness)
    return model, tokenizer


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    model, tokenizer = twin()
    path = tmp_path_factory.mktemp("blip")
    model.save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def captioner(folder) -> Captioner:
    return load_captioner(folder, CPU)


def tokens(n: int = 12, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, 17, recipe.WIDTH)).astype(np.float32)


def greedy(captioner: Captioner, seen: np.ndarray, search: Search, end: int) -> list[int]:
    """Caption one clip by hand: the whole sequence through the decoder for each word, nothing kept."""
    said = list(captioner.prefix)
    while len(said) < search.max_length and said[-1] != end:
        with torch.no_grad():
            hidden = torch.from_numpy(seen[None])
            scores = captioner.decoder(torch.tensor([said]), encoder_hidden_states=hidden).logits[0, -1].numpy().copy()
        for word in set(said):
            scores[word] *= search.repetition_penalty if scores[word] < 0 else 1 / search.repetition_penalty
        if len(said) < search.min_length:
            scores[end] = -np.inf
        said.append(int(scores.argmax()))
    return said


@pytest.mark.parametrize(
    "search", [RELEASED, Search(1, 1.5, 20, 4), Search(1, 1.0, 9, 8), Search(1, 1.3, 13, 12)], ids=str
)
def test_greedy_captions_equal_a_plain_loop(captioner, search):
    end = captioner.tokenizer.sep_token_id
    seen = tokens()
    found = captioner.ids(seen, search).tolist()
    expected = [greedy(captioner, each, search, end) for each in seen]
    pad = captioner.tokenizer.pad_token_id
    longest = max(map(len, expected))
    assert found == [each + [pad] * (longest - len(each)) for each in expected]
    assert len({tuple(each) for each in found}) > 3, "the twin must say different things of different tokens"


def test_captions_end_no_sooner_and_no_later_than_allowed(captioner):
    decoder, tokenizer = captioner.decoder, captioner.tokenizer
    kept = decoder.cls.predictions.bias.detach().clone()
    try:
        # A decoder that always wants to end does so with the first word that may be the end.
        with torch.no_grad():
            decoder.cls.predictions.bias[tokenizer.sep_token_id] = 1e4
        assert captioner.ids(tokens(), RELEASED).shape == (12, 5)
        assert captioner.captions(tokens(), RELEASED) == [""] * 12
        ids = captioner.ids(tokens(), Search(1, 6.0, 20, 9))
        assert ids.shape == (12, 10) and (ids[:, 9] == tokenizer.sep_token_id).all()
        # And one that never does is stopped at twenty tokens.
        with torch.no_grad():
            decoder.cls.predictions.bias[tokenizer.sep_token_id] = -1e4
        assert captioner.ids(tokens(), RELEASED).shape == (12, 20)
        assert captioner.ids(tokens(), Search(3, 1.5, 11, 4)).shape == (12, 11)
    finally:
        with torch.no_grad():
            decoder.cls.predictions.bias.copy_(kept)


@pytest.mark.parametrize("search", [RELEASED, Search(3, 1.5, 20, 4)], ids=["released", "default"])
def test_captions_depend_on_nothing_but_their_tokens(captioner, search):
    together = captioner.captions(tokens(), search)
    assert captioner.captions(tokens(), search) == together
    for step in (1, 5):
        parts = [captioner.captions(tokens()[i : i + step], search) for i in range(0, 12, step)]
        assert [caption for part in parts for caption in part] == together
    torch.manual_seed(5)
    assert captioner.captions(tokens(), search) == together


def test_as_many_beams_as_words_find_the_best_of_all_captions(captioner):
    """Two words that follow the prefix, against every pair of words."""
    vocabulary, bias = captioner.decoder.config.vocab_size, captioner.decoder.cls.predictions.bias
    pairs = torch.cartesian_prod(torch.arange(vocabulary), torch.arange(vocabulary))
    said = torch.cat([torch.tensor(captioner.prefix).expand(len(pairs), -1), pairs], dim=1)
    kept = bias.detach().clone()
    with torch.no_grad():
        # None of them ends, or a shorter caption would count as well.
        bias[captioner.tokenizer.sep_token_id] = -1e4
        found = captioner.ids(tokens(3), Search(vocabulary, 1.0, 6, 4))
        for clip, ids in zip(torch.from_numpy(tokens(3)), found, strict=True):
            scores = captioner.decoder(said, encoder_hidden_states=clip.expand(len(said), -1, -1)).logits
            likely = scores[:, 3:5].log_softmax(-1).gather(2, pairs[..., None]).sum((1, 2))
            assert ids[4:].tolist() == pairs[likely.argmax()].tolist()
        bias.copy_(kept)


def test_the_prefix_is_the_papers(captioner):
    # A caption starts with [DEC] and "a picture of" in the vocabulary of BERT, without [SEP].
    words = {
        "[PAD]": 0,
        "[UNK]": 100,
        "[CLS]": 101,
        "[SEP]": 102,
        "[MASK]": 103,
        "a": 1037,
        "picture": 3861,
        "of": 1997,
    }
    taken = set(words.values())
    vocabulary = words | {f"[unused{i}]": i for i in range(30522) if i not in taken}
    tokenizer = BertTokenizerFast(vocab=vocabulary)
    small = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
    with seeded_init(0):
        model = BlipForConditionalGeneration(BlipConfig(text_config=small, vision_config=small | {"image_size": 32}))
    full = Captioner(model.text_decoder.eval(), tokenizer, CPU)
    assert full.prefix == [30522, 1037, 3861, 1997]
    ids = full.ids(np.zeros((2, 5, 8), np.float32), RELEASED)
    assert ids[:, :4].tolist() == [full.prefix] * 2 and 4 < ids.shape[1] <= 20
    assert captioner.decoder.config.vocab_size == len(captioner.tokenizer) + 2, "the shipped one is built alike"


def test_the_prefix_is_not_part_of_the_text(captioner):
    ids = captioner.ids(tokens(), RELEASED).tolist()
    expected = [captioner.tokenizer.decode(each[4:], skip_special_tokens=True) for each in ids]
    assert captioner.captions(tokens(), RELEASED) == expected
    assert any(expected)


def test_tokens_of_another_width_are_refused(captioner):
    with pytest.raises(DataError, match=rf"\(17, 9\), the captioner reads \(any number, {recipe.WIDTH}\)"):
        captioner.captions(tokens()[..., :9], RELEASED)
    with pytest.raises(DataError, match="the captioner reads"):
        captioner.captions(tokens()[:, 0], RELEASED)


def test_each_half_has_the_whole_models_weights(folder):
    whole = BlipForConditionalGeneration.from_pretrained(folder).eval()
    tower, decoder = load_vision_tower(folder, CPU), load_captioner(folder, CPU).decoder
    for half, own in ((tower, whole.vision_model), (decoder, whole.text_decoder)):
        expected = own.state_dict()
        assert half.state_dict().keys() == expected.keys()
        assert all(torch.equal(value, expected[name]) for name, value in half.state_dict().items())


def test_weights_that_lack_a_half_are_refused(folder, tmp_path):
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    state = load_file(tmp_path / "model.safetensors")
    left = {name: value for name, value in state.items() if "post_layernorm" not in name and ".cls." not in name}
    save_file(left, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(DataError, match=r"no BLIP captioner \(2 weights of its vision_model"):
        load_vision_tower(tmp_path, CPU)
    with pytest.raises(DataError, match=r"weights of its text_decoder are absent, such as cls\.predictions"):
        load_captioner(tmp_path, CPU)


def test_240_pixels_are_226_tokens(tmp_path):
    # On one layer of the real width; the table of positions is that of 384 pixels.
    small = {
        "hidden_size": 8,
        "intermediate_size": 8,
        "num_hidden_layers": 1,
        "num_attention_heads": 1,
        "vocab_size": 9,
    }
    with seeded_init(0):
        vision = {"num_hidden_layers": 1, "image_size": 384, "patch_size": 16}
        model = BlipForConditionalGeneration(BlipConfig(text_config=small, vision_config=vision))
        model.vision_model.embeddings.position_embedding.data.normal_()
    model.save_pretrained(tmp_path)
    tower = load_vision_tower(tmp_path, CPU)
    found = visual_tokens(tower, torch.zeros(2, 3, 240, 240))
    assert found.shape == (2, 226, 768)
    # After the final norm, whose weights are 1 and 0 at first.
    torch.testing.assert_close(found.mean(-1), torch.zeros(2, 226), atol=1e-5, rtol=0)
    torch.testing.assert_close(found.var(-1, unbiased=False), torch.ones(2, 226), atol=1e-2, rtol=0)
