"""The version of the package; it is written into every artefact."""

VERSION = "0.1.0"
