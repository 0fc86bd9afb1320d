"""Is a trace right? Its answer, its written arithmetic, and where its numbers come from. No torch.

verifier.py      Verifier: (Example, Trace) → Verification of three findings
judge.py         judge_answer, same_answer: the final answer against the gold answer
extract.py       the ordered rules that find an answer;  strict.py: the benchmarks' published rules
unanswerable.py  texts that say that there is no answer
clean.py numbers.py words.py units.py quantity.py dates.py asked.py      one reading per spelling
compare.py       exact comparison of numbers, units, words
structure.py forms.py intervals.py     sets, tuples, intervals, matrices, relations
expression.py evaluate.py complex_value.py algebra.py   closed forms and formulas by value, bounded
symbolic.py worker.py                  Math-Verify in processes that can be killed
arithmetic.py equations.py             every written equation over exact rationals
grounding.py     where operands come from, where results go
stream.py        any number of traces to Parquet
"""

from cotmill.verify.compare import Comparison
from cotmill.verify.equations import EquationFinding, check_equations
from cotmill.verify.grounding import GroundingFinding, check_grounding
from cotmill.verify.judge import judge_answer, same_answer
from cotmill.verify.links import Equation, Status
from cotmill.verify.strict import STRICT_RULES
from cotmill.verify.symbolic import SymbolicConfig, SymbolicPool
from cotmill.verify.verdict import Judgement, Verdict
from cotmill.verify.verifier import PRECISE, Verification, Verifier

__all__ = [
    "PRECISE",
    "STRICT_RULES",
    "Comparison",
    "Equation",
    "EquationFinding",
    "GroundingFinding",
    "Judgement",
    "Status",
    "SymbolicConfig",
    "SymbolicPool",
    "Verdict",
    "Verification",
    "Verifier",
    "check_equations",
    "check_grounding",
    "judge_answer",
    "same_answer",
]
