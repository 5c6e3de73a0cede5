"""BLIP's released captioner as a folder of weights, which `blip-tokens` and `blip-captions` read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import (
    AutoTokenizer,
    BertTokenizerFast,
    BlipForConditionalGeneration,
    BlipImageProcessorPil,
    PreTrainedTokenizerBase,
)

from brainflix.errors import DataError, MissingError
from brainflix.io.weights import quieten_libraries
from brainflix.parts.contract import Inputs, Notes
from brainflix.parts.work import Work
from brainflix.pretrained.blip_released import released_captioner
from brainflix.train.imports import Imported, read_weights
from brainflix.train.parts import BlipImportParams
from brainflix.trained.files import TrainResult

# Below the artifact, so that weights are pinned by these files alone, and not by the day of the import.
FOLDER = "captioner"
_TOKENIZER = ("tokenizer.json", "vocab.txt", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")


@dataclass(frozen=True, kw_only=True)
class ImportedCaptioner(Imported):
    """A captioner with its tokenizer.

    Attributes:
        model, tokenizer: what is written.
        surplus: names of the file's weights that are no part of a captioner.
    """

    model: BlipForConditionalGeneration
    tokenizer: PreTrainedTokenizerBase
    surplus: tuple[str, ...]

    def save(self, folder: Path) -> Notes:
        """Write the folder `captioner` in the Hub's layout, with the mean and spread of pixels that BLIP knows."""
        quieten_libraries()
        place = folder / FOLDER
        self.model.save_pretrained(place)
        self.tokenizer.save_pretrained(place)
        side = int(self.model.config.vision_config.image_size)
        BlipImageProcessorPil(size={"height": side, "width": side}).save_pretrained(place)
        notes = {
            "source": [str(path) for path in self.files],
            "use": f"give this artifact's folder {FOLDER} as the weights of blip-tokens and blip-captions",
            "left out": list(self.surplus),
        }
        return notes | ({"names": list(self.said)} if self.said else {})

    def advice(self, folder: Path) -> str:
        """Return what a recipe names as weights."""
        return f"Weights for blip-tokens and blip-captions: {folder / FOLDER}"


def import_blip(params: BlipImportParams, inputs: Inputs, work: Work) -> ImportedCaptioner:
    """Read a captioner of BLIP or LAVIS, a `.pth` with `model`; what else of their pretraining lies in it is left out.

    Raises:
        MissingError: no such file, or no tokenizer in the folder.
        IntegrityError: it is damaged or could act.
        DataError: a missing, extra or misshapen weight, by name, or a tokenizer that does not fit.
        UsageError: heads that do not fit.
    """
    tokenizer, files = read_tokenizer(params.tokenizer)
    state, _, prefix = read_weights(params.path)
    model, surplus = released_captioner(
        state, tokenizer, vision_heads=params.vision_heads, text_heads=params.text_heads
    )
    document = {"architecture": "blip-captioner", "network": sizes(model)}
    weights = {name: parameter.detach() for name, parameter in model.named_parameters()}
    return ImportedCaptioner(
        TrainResult(weights, document, ()),
        (),
        (params.path, *files),
        {},
        prefix,
        model=model,
        tokenizer=tokenizer,
        surplus=surplus,
    )


def read_tokenizer(folder: Path) -> tuple[PreTrainedTokenizerBase, tuple[Path, ...]]:
    """Return the tokenizer of a folder, which may hold BERT's `vocab.txt` alone, and the files that it is made of.

    Raises:
        MissingError: there is none.
        DataError: it cannot be read.
    """
    files = tuple(folder / name for name in _TOKENIZER if (folder / name).is_file())
    if not any(file.name in _TOKENIZER[:2] for file in files):
        raise MissingError(
            f"{folder} holds no tokenizer", why=f"looked for {' and '.join(_TOKENIZER[:2])}",
            next="--set tokenizer=FOLDER names a folder of the tokenizer of bert-base-uncased",
        )  # fmt: skip
    kind: Any = BertTokenizerFast if len(files) == 1 else AutoTokenizer
    try:
        return kind.from_pretrained(folder, local_files_only=True), files
    except (OSError, ValueError) as error:
        raise DataError(f"the tokenizer in {folder} cannot be read", why=str(error).split("\n")[0]) from error


def sizes(model: BlipForConditionalGeneration) -> dict[str, int]:
    """Return what tells one captioner from another."""
    vision, text = model.config.vision_config, model.config.text_config
    return {
        "image_px": vision.image_size,
        "patch_px": vision.patch_size,
        "vision_width": vision.hidden_size,
        "vision_depth": vision.num_hidden_layers,
        "vision_heads": vision.num_attention_heads,
        "text_width": text.hidden_size,
        "text_depth": text.num_hidden_layers,
        "text_heads": text.num_attention_heads,
        "n_words": text.vocab_size,
    }
