"""The language's nouns: types, shapes, nodes, graphs and their listing.  What operators mean is in ``inferon.ops``."""
