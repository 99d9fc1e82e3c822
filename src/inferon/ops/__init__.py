"""What each operator means: type rule, reference, decomposition.  How a target spells it is the target's."""
