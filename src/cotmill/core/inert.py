"""Text that others wrote, made inert before it is shown: on a terminal, or on a page."""

from __future__ import annotations

import re

_ORDER_MARKS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_UNSEEN = re.compile(
    f"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f{_ORDER_MARKS}]"
)


def visible(text: object) -> str:
    r"""Write out what would act where it is shown, or hide: control characters, order marks, lone surrogates.

    Tabs and line ends stay; a Windows line end becomes a plain one.

    >>> visible("a\x00b\u202ec")
    'a⟨U+0000⟩b⟨U+202E⟩c'
    """
    plain = str(text).replace("\r\n", "\n")
    return _UNSEEN.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", plain)
