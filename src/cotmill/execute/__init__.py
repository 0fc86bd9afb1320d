"""Map work over shards: local worker processes with completion markers."""
