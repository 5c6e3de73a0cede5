"""BLIP's captioner by its authors' names: the same tokens, logits and captions as the module that it came from."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional
from transformers import BlipForConditionalGeneration

from brainflix.demo.make_weights import blip as recipe
from brainflix.device import pick_compute
from brainflix.pretrained.blip import Search, load_captioner, load_vision_tower, visual_tokens
from brainflix.store.refs import whole_ref
from brainflix.targets.blip import pixel_scale
from brainflix.targets.parts import BlipParams
from tests.pretrained.test_blip import tokens, twin

CPU = pick_compute("cpu", "float32")
HEADS = ("--set", "vision_heads=4", "--set", "text_heads=4")
# transformers' name -> the authors'.
NAMES = (
    (r"vision_model\.embeddings\.class_embedding", "visual_encoder.cls_token"),
    (r"vision_model\.embeddings\.position_embedding", "visual_encoder.pos_embed"),
    (r"vision_model\.embeddings\.patch_embedding", "visual_encoder.patch_embed.proj"),
    (r"vision_model\.post_layernorm", "visual_encoder.norm"),
    (r"vision_model\.encoder\.layers", "visual_encoder.blocks"),
    (r"self_attn\.projection", "attn.proj"),
    (r"self_attn", "attn"),
    (r"layer_norm([12])", r"norm\1"),
)


def released(model: BlipForConditionalGeneration) -> dict[str, Tensor]:
    """Return the weights as a file of the whole pretraining holds them, with buffers and what is no captioner's."""
    state = {}
    for name, tensor in model.state_dict().items():
        for pattern, theirs in NAMES:
            name = re.sub(pattern, theirs, name) if not name.startswith("text_decoder") else name
        state[name] = tensor.clone()
    state["text_decoder.bert.embeddings.position_ids"] = torch.arange(32)[None]
    more = ("text_encoder.embeddings.LayerNorm.bias", "visual_encoder_m.norm.weight", "vision_proj.weight")
    return (
        state | {name: torch.ones(3) for name in (*more, "itm_head.bias", "image_queue")} | {"temp": torch.tensor(0.07)}
    )


@pytest.fixture(scope="module")
def source() -> BlipForConditionalGeneration:
    model, _ = twin()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(("bias", "position_embedding", "class_embedding")):
                # So that each has to come to its place; less in the decoder, so that tokens still decide.
                parameter.normal_(std=0.01 if name.startswith("text_decoder") else 0.2)
    return model


@pytest.fixture
def words(tmp_path: Path) -> Path:
    """A folder with nothing but BERT's list of words."""
    folder = tmp_path / "words"
    folder.mkdir()
    vocabulary = recipe.build_tokenizer().get_vocab()
    (folder / "vocab.txt").write_text("\n".join(sorted(vocabulary, key=vocabulary.__getitem__)) + "\n")
    return folder


def write(path: Path, state: dict[str, Tensor]) -> Path:
    torch.save({"model": state}, path)
    return path


def seen_by_hand(state: dict[str, Tensor], pixels: Tensor, heads: int, patch: int) -> Tensor:
    """A vision transformer written out over the authors' names: pre-norm blocks, fused projections, norms of 1e-6."""

    def at(name: str) -> Tensor:
        return state[f"visual_encoder.{name}"]

    def norm(x: Tensor, name: str) -> Tensor:
        return functional.layer_norm(x, x.shape[-1:], at(f"{name}.weight"), at(f"{name}.bias"), 1e-6)

    def linear(x: Tensor, name: str) -> Tensor:
        return x @ at(f"{name}.weight").T + at(f"{name}.bias")

    patches = functional.conv2d(pixels, at("patch_embed.proj.weight"), at("patch_embed.proj.bias"), stride=patch)
    x = torch.cat([at("cls_token").expand(len(pixels), -1, -1), patches.flatten(2).transpose(1, 2)], dim=1)
    x = x + at("pos_embed")
    for block in range(4):
        name = f"blocks.{block}"
        # (3, n, heads, tokens, channels)
        q, k, v = (
            linear(norm(x, f"{name}.norm1"), f"{name}.attn.qkv").unflatten(2, (3, heads, -1)).permute(2, 0, 3, 1, 4)
        )
        weights = (q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5).softmax(-1)
        x = x + linear((weights @ v).transpose(1, 2).flatten(2), f"{name}.attn.proj")
        x = x + linear(functional.gelu(linear(norm(x, f"{name}.norm2"), f"{name}.mlp.fc1")), f"{name}.mlp.fc2")
    return norm(x, "norm")


