"""Inferon takes trained physics models to every trigger level."""
