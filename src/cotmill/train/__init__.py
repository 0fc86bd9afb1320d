"""From a pool to a checkpoint: supervised fine-tuning, and pre-training of the lab's base models."""
