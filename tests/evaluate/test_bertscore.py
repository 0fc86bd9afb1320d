"""BERTScore with a tiny encoder made here; skipped, and said so, where bert-score is not installed."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from cotmill.core.errors import MissingExtra, ModelError, RecipeError
from cotmill.core.files import read_json
from cotmill.evaluate.grade import METRICS, grade, regrade, write_graded
from cotmill.evaluate.items import ASKED, Layout
from cotmill.evaluate.show import lines_of
from cotmill.evaluate.text import bertscore_of

MISSING = importlib.util.find_spec("bert_score") is None
needs_library = pytest.mark.skipif(
    MISSING, reason="BERTScore is not tested here; type: pip install 'cotmill[bertscore]'"
)
WORDS = "no acute disease in the chest small left effusion normal heart size".split()  # noqa: SIM905 - a list of words


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    transformers = pytest.importorskip("transformers")
    import torch

    folder = tmp_path_factory.mktemp("encoder")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    (folder / "vocab.txt").write_text("\n".join(words))
    transformers.BertTokenizerFast(vocab={word: at for at, word in enumerate(words)}).save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(words),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
    )
    transformers.BertModel(config).save_pretrained(folder)
    return folder


@needs_library
def test_equal_texts_score_one_and_empty_ones_nothing(encoder: Path) -> None:
    texts = ["no acute disease in the chest", "small left effusion", " "]
    references = ["no acute disease in the chest", "normal heart size", "normal heart size"]
    same, other, empty = bertscore_of(references, texts, f"{encoder}@2")
    assert same == pytest.approx(1, abs=1e-5)
    assert other < same
    assert empty == 0


@needs_library
def test_a_graded_folder_gets_bertscore_later(encoder: Path, tmp_path: Path) -> None:
    rows = [
        {
            "row_id": str(at), "example_id": str(at), "sample": 0, "question": "q", "output": said,
            "gold": "normal heart size", "tokens": 3, "finish_reason": "stop",
        }
        for at, said in enumerate(("normal heart size", "small left effusion"))
    ]  # fmt: skip
    layout = Layout("summaries", metric="text")
    write_graded(grade(pa.Table.from_pylist(rows, schema=ASKED), layout), tmp_path)
    assert "bertscore" not in read_json(tmp_path / METRICS)
    found = regrade(tmp_path, bertscore=f"{encoder}@2")
    assert 0.4 < found["bertscore"]["value"] < 1
    assert any("BERTScore F" in line for line in lines_of(found))
    again = grade(pa.Table.from_pylist(rows, schema=ASKED), replace(layout, bertscore=f"{encoder}@2"))
    assert again.column("bertscore").to_pylist()[0] == pytest.approx(1, abs=1e-5)


@needs_library
def test_an_unknown_layer_and_a_missing_model_are_said(encoder: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="which layer"):
        bertscore_of(["a"], ["b"], str(encoder))
    with pytest.raises(ModelError, match="no encoder that BERTScore can use"):
        bertscore_of(["a"], ["b"], f"{tmp_path / 'nothing'}@2")


@pytest.mark.skipif(not MISSING, reason="bert-score is installed")
def test_without_the_library_the_error_says_what_to_install() -> None:
    with pytest.raises(MissingExtra, match=r"pip install 'cotmill\[bertscore\]'"):
        bertscore_of(["a"], ["b"], "roberta-large")
