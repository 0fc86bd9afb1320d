"""Embeddings by an encoder of sentences, where its library is installed."""

from importlib.util import find_spec

import pytest

from cotmill.core.errors import MissingExtra, ModelError
from cotmill.measure.embeddings import encoder, measure_embeddings


def test_without_the_library_the_line_that_installs_it_is_said(pool):
    if find_spec("sentence_transformers"):
        pytest.skip("sentence-transformers is installed")
    with pytest.raises(MissingExtra, match=r"pip install 'cotmill\[embed\]'"):
        measure_embeddings("some/encoder", pool)


def test_an_encoder_that_is_not_there_is_named(tmp_path):
    pytest.importorskip("sentence_transformers")
    with pytest.raises(ModelError, match="cannot be loaded as an encoder"):
        encoder(str(tmp_path / "none"))
