"""What an encoder's JSON files say, as far as its vectors depend on it."""

from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, Field, RootModel, ValidationError, model_validator

from bot.errors import Misconfigured

Pooling = Literal["mean", "first"]
SETTING = "EMBEDDER"
TOKENS = 256  # of a text that count, where no file says
STEPS = frozenset({"Transformer", "Pooling", "Normalize"})
OFFSET = frozenset({"roberta", "xlm-roberta"})  # count positions from behind that of padding


class Config(BaseModel):
    """`config.json`. Lengths in numbers of a vector, positions in tokens."""

    model_type: Literal["bert", "roberta", "xlm-roberta"]
    vocab_size: int = Field(gt=0)
    hidden_size: int = Field(gt=0)
    intermediate_size: int = Field(gt=0)
    num_attention_heads: int = Field(gt=0)
    num_hidden_layers: int = Field(gt=0)
    max_position_embeddings: int = Field(gt=2)
    type_vocab_size: int = Field(gt=0)
    layer_norm_eps: float = Field(gt=0)
    hidden_act: Literal["gelu"]
    position_embedding_type: Literal["absolute"] = "absolute"
    pad_token_id: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _divides(self) -> "Config":
        if self.hidden_size % self.num_attention_heads:
            raise ValueError("hidden_size is no multiple of num_attention_heads")
        return self

    @property
    def first_position(self) -> int:
        """The row of the positions at which a text begins."""
        return self.pad_token_id + 1 if self.model_type in OFFSET else 0

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Every weight that is read, and its shape."""
        h, wide = self.hidden_size, self.intermediate_size
        rows = {"word": self.vocab_size, "position": self.max_position_embeddings, "token_type": self.type_vocab_size}
        made: dict[str, tuple[int, ...]] = {f"embeddings.{what}_embeddings.weight": (n, h) for what, n in rows.items()}
        norms = ["embeddings.LayerNorm"]
        dense = {f"attention.self.{what}": (h, h) for what in ("query", "key", "value")}
        dense |= {"attention.output.dense": (h, h), "intermediate.dense": (wide, h), "output.dense": (h, wide)}
        for layer in (f"encoder.layer.{number}" for number in range(self.num_hidden_layers)):
            made |= {f"{layer}.{name}.weight": shape for name, shape in dense.items()}
            made |= {f"{layer}.{name}.bias": shape[:1] for name, shape in dense.items()}
            norms += [f"{layer}.attention.output.LayerNorm", f"{layer}.output.LayerNorm"]
        return made | {f"{norm}.{what}": (h,) for norm in norms for what in ("weight", "bias")}


class Use(BaseModel):
    """How the model is used: of a text so many tokens count, and what stands before a query and before a passage."""

    tokens: int = Field(default=TOKENS, gt=2)
    pooling: Pooling = "mean"
    query: str = ""
    passage: str = ""


class _Step(BaseModel):
    """One of `modules.json`."""

    type: str
    path: str = ""


class _Steps(RootModel[list[_Step]]):
    root: list[_Step] = []


class _Lengths(BaseModel):
    """`sentence_bert_config.json`."""

    max_seq_length: int | None = Field(default=None, gt=2)


class _Pooling(BaseModel):
    """`1_Pooling/config.json`, in its older and its newer spelling."""

    pooling_mode: str = ""
    pooling_mode_cls_token: bool = False
    pooling_mode_mean_tokens: bool = False
    pooling_mode_max_tokens: bool = False
    pooling_mode_mean_sqrt_len_tokens: bool = False
    pooling_mode_weightedmean_tokens: bool = False
    pooling_mode_lasttoken: bool = False
    include_prompt: Literal[True] = True


class _Prompts(BaseModel):
    """`config_sentence_transformers.json`."""

    prompts: dict[str, str] = {}


Read = TypeVar("Read", bound=BaseModel)


def read(path: Path, kind: type[Read]) -> Read:
    """A JSON file. Raises Misconfigured."""
    try:
        return kind.model_validate_json(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as err:
        raise Misconfigured(SETTING, f"{path} cannot be read: {err}") from err
    except ValidationError as err:
        wrong = err.errors()[0]
        where = ".".join(map(str, wrong["loc"]))
        raise Misconfigured(SETTING, f"{path} is not a BERT-style encoder's: {where}: {wrong['msg']}") from err


def use(folder: Path, config: Config) -> Use:
    """As sentence-transformers' files tell, where they are there; else the mean of 256 tokens. Raises Misconfigured."""
    steps = _maybe(folder / "modules.json", _Steps).root
    pools = [step.path for step in steps if step.type.endswith("Pooling")]
    for kind in (step.type.rsplit(".", 1)[-1] for step in steps):
        if kind not in STEPS:
            raise Misconfigured(SETTING, f"{folder / 'modules.json'} has a step {kind}; only {_list(STEPS)} are known")
    prompts = _maybe(folder / "config_sentence_transformers.json", _Prompts).prompts
    length = _maybe(folder / "sentence_bert_config.json", _Lengths).max_seq_length or TOKENS
    return Use(
        tokens=min(length, config.max_position_embeddings - config.first_position),
        pooling=_pooling(folder / pools[0] / "config.json") if pools else "mean",
        query=prompts.get("query", ""),
        passage=prompts.get("passage", prompts.get("document", "")),
    )


def _maybe(path: Path, kind: type[Read]) -> Read:
    return read(path, kind) if path.exists() else kind()


def _pooling(path: Path) -> Pooling:
    said = read(path, _Pooling)
    ways = [name.removeprefix("pooling_mode_") for name, on in said if on is True and name.startswith("pooling_mode_")]
    known: dict[str, Pooling] = {"cls_token": "first", "mean_tokens": "mean", "cls": "first", "mean": "mean"}
    way = said.pooling_mode or " and ".join(ways)
    if way not in known:
        raise Misconfigured(SETTING, f"{path} pools by {way or 'nothing'}; only mean and cls are known")
    return known[way]


def _list(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))
