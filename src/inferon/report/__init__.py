"""Evidence: the study of the shipped jet taggers, and its one self-contained page."""
