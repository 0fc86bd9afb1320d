"""The embedded default: a world of worded arithmetic problems, and a family of small models for it.

Everything is generated from seeds, so it works offline, and everything is known exactly, so a method's
claim can be measured. Nothing here trains a model: pre-training is a recipe like any other.
"""

from cotmill.lab.check import SoundnessReport as SoundnessReport
from cotmill.lab.check import check_solution as check_solution
from cotmill.lab.clinical import clinical_rows as clinical_rows
from cotmill.lab.declarative import declarative as declarative
from cotmill.lab.defects import corrupt as corrupt
from cotmill.lab.defects import make_pool_rows as make_pool_rows
from cotmill.lab.paths import count_solutions as count_solutions
from cotmill.lab.paths import solutions as solutions
from cotmill.lab.pools import make_pool as make_pool
from cotmill.lab.pools import make_test as make_test
from cotmill.lab.problems import Problem as Problem
from cotmill.lab.problems import generate as generate
from cotmill.lab.testsets import TEST_SETS as TEST_SETS
