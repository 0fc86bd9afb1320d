"""Example, Trace, Pool; readers for the schemas people have; writers; overlap and duplicates."""

from cotmill.data.gold import final_answer
from cotmill.data.pool import Pool
from cotmill.data.read import read_pool
from cotmill.data.rejects import Rejects
from cotmill.data.types import Example, Message, Trace

__all__ = ["Example", "Message", "Pool", "Rejects", "Trace", "final_answer", "read_pool"]
