"""What verbs print on a terminal."""
