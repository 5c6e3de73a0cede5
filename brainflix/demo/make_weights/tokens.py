"""The tokenizer of the embedded world: CLIP's byte-pair scheme, learned until each word of the grammar is one token."""

from __future__ import annotations

import json
import string

from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import CLIPTokenizer

from brainflix.demo.grammar import FACTORS

MAX_TOKENS = 12
END_OF_WORD = "</w>"


def build_tokenizer() -> CLIPTokenizer:
    """Return the tokenizer; words that it does not know fall back to pieces and letters."""
    learner = Tokenizer(models.BPE(end_of_word_suffix=END_OF_WORD))
    learner.pre_tokenizer = pre_tokenizers.Whitespace()
    words = ["a", "moving", "over", *(word for values in FACTORS.values() for word in values)]
    letters = list(string.ascii_lowercase + string.digits + ".,")
    trainer = trainers.BpeTrainer(
        vocab_size=1000,
        min_frequency=1,
        initial_alphabet=letters,
        end_of_word_suffix=END_OF_WORD,
        show_progress=False,
    )
    learner.train_from_iterator([*words, *letters], trainer)
    learned = json.loads(learner.to_str())["model"]
    tokens = [*sorted(learned["vocab"], key=learned["vocab"].__getitem__), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {token: i for i, token in enumerate(tokens)}
    merges = [tuple(m) if isinstance(m, list) else tuple(m.split()) for m in learned["merges"]]
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=MAX_TOKENS)
