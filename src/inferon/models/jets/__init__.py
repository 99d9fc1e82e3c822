"""Jet taggers: raw constituents or high-level features in, class probabilities out."""
