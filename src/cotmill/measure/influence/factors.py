"""The curvature of every tracked layer: identity, diagonal, K-FAC or EK-FAC, layer by layer to disk.

Source: Grosse et al. 2023 (arXiv 2308.03296): the Gauss–Newton matrix of the summed loss of an example,
with labels drawn from the model, averaged over examples. Differences: layers that read one input share its
covariance and its eigenvectors; the covariances are dropped as soon as the eigenvectors are on disk; a
budget of tokens may be set; factors are named by their content, so equal ones are computed once.

One file a layer: `basis_out`, `basis_in` (columns are eigenvectors; absent for identity and diagonal) and
`values`, the eigenvalues as a matrix of outputs by inputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from cotmill.core.files import aside, canonical_json, write_json
from cotmill.core.ids import content_id, order_keys
from cotmill.measure.influence.config import FactorConfig
from cotmill.measure.influence.modules import GIGABYTE, Tracked, blocks
from cotmill.measure.influence.spectrum import at_once, by_tokens_is_cheaper, eigenvectors, gram
from cotmill.measure.influence.sweep import Batch, on_sampled, sweep
from cotmill.model.load import LanguageModel
from cotmill.model.tokenise import TokenisedRows

KEPT_SHARE = 0.25
"""Share of the memory for factors in which the tensors of the first pass may wait for the second."""
VERSION = 1
"""Raised when the same inputs would leave other factors."""


@dataclass(frozen=True)
class Factors:
    """Where the curvature of each layer lies; read one layer at a time."""

    folder: Path
    config: FactorConfig
    rows: int
    """Rows it was averaged over."""

    def layer(self, layer: Tracked, device: torch.device) -> dict[str, torch.Tensor]:
        """Read one layer."""
        return load_file(_file(self.folder, layer.name), device=str(device))


def factor_rows(rows: TokenisedRows, config: FactorConfig) -> TokenisedRows:
    """Choose the rows that the curvature is measured on: by hash, up to the budget of tokens."""
    usable = np.flatnonzero(rows.labels)
    if config.tokens is not None:
        ids = np.array(rows.row_ids)[usable]
        usable = usable[np.argsort(order_keys(config.seed, ids), kind="stable")]
        heaps = np.cumsum(rows.lengths[usable])
        usable = usable[: max(1, int(np.searchsorted(heaps, config.tokens, side="right")))]
    return rows.take(np.sort(usable))


def key_of(lm: LanguageModel, rows: TokenisedRows, config: FactorConfig) -> str:
    """Name factors by what they are a function of; the order of the rows is not part of it."""
    told = config.model_dump(mode="json", exclude={"gigabytes", "tokens"})
    listed = content_id(*sorted(rows.row_ids))
    precision = str(lm.model.dtype)
    return content_id("factors", str(VERSION), lm.fingerprint, precision, canonical_json(told), listed)


def fit_factors(
    lm: LanguageModel,
    rows: TokenisedRows,
    tracked: tuple[Tracked, ...],
    config: FactorConfig,
    folder: Path,
    *,
    batch_tokens: int | None = None,
) -> Factors:
    """Measure the curvature on these rows, unless it lies in the folder already; layers that do are kept."""
    place = folder / f"factors-{key_of(lm, rows, config)}"
    place.mkdir(parents=True, exist_ok=True)
    for block in blocks(tracked, config.gigabytes):
        if any(not _file(place, layer.name).is_file() for layer in block):
            _fit_block(lm, rows, block, config, place, batch_tokens)
    usable = int((rows.labels > 0).sum())
    about = {"model": lm.fingerprint, "rows": usable, "tokens": int(rows.lengths.sum())}
    write_json(place / "factors.json", about | {"config": config.model_dump(mode="json")})
    return Factors(place, config, usable)


def _file(folder: Path, name: str) -> Path:
    return folder / f"{name}.safetensors"


def _fit_block(
    lm: LanguageModel,
    rows: TokenisedRows,
    block: tuple[Tracked, ...],
    config: FactorConfig,
    place: Path,
    batch_tokens: int | None,
) -> None:
    """Measure layers that fit into memory together."""
    usable = int((rows.labels > 0).sum())
    gradient = on_sampled(lm, config.seed)
    if config.curvature == "identity":
        for layer in block:
            _save(place, layer, {"values": torch.ones(layer.outputs, layer.inputs)})
        return
    if config.curvature == "diagonal":
        squares, kept = Squares({}), None
    else:
        covariances = Covariances()
        kept = Kept(covariances, config.gigabytes * KEPT_SHARE if config.curvature == "ekfac" else 0.0)
        sweep(lm, rows, block, kept, gradient=gradient, batch_tokens=batch_tokens)
        squares = Squares(covariances.bases(block, usable))
    bases = squares.bases
    if config.curvature == "kfac":
        for layer in block:
            _save(place, layer, bases[layer.name].tensors(bases[layer.name].values))
        return
    if kept is not None and kept.whole:
        kept.replay(squares)
    else:
        sweep(lm, rows, block, squares, gradient=gradient, batch_tokens=batch_tokens)
    for layer in block:
        values = squares.sums[layer.name] / usable
        _save(place, layer, bases[layer.name].tensors(values) if bases else {"values": values})


def _save(place: Path, layer: Tracked, tensors: dict[str, torch.Tensor]) -> None:
    """Write one layer, whole or not at all."""
    with aside(_file(place, layer.name)) as part:
        save_file({name: value.cpu().contiguous() for name, value in tensors.items()}, part)


@dataclass(frozen=True, eq=False)
class Basis:
    """The eigenvectors of one layer, and the eigenvalues that K-FAC gives them."""

    out: torch.Tensor
    into: torch.Tensor
    values: torch.Tensor

    def tensors(self, values: torch.Tensor) -> dict[str, torch.Tensor]:
        """Give what is written of a layer with these eigenvalues."""
        return {"basis_out": self.out, "basis_in": self.into, "values": values.float()}


@dataclass(eq=False)
class Covariances:
    """A sink that sums a aᵀ of every distinct input and g gᵀ of every layer, in float32."""

    inputs: dict[str, torch.Tensor] = field(default_factory=dict)
    outputs: dict[str, torch.Tensor] = field(default_factory=dict)
    tokens: int = 0

    def layer(self, batch: Batch, layer: Tracked, inputs: torch.Tensor, gradients: torch.Tensor) -> None:
        """Add one layer's tokens of a batch."""
        _add(self.outputs, layer.name, gram(batch.flat(gradients)))
        if layer.shares == layer.name:
            _add(self.inputs, layer.name, gram(batch.flat(inputs)))

    def finish(self, batch: Batch, losses: torch.Tensor) -> None:
        """Count the tokens."""
        del losses
        self.tokens += int(batch.inputs.numel() if batch.real is None else batch.real.sum())

    def bases(self, block: tuple[Tracked, ...], rows: int) -> dict[str, Basis]:
        """Decompose layer by layer; what was decomposed is dropped.

        K-FAC's eigenvalue is tokens per row x mean g² x mean a²: of the summed loss of a row.
        """
        into: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
        done: dict[str, Basis] = {}
        for layer in block:
            if layer.shares not in into:
                values, vectors = eigenvectors(self.inputs.pop(layer.shares))
                into[layer.shares] = values / self.tokens, vectors.float()
            values, vectors = eigenvectors(self.outputs.pop(layer.name))
            products = torch.outer(values / rows, into[layer.shares][0])
            done[layer.name] = Basis(vectors.float(), into[layer.shares][1], products.float())
        return done


