"""Estimates: what an artefact will take, before any tool has seen it."""
