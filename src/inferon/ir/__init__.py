"""The language's nouns: types, shapes, nodes, graphs and their listing; meaning is in ``ops``."""