def test_an_imported_captioner_says_what_its_source_says(brainflix, store, words, source, tmp_path):
    state = released(source)
    path = write(tmp_path / "model_base_capfilt_large.pth", state)
    said = brainflix("import-checkpoint", "blip", str(path), "--set", f"tokenizer={words}", *HEADS, "--json")
    document = json.loads(said.out)
    assert said.code == 0 and document["architecture"] == "blip-captioner"
    assert document["parameters"] == sum(parameter.numel() for parameter in source.parameters())
    assert document["network"]["image_px"] == 64 and document["network"]["vision_depth"] == 4
    artifact = store.open(whole_ref(document["ref"]))
    folder = artifact.path / "captioner"
    assert said.err == "" and document["advice"].endswith(f": {folder}")
    assert artifact.manifest.notes["left out"][-1] == "visual_encoder_m.norm.weight"

    tower, captioner = load_vision_tower(folder, CPU), load_captioner(folder, CPU)
    pixels = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    found = visual_tokens(tower, pixels)
    torch.testing.assert_close(found, seen_by_hand(state, pixels, heads=4, patch=8), atol=1e-4, rtol=1e-4)
    ids = torch.tensor([captioner.prefix, captioner.prefix])
    with torch.no_grad():
        wanted = source.text_decoder(ids, encoder_hidden_states=found).logits
        torch.testing.assert_close(captioner.decoder(ids, encoder_hidden_states=found).logits, wanted)
    search = Search(beams=1, repetition_penalty=6.0, max_length=20, min_length=4)
    with torch.no_grad():
        generated = source.text_decoder.generate(
            input_ids=torch.tensor([captioner.prefix] * 12),
            encoder_hidden_states=torch.from_numpy(tokens()),
            attention_mask=torch.ones(12, len(captioner.prefix), dtype=torch.long),
            generation_config=captioner._generation(search),
        )
    assert captioner.ids(tokens(), search).tolist() == generated.tolist()
    assert len(set(captioner.captions(tokens(), search))) > 3


def test_its_folder_is_weights_that_are_pinned_by_its_bytes_alone(brainflix, store, words, source, tmp_path):
    path = write(tmp_path / "blip.pth", released(source))
    given = ("import-checkpoint", "blip", str(path), "--set", f"tokenizer={words}", *HEADS)
    folders = [store.path(whole_ref(brainflix(*given, "--name", name, "-q").lines[0])) / "captioner" for name in "ab"]
    pins = {BlipParams(weights=str(folder)).revision for folder in folders}
    assert len(pins) == 1 and folders[0] != folders[1]
    mean, std = pixel_scale(folders[0], BlipParams(weights=str(folders[0])))
    assert np.allclose(mean, recipe.MEAN) and np.allclose(std, recipe.STD)
    (words / "vocab.txt").write_text((words / "vocab.txt").read_text().replace("red", "rad"))
    assert brainflix(*given, "--name", "a", "-q").lines[0].split("@")[1] != folders[0].parent.name


def test_one_name_of_a_tied_weight_is_enough(brainflix, store, words, source, tmp_path):
    state = released(source)
    del state["text_decoder.cls.predictions.decoder.weight"], state["text_decoder.cls.predictions.bias"]
    said = brainflix(
        "import-checkpoint", "blip", str(write(tmp_path / "x.pth", state)), "--set", f"tokenizer={words}", *HEADS, "-q"
    )
    assert said.code == 0
    decoder = load_captioner(store.path(whole_ref(said.lines[0])) / "captioner", CPU).decoder
    for name, wanted in source.text_decoder.state_dict().items():
        assert torch.equal(decoder.state_dict()[name], wanted), name


@pytest.mark.parametrize(
    ("change", "words_of_error"),
    [
        (
            {"visual_encoder.blocks.1.attn.qkv.weight": None},
            "missing vision_model.encoder.layers.1.self_attn.qkv.weight",
        ),
        ({"visual_encoder.blocks.1.attn.kqv.weight": torch.ones(2)}, "extra visual_encoder.blocks.1.attn.kqv.weight"),
        ({"text_decoder.bert.pooler.dense.bias": torch.ones(2)}, "extra text_decoder.bert.pooler.dense.bias"),
        ({"visual_encoder.norm.bias": torch.ones(3)}, "vision_model.post_layernorm.bias is (3,), not (64,)"),
        ({"visual_encoder.norm.bias": torch.full((64,), torch.nan)}, "holds NaN or infinity"),
        (
            {"text_decoder.cls.predictions.bias": torch.zeros(2)},
            "decoder.bias and text_decoder.cls.predictions.bias differ",
        ),
        ({"visual_encoder.pos_embed": torch.ones(1, 61, 64)}, "places for 60 patches"),
        ({"visual_encoder.cls_token": None}, "no released BLIP captioner"),
    ],
)
def test_what_does_not_fit_is_named(brainflix, store, words, source, tmp_path, change, words_of_error):
    state = {name: tensor for name, tensor in (released(source) | change).items() if tensor is not None}
    path = write(tmp_path / "x.pth", state)
    said = brainflix("import-checkpoint", "blip", str(path), "--set", f"tokenizer={words}", *HEADS)
    assert said.code == 3 and words_of_error in said.err and not store.root.exists()


def test_a_tokenizer_is_asked_for_and_has_to_fit(brainflix, store, words, source, tmp_path):
    path = write(tmp_path / "x.pth", released(source))
    assert brainflix("import-checkpoint", "blip", str(path)).code == 2
    said = brainflix("import-checkpoint", "blip", str(path), "--set", f"tokenizer={tmp_path}", *HEADS)
    assert said.code == 3 and "holds no tokenizer" in said.err and "--set tokenizer=FOLDER" in said.err
    with (words / "vocab.txt").open("a") as file:
        file.write("".join(f"more{i}\n" for i in range(3)))
    said = brainflix("import-checkpoint", "blip", str(path), "--set", f"tokenizer={words}", *HEADS)
    assert said.code == 3 and "bert-base-uncased" in said.err
    said = brainflix("import-checkpoint", "blip", str(path), "--set", f"tokenizer={words}", "--set", "text_heads=5")
    assert said.code in (2, 3) and not store.root.exists()
