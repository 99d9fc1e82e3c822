"""The catalog of taggers: it builds each one, and each has the parameters of its paper."""

from __future__ import annotations

import sys
from dataclasses import FrozenInstanceError, fields, is_dataclass
from itertools import pairwise

import numpy as np
import pytest

from inferon.errors import UsageError
from tests.absent import require_package

torch = require_package("torch")

from torch import nn  # noqa: E402

from inferon.models.jets.catalog import CATALOG, build  # noqa: E402
from inferon.models.jets.frame import FEATURE_NAMES  # noqa: E402
from inferon.models.jets.jedi_net import JediNet, JediNetShape  # noqa: E402
from inferon.models.jets.mlp import MlpShape  # noqa: E402
from tests.models.some_jets import CLASS_NAMES  # noqa: E402

FEATURES = len(FEATURE_NAMES)


def parameters(module: nn.Module) -> int:
    return sum(weight.numel() for weight in module.parameters())


@pytest.mark.parametrize("name", CATALOG)
def test_an_entry_is_whole(name: str) -> None:
    entry = CATALOG[name]
    shape = entry.shape()
    assert is_dataclass(shape)
    with pytest.raises(FrozenInstanceError):
        setattr(shape, fields(shape)[0].name, None)
    tagger = build(name, None, CLASS_NAMES)
    assert type(tagger) is entry.module
    assert isinstance(tagger.constituents, int)
    assert entry.paper.startswith("arXiv:")
    assert entry.paper in (sys.modules[entry.module.__module__].__doc__ or "")


def test_a_name_or_a_shape_of_no_tagger_is_refused() -> None:
    with pytest.raises(UsageError, match="no jet tagger is called resnet: there are mlp, deep-s"):
        build("resnet", None, CLASS_NAMES)
    with pytest.raises(UsageError, match="pfn has a PfnShape, not a MlpShape"):
        build("pfn", MlpShape(), CLASS_NAMES)


def test_the_mlp_has_the_parameters_of_its_paper() -> None:
    assert parameters(build("mlp", None, CLASS_NAMES)) == 4389


def test_deep_sets_has_those_of_its_paper_and_four_more_features() -> None:
    """There: 3 * 32 + 32, three times 32 * 32 + 32 (two in phi, one in rho), 32 * 5 + 5."""
    more = (FEATURES - 3) * 32
    assert parameters(build("deep-sets", None, CLASS_NAMES)) == 3461 + more


def test_pfn_has_the_82_thousand_of_the_top_tagging_comparison() -> None:
    """82,458 with three features a particle."""
    assert parameters(build("pfn", None, ("qcd", "top"))) - (FEATURES - 3) * 100 == 82458


def test_jedi_net_has_the_published_f_r_and_f_o() -> None:
    """The one without the sum has 33,625, of which 30,575 are phi_C's; 16 features there."""
    tagger = JediNet(JediNetShape(hidden=30, effects=10, outputs=10), CLASS_NAMES)
    less = (16 - FEATURES) * 3 * 30  # twice in f_R, once in f_O
    found = parameters(tagger) - parameters(tagger.classifier)
    assert found == 33625 - 30575 - less


def test_the_autoencoder_copies_57_numbers() -> None:
    tagger = build("autoencoder", None, CLASS_NAMES)
    (first, *_, last) = [m for m in tagger.modules() if isinstance(m, nn.Linear)]
    assert (first.in_features, last.out_features) == (57, 57)
    weights = [57, 32, 16, 3, 16, 32, 57]
    dense = sum(a * b for a, b in pairwise(weights)) + 57
    normalization = 2 * sum(weights[1:-1])
    assert parameters(tagger) == dense + normalization


@pytest.mark.parametrize("name", CATALOG)
def test_the_same_seed_makes_the_same_tagger(name: str) -> None:
    states = []
    for _ in range(2):
        torch.manual_seed(3)
        states.append(build(name, None, CLASS_NAMES).state_dict())
    assert states[0].keys() == states[1].keys()
    assert all(np.array_equal(states[0][key], states[1][key]) for key in states[0])
