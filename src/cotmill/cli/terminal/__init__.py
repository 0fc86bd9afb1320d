"""What verbs draw on a terminal: plans, progress, tables. No verb lives in this folder."""