def _add(sums: dict[str, torch.Tensor], name: str, value: torch.Tensor) -> None:
    if name in sums:
        sums[name] += value
    else:
        sums[name] = value


@dataclass(eq=False)
class Kept:
    """A sink before a sink: it keeps what goes through, so that a second pass need not be made.

    What outgrows its memory is let go of, and then the second pass is made after all.
    """

    sink: Covariances
    gigabytes: float
    batches: list[tuple[Batch, list[tuple[Tracked, torch.Tensor, torch.Tensor]]]] = field(
        default_factory=list
    )
    whole: bool = True
    bytes: int = 0

    def layer(self, batch: Batch, layer: Tracked, inputs: torch.Tensor, gradients: torch.Tensor) -> None:
        """Hand one layer's tensors on, and keep them while there is room."""
        self.sink.layer(batch, layer, inputs, gradients)
        if not self.whole:
            return
        if not self.batches or self.batches[-1][0] is not batch:
            self.batches.append((batch, []))
        self.batches[-1][1].append((layer, inputs, gradients))
        self.bytes += gradients.nbytes + (inputs.nbytes if layer.shares == layer.name else 0)
        if self.bytes > self.gigabytes * GIGABYTE:
            self.whole = False
            self.batches.clear()

    def finish(self, batch: Batch, losses: torch.Tensor) -> None:
        """Hand the end of a batch on."""
        self.sink.finish(batch, losses)

    def replay(self, sink: Squares) -> None:
        """Hand everything to another sink, batch by batch, and let go of it."""
        for batch, layers in self.batches:
            for layer, inputs, gradients in layers:
                sink.layer(batch, layer, inputs, gradients)
            batch.shared.clear()
            layers.clear()


@dataclass(eq=False)
class Squares:
    """A sink that sums the squares of every row's gradient: in the eigenvectors' basis, or as it is."""

    bases: Mapping[str, Basis]
    sums: dict[str, torch.Tensor] = field(default_factory=dict)

    def layer(self, batch: Batch, layer: Tracked, inputs: torch.Tensor, gradients: torch.Tensor) -> None:
        """Add one layer's rows of a batch."""
        basis = self.bases.get(layer.name)
        inputs, gradients = inputs.float(), gradients.float()
        tokens = inputs.shape[1]
        first = basis is not None and by_tokens_is_cheaper(tokens, layer.outputs, layer.inputs)
        if first and basis is not None:
            inputs, gradients = _rotated(batch, layer, inputs, basis.into), gradients @ basis.out
        if layer.name not in self.sums:
            self.sums[layer.name] = inputs.new_zeros(layer.outputs, layer.inputs)
        for formed in row_gradients(inputs, gradients):
            if basis is not None and not first:
                formed = basis.out.T @ formed @ basis.into
            self.sums[layer.name] += formed.square_().sum(0)

    def finish(self, batch: Batch, losses: torch.Tensor) -> None:
        """Nothing is left to do."""


def _rotated(batch: Batch, layer: Tracked, inputs: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
    """Rotate inputs, once for all layers that read them."""
    name = f"rotated {layer.shares}"
    if name not in batch.shared:
        batch.shared[name] = inputs @ vectors
    return batch.shared[name]


def row_gradients(inputs: torch.Tensor, gradients: torch.Tensor) -> Iterator[torch.Tensor]:
    """Form the gradients of some rows at a time: Σ_t g_t a_tᵀ. Padding has no gradient and adds nothing."""
    size = at_once(inputs.shape[2] * gradients.shape[2], inputs.device)
    for begin in range(0, len(inputs), size):
        yield gradients[begin : begin + size].transpose(1, 2) @ inputs[begin : begin + size]
