"""The benchmark suite: fixed models, peers in the same run, limits of the machine, bars."""
