"""Is a trace right? Its answer, its written arithmetic, and where its numbers come from. No torch.

    verdict.py    Verdict, Judgement
    judge.py      judge_answer: the final answer against the gold answer
    extract.py    the ordered rules that find an answer;  strict.py  the benchmarks' published rules
    clean.py numbers.py words.py units.py quantity.py     one reading per spelling
    compare.py    exact comparison
"""

from cotmill.verify.compare import Comparison, compare_answers
from cotmill.verify.judge import judge_answer, same_answer
from cotmill.verify.strict import STRICT_RULES
from cotmill.verify.verdict import Judgement, Verdict

__all__ = ["STRICT_RULES", "Comparison", "Judgement", "Verdict", "compare_answers", "judge_answer", "same_answer"]
