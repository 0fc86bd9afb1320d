"""From a model and a pool to evidence: losses, loss trajectories, lengths. Streaming, sharded, resumable."""
