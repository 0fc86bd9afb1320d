"""Ids of many rows in 16 bytes each.

Content ids are 32 hex digits; as numpy text they take 128 bytes a row, which at 10^7 rows is more than
the numbers they belong to. Here they are two 64-bit words, and become text only where somebody looks.
Ids of other forms are kept as the text they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Shaped, UInt64

from cotmill.core.ids import HEX_DIGITS, as_strings, hex_words, id_words


class RowIds:
    """A read-only sequence of ids; text comes out of it as it went in."""

    __slots__ = ("text", "words")

    def __init__(self, ids: Any) -> None:
        """Take a list, a numpy array, an Arrow array, or another RowIds."""
        self.text: Shaped[np.ndarray, " row"] | None = None
        if isinstance(ids, RowIds):
            self.words, self.text = ids.words, ids.text
            return
        held = ids if hasattr(ids, "dtype") or hasattr(ids, "type") else as_strings(ids)
        words = hex_words(held)
        if words is None:
            self.text = as_strings(held)
            words = id_words(self.text)
        self.words: UInt64[np.ndarray, "row 2"] = words

    @classmethod
    def of_words(
        cls, words: UInt64[np.ndarray, "row 2"], text: Shaped[np.ndarray, " row"] | None = None
    ) -> RowIds:
        """Make them from numbers that were parsed before."""
        made = cls.__new__(cls)
        made.words, made.text = words, text
        return made

    def __len__(self) -> int:
        """Count them."""
        return len(self.words)

    def __getitem__(self, place: Any) -> Any:
        """Give one id as text, or several as RowIds."""
        one = isinstance(place, int | np.integer)
        places: Any = [place] if one else place
        found = RowIds.of_words(self.words[places], None if self.text is None else self.text[places])
        return str(found.strings()[0]) if one else found

    def __iter__(self) -> Iterator[str]:
        """Go through them as text."""
        return iter(self.tolist())

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:  # noqa: FBT001
        """Give them to numpy as text."""
        del copy
        return self.strings() if dtype is None else self.strings().astype(dtype)

    def __repr__(self) -> str:
        return f"RowIds({len(self)} ids)"

    def tolist(self) -> list[str]:
        """Give them as a list of text."""
        return self.strings().tolist()

    def strings(self) -> Shaped[np.ndarray, " row"]:
        """Give them as numpy text, 128 bytes each: for few rows."""
        if self.text is not None:
            return self.text
        return np.frombuffer(self._digits(), dtype=f"S{HEX_DIGITS}").astype(f"U{HEX_DIGITS}")

    def to_arrow(self) -> pa.Array:
        """Give them as Arrow text, 32 bytes each and no Python object."""
        if self.text is not None or not len(self):
            return pa.array(self.strings(), type=pa.string())
        offsets = np.arange(len(self) + 1, dtype=np.int64) * HEX_DIGITS
        buffers = pa.py_buffer(offsets), pa.py_buffer(self._digits())
        return pa.LargeStringArray.from_buffers(len(self), *buffers)

    def _digits(self) -> bytes:
        """Write all of them as digits, end to end."""
        return self.words.astype(">u8").tobytes().hex().encode()
