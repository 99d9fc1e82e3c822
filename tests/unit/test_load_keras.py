"""Live Keras 3 models on torch, and reopened there from another backend (30 s)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")  # read when keras is imported

import keras
import numpy as np
import pytest
from keras import layers

import inferon
from inferon.errors import DataError, Unsupported, UsageError
from tests.absent import needs_package

ROOT = Path(__file__).parents[2]
ROUNDED = 1e-5
"""Sums of at most a few hundred float32 terms of order 1, in another order."""


def sequential() -> Any:
    return keras.Sequential(
        [
            *(layers.Input((8, 8, 2)), layers.Conv2D(4, 3, padding="same", activation="relu")),
            *(layers.BatchNormalization(), layers.MaxPooling2D(), layers.DepthwiseConv2D(3)),
            *(layers.Flatten(), layers.Dense(3, activation="softmax")),
        ],
        name="cnn",
    )


def functional() -> Any:
    particles = layers.Input((6, 3), name="particles")
    event = layers.Input((4,), name="summary")
    y = layers.Dense(8, activation="gelu")(particles)
    y = layers.LayerNormalization()(y + layers.MultiHeadAttention(2, 4)(y, y))
    y = layers.Concatenate()([layers.GlobalAveragePooling1D()(y), event])
    return keras.Model([particles, event], layers.Dense(2)(y), name="attention")


def recurrent() -> Any:
    return keras.Sequential(
        [layers.Input((4, 3)), layers.LSTM(5, return_sequences=True), layers.GRU(4)], name="steps"
    )


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of predict
@pytest.mark.parametrize("make", [sequential, functional, recurrent])
def test_a_model_predicts_the_same(make: Any) -> None:
    keras.utils.set_random_seed(2)
    model = make()
    graph = inferon.load(model)
    rng = np.random.default_rng(4)
    shapes = [[3, *(int(str(size)) for size in node.type.shape)] for node in graph.inputs]
    events = [rng.standard_normal(shape).astype(np.float32) for shape in shapes]
    (got,) = inferon.interpret(graph, events)
    expected = model.predict(events if len(events) > 1 else events[0], verbose=0)
    assert np.abs(got - expected).max() <= ROUNDED
    assert graph.name == model.name


def test_names_are_the_users() -> None:
    assert inferon.load(functional()).input_names == ("particles", "summary")
    assert inferon.load(sequential()).input_names == ("x",)


class Own(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.dense = layers.Dense(3)

    def call(self, x: Any) -> Any:
        return self.dense(x)


def test_a_model_without_shapes_needs_an_example() -> None:
    with pytest.raises(UsageError, match="Own states no shapes"):
        inferon.load(Own())
    assert str(inferon.load(Own(), np.ones((2, 4))).inputs[0].type) == "4xf32"


def test_a_free_size_needs_an_example() -> None:
    model = keras.Sequential([layers.Input((None, 3)), layers.Conv1D(2, 3)])
    with pytest.raises(UsageError, match=r"\[\?, 3\] for one event"):
        inferon.load(model)
    assert str(inferon.load(model, np.ones((2, 7, 3))).inputs[0].type) == "7x3xf32"


def test_a_wrong_example_is_one_clear_error() -> None:
    with pytest.raises(DataError, match="has 1 inputs, but the model takes 2"):
        inferon.load(functional(), np.ones((2, 6, 3)))
    with pytest.raises(DataError, match="does not take"):
        inferon.load(sequential(), np.ones((2, 8, 8, 3)))
    with pytest.raises(DataError, match="an example of str"):
        inferon.load(sequential(), "x")
    with pytest.raises(UsageError, match="events in axis 0"):
        inferon.load(sequential(), batch_axis=1)


OWN = """
import keras

@keras.saving.register_keras_serializable()
class Doubled(keras.layers.Layer):
    def call(self, x):
        return 2.0 * x
"""

JAX = """
import keras, numpy as np, inferon
from keras import layers
from own_layers import Doubled
assert keras.config.backend() == "jax"
inner = keras.Sequential([layers.Dense(5, activation="selu"), Doubled()])
model = keras.Sequential([layers.Input((6,)), inner, layers.Dense(2)])
graph = inferon.load(model)
x = np.random.default_rng(1).standard_normal((4, 6)).astype(np.float32)
print(np.abs(inferon.interpret(graph, x)[0] - np.asarray(model(x))).max())

class Own(keras.layers.Layer):
    def call(self, x):
        return 2.0 * x

try:
    inferon.load(keras.Sequential([layers.Input((6,)), Own()]))
except inferon.InferonError as error:
    print(type(error).__name__, error)
"""


@needs_package("jax")
def test_a_model_on_another_backend_is_reopened_on_torch(tmp_path: Path) -> None:
    (tmp_path / "own_layers.py").write_text(OWN)
    paths = os.pathsep.join([str(ROOT / "src"), str(tmp_path)])
    environment = os.environ | {"KERAS_BACKEND": "jax", "PYTHONPATH": paths}
    done = subprocess.run(
        [sys.executable, "-c", JAX], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    first, *rest = done.stdout.splitlines()
    assert float(first) <= ROUNDED
    assert rest[0].startswith(Unsupported.__name__)
    assert "register_keras_serializable" in " ".join(rest)
