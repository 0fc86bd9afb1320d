"""What was measured on a Pool: frozen numpy values that know their rows, their pool and their model.

    Evidence        the base: aligns to a pool or refuses, writes and reads one Parquet file
    ├── Losses          summed loss and label tokens of every row under one model
    ├── Trajectories    summed loss of every row at several checkpoints of one training run
    ├── Lengths         tokens of every row
    ├── Readings        what one forward pass says of every answer: loss, confidence, ranks
    ├── Embeddings      one vector per row
    ├── PassRates       right answers and all answers to every question
    ├── Influence       influence of every row on two groups of queries, in parts
    └── Scores          one finite number per row, higher is better

The files are plain Parquet that any trainer can write; see docs/select.md for the columns.
"""

from cotmill.evidence.base import Evidence as Evidence
from cotmill.evidence.embeddings import Embeddings as Embeddings
from cotmill.evidence.influence import Influence as Influence
from cotmill.evidence.lengths import Lengths as Lengths
from cotmill.evidence.losses import Losses as Losses
from cotmill.evidence.pass_rates import PassRates as PassRates
from cotmill.evidence.readings import Readings as Readings
from cotmill.evidence.scores import Scores as Scores
from cotmill.evidence.trajectories import Trajectories as Trajectories
