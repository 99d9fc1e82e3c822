"""All jet taggers by name: what `inferon train jets/NAME` can build."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from inferon.errors import UsageError
from inferon.models.jets.autoencoder import Autoencoder, AutoencoderShape
from inferon.models.jets.deep_sets import DeepSets, DeepSetsShape
from inferon.models.jets.gravnet import GravNet, GravNetShape
from inferon.models.jets.jedi_net import JediNet, JediNetShape
from inferon.models.jets.mixer import Mixer, MixerShape
from inferon.models.jets.mlp import Mlp, MlpShape
from inferon.models.jets.particle_transformer import (
    ParticleTransformer,
    ParticleTransformerShape,
)
from inferon.models.jets.particlenet import ParticleNet, ParticleNetShape
from inferon.models.jets.pfn import Pfn, PfnShape
from inferon.models.jets.tagger import Tagger


@dataclass(frozen=True, slots=True)
class Entry:
    """One kind of tagger.

    Attributes
    ----------
    shape : class of its sizes, whose defaults are the paper's
    module : class of the network; made of a shape and the names of the classes
    title : its name in tables
    paper : where it is from
    """

    shape: type[Any]
    module: type[Tagger]
    title: str
    paper: str


CATALOG: Mapping[str, Entry] = MappingProxyType(
    {
        "mlp": Entry(MlpShape, Mlp, "MLP, 16 features", "arXiv:1804.06913"),
        "deep-sets": Entry(DeepSetsShape, DeepSets, "Deep Sets", "arXiv:2402.01876"),
        "pfn": Entry(PfnShape, Pfn, "PFN", "arXiv:1810.05165"),
        "jedi-net": Entry(JediNetShape, JediNet, "JEDI-net", "arXiv:1908.05318"),
        "particlenet": Entry(ParticleNetShape, ParticleNet, "ParticleNet", "arXiv:1902.08570"),
        "gravnet": Entry(GravNetShape, GravNet, "GravNet", "arXiv:1902.07987"),
        "part": Entry(
            *(ParticleTransformerShape, ParticleTransformer),
            *("Particle Transformer", "arXiv:2202.03772"),
        ),
        "mixer": Entry(MixerShape, Mixer, "MLP-Mixer", "arXiv:2105.01601"),
        "autoencoder": Entry(AutoencoderShape, Autoencoder, "Autoencoder", "arXiv:2108.03986"),
    }
)
"""Every tagger, simple ones first."""


def build(name: str, shape: object | None, class_names: tuple[str, ...]) -> Tagger:
    """Make a tagger with random weights.

    Parameters
    ----------
    name : one of ``CATALOG``
    shape : an instance of the entry's shape class; None: the paper's sizes
    class_names : in the order of the labels

    Raises
    ------
    UsageError
        When the name or the shape is none of the catalog's.
    """
    if name not in CATALOG:
        raise UsageError(f"no jet tagger is called {name}: there are {', '.join(CATALOG)}")
    entry = CATALOG[name]
    sizes = entry.shape() if shape is None else shape
    if not isinstance(sizes, entry.shape):
        raise UsageError(f"{name} has a {entry.shape.__name__}, not a {type(sizes).__name__}")
    return entry.module(sizes, class_names)
