"""The errors of cotmill, by who can act on them.

    CotmillError
    └── UserError            exit code 2, printed without a traceback
        ├── DataError        the data: a file, a row, a column
        │   └── DamagedError     a finished file is not what was written
        ├── RecipeError      the recipe or an option; found before any model is loaded
        ├── EvidenceError    numbers that do not belong to this pool or model, or that are not finite
        ├── ModelError       a model or tokenizer that cannot be loaded or used so
        ├── RunError         a Run folder: in use, damaged, or made from something else
        ├── MachineError     the machine: a job that does not fit into its memory or onto its disk
        └── MissingExtra     an optional dependency is not installed

A failed sample is data (a Verdict with a reason), not an error. Every error says what was read, what
was expected, and what to do next. All of them pickle, since they cross process borders.
"""


class CotmillError(Exception):
    """Base of every error raised on purpose by cotmill."""


class UserError(CotmillError):
    """Something that the person at the keyboard can put right."""


class DataError(UserError, ValueError):
    """The data cannot be read or used as it is."""


class DamagedError(DataError):
    """A finished file is not what was written; the message names it."""


class RecipeError(UserError, ValueError):
    """A recipe or an option is wrong."""


class EvidenceError(UserError, ValueError):
    """Evidence is missing, not finite, or was measured on something else."""


class ModelError(UserError, RuntimeError):
    """A model or tokenizer cannot be loaded or used in this way."""


class RunError(UserError, RuntimeError):
    """A Run folder is in use, damaged, or belongs to another recipe."""


class MachineError(UserError, RuntimeError):
    """A job does not fit into the memory or onto the disk of this machine."""


class MissingExtra(UserError, ImportError):  # noqa: N818 - it names what is missing
    """An optional dependency is missing; the message is the line that installs it."""

    def __init__(self, package: str, extra: str) -> None:
        """Name the package that is missing and the extra that brings it."""
        super().__init__(package, extra)
        self.package, self.extra = package, extra

    def __str__(self) -> str:
        """Say what to type."""
        return f"{self.package} is not installed; type: pip install 'cotmill[{self.extra}]'"
