"""What is fetched of repositories that keep the same numbers several times."""

from __future__ import annotations

from brainflix.io.weight_files import wanted_files

STABLE_DIFFUSION = [
    ".gitattributes",
    "README.md",
    "model_index.json",
    "v1-5-pruned.ckpt",
    "v1-5-pruned.safetensors",
    "v1-inference.yaml",
    "scheduler/scheduler_config.json",
    "safety_checker/model.safetensors",
    "tokenizer/vocab.json",
    "tokenizer/merges.txt",
    "unet/config.json",
    "unet/diffusion_pytorch_model.bin",
    "unet/diffusion_pytorch_model.fp16.bin",
    "unet/diffusion_pytorch_model.fp16.safetensors",
    "unet/diffusion_pytorch_model.non_ema.safetensors",
    "unet/diffusion_pytorch_model.safetensors",
    "vae/config.json",
    "vae/diffusion_pytorch_model.fp16.safetensors",
    "vae/diffusion_pytorch_model.safetensors",
]


def test_only_the_folders_that_are_read_and_each_network_once() -> None:
    assert wanted_files(STABLE_DIFFUSION, ["unet", "scheduler"]) == [
        "model_index.json",
        "scheduler/scheduler_config.json",
        "unet/config.json",
        "unet/diffusion_pytorch_model.safetensors",
        "v1-inference.yaml",
    ]


def test_the_repository_itself_may_be_the_folder() -> None:
    assert wanted_files(["config.json", "model.safetensors", "vae/model.bin"], [""]) == wanted_files(
        ["config.json", "model.safetensors", "vae/model.bin"]
    )


def test_without_folders_everything_but_copies_for_others_and_pictures() -> None:
    files = ["config.json", "README.md", "a.png", "model.safetensors", "pytorch_model.bin", "tf_model.h5", "x.msgpack"]
    assert wanted_files(files) == ["config.json", "model.safetensors"]
    shards = [f"model-0000{i}-of-00002.safetensors" for i in (1, 2)]
    assert wanted_files([*shards, "model.safetensors.index.json"]) == [*shards, "model.safetensors.index.json"]


def test_what_there_is_once_is_taken_whatever_it_is() -> None:
    assert wanted_files(["pytorch_model.bin"]) == ["pytorch_model.bin"]
    assert wanted_files(["unet/model.fp16.safetensors", "unet/model.fp16.bin"]) == ["unet/model.fp16.safetensors"]
    assert wanted_files(["motion.ckpt", "config.json"]) == ["config.json", "motion.ckpt"]
    # A pickle in one folder is no copy of safetensors in another.
    assert wanted_files(["a/model.safetensors", "b/model.bin"]) == ["a/model.safetensors", "b/model.bin"]
