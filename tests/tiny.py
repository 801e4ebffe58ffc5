"""A model directory in Hugging Face's layout with random weights, so small that a test makes its own."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing

from bot.backends.encoder.config import Config
from bot.backends.encoder.files import embedded
from bot.brains import Floats

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789?.,!"
VOCABULARY = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", *LETTERS, *(f"##{letter}" for letter in LETTERS))
CONFIG = {
    "model_type": "bert",
    "vocab_size": len(VOCABULARY),
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "max_position_embeddings": 40,
    "type_vocab_size": 2,
    "layer_norm_eps": 1e-12,
    "hidden_act": "gelu",
    "pad_token_id": 0,
}


def lay(folder: Path, *, prefix: str = "", kind: str = "float32", seed: int = 7, **config: Any) -> Path:
    """The three files; `config` in place of what is usual."""
    folder.mkdir(parents=True, exist_ok=True)
    said = CONFIG | config
    (folder / "config.json").write_text(json.dumps(said))
    random = np.random.default_rng(seed)
    shapes = Config.model_validate(said).shapes()
    weights = {prefix + name: _weight(random, name, shape).astype(kind) for name, shape in shapes.items()}
    save_file(weights, folder / "model.safetensors")
    _tokenizer().save(str(folder / "tokenizer.json"))
    return folder


def published() -> Path:
    """Where the model that comes with us is."""
    files = embedded()
    assert files is not None, "make installs it"
    return files.folder


def say(folder: Path, name: str, said: object) -> Path:
    """One more JSON file."""
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps(said))
    return folder


def vector(folder: Path, text: str, *, first: bool = False) -> Floats:
    """The model's unit vector of `text`, computed step by step; `first`: that of the first token, not the mean."""
    config = Config.model_validate_json((folder / "config.json").read_text())
    w = load_file(folder / "model.safetensors")
    ids = Tokenizer.from_file(str(folder / "tokenizer.json")).encode(text).ids

    def dense(x: Floats, name: str) -> Floats:
        return np.asarray(x @ w[f"{name}.weight"].T + w[f"{name}.bias"])

    def norm(x: Floats, name: str) -> Floats:
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + config.layer_norm_eps)
        return np.asarray(x * w[f"{name}.weight"] + w[f"{name}.bias"])

    def heads(x: Floats) -> Floats:
        return x.reshape(len(ids), config.num_attention_heads, -1).swapaxes(0, 1)

    begins = config.pad_token_id + 1 if config.model_type != "bert" else 0
    word, place, kind = (w[f"embeddings.{what}_embeddings.weight"] for what in ("word", "position", "token_type"))
    x = norm(word[ids] + place[begins : begins + len(ids)] + kind[0], "embeddings.LayerNorm")
    for layer in (f"encoder.layer.{number}" for number in range(config.num_hidden_layers)):
        q, k, v = (heads(dense(x, f"{layer}.attention.self.{what}")) for what in ("query", "key", "value"))
        often = np.exp(q @ k.swapaxes(1, 2) / math.sqrt(q.shape[-1]))
        seen = (often / often.sum(-1, keepdims=True) @ v).swapaxes(0, 1).reshape(x.shape)
        x = norm(x + dense(seen, f"{layer}.attention.output.dense"), f"{layer}.attention.output.LayerNorm")
        wide = dense(x, f"{layer}.intermediate.dense")
        wide *= 0.5 * (1 + np.vectorize(math.erf)(wide / math.sqrt(2)))
        x = norm(x + dense(wide, f"{layer}.output.dense"), f"{layer}.output.LayerNorm")
    total = x[0] if first else x.mean(axis=0)
    return np.asarray(total / np.linalg.norm(total), dtype=np.float32)


def _weight(random: np.random.Generator, name: str, shape: tuple[int, ...]) -> Floats:
    around = 1.0 if name.endswith("LayerNorm.weight") else 0.0
    return (around + 0.2 * random.standard_normal(shape)).astype(np.float32)


def _tokenizer() -> Tokenizer:
    made = Tokenizer(WordPiece({word: at for at, word in enumerate(VOCABULARY)}, unk_token="[UNK]"))
    made.normalizer, made.pre_tokenizer = BertNormalizer(), BertPreTokenizer()
    special = [(word, VOCABULARY.index(word)) for word in ("[CLS]", "[SEP]")]
    made.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=special)
    return made
