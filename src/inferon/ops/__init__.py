"""What each operator means: type rule, reference, decomposition.  Spelling is the targets'."""
