"""Results of claims about what a model relies on, from a folder that `cotmill measure dependency` wrote.

The probe compares two models, the first of them plain and the second masked; its last rows hold their paired
difference. Its intervals draw rows anew: two trainings, not many, so another seed may come out elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from cotmill.core.errors import DataError
from cotmill.core.files import read_json, sha256_of
from cotmill.report.claims import PROBE, Claims, Probe, Result

FACTS = "dependency.json"


def is_probe(folder: Path) -> bool:
    """Say whether a folder holds a probe."""
    return (folder / FACTS).is_file()


def probe_results(folder: Path, claims: Claims) -> dict[str, Any]:
    """Take from a probe all that claims ask of it.

    Raises:
        DataError: it is of one model, so that there is no difference.
    """
    about = read_json(folder / FACTS)
    names = [str(name) for name in about["models"]]
    if len(names) != 2:
        raise DataError(f"{folder} probes {len(names)} model; give it two, the plain one first")
    found = [
        _result(folder, names, setting.probe, claim.id, place, int(about["rows"]))
        for claim in claims.claims
        for place, setting in enumerate(claim.tested)
        if setting.probe is not None
    ]
    packages = (about.get("made_by") or {}).get("packages") or {}
    return {
        "recipe": PROBE,
        "run": sha256_of(folder / "pairs.parquet")[:12],
        "versions": {name: packages[name] for name in ("torch", "transformers") if name in packages},
        "changed": [], "edited": [f"first model {names[0]}, second {names[1]}"], "left_out": [],
        "seeds": [int(about["seed"])], "conclusions": [], "comparisons": [],
        "results": [one.model_dump() for one in found],
    }  # fmt: skip


def _result(folder: Path, names: list[str], probe: Probe, claim: str, place: int, rows: int) -> Result:
    """Read the difference of the two models in one cell of a table, and what each has."""
    table = [
        row
        for row in pq.read_table(folder / f"{probe.table}.parquet").to_pylist()
        if all(str(row.get(key)) == value for key, value in probe.where.items())
    ]
    apart = _row(table, f"{names[1]} - {names[0]}", folder, probe)
    ends = {"low": apart[f"{probe.value}_low"], "high": apart[f"{probe.value}_high"]}
    means = {name: float(_row(table, name, folder, probe)[probe.value]) for name in names}
    told = {"claim": claim, "place": place, "test": probe.table, "grid": {}, "seeds": 1, "items": rows}
    return Result.model_validate({**told, "difference": apart[probe.value], **ends, "means": means})


def _row(table: list[dict[str, Any]], model: str, folder: Path, probe: Probe) -> Mapping[str, Any]:
    """Find a model's row."""
    found = next((row for row in table if row["model"] == model), None)
    if found is None:
        raise DataError(f"{folder / probe.table}.parquet has no row of {model} where {dict(probe.where)}")
    return found
