"""Five Keras networks with explicit precisions, for hls4ml and for us.

Needs keras and numpy only: hls4ml runs in an environment of its own.  Weights and events come from
numpy, so that every backend of Keras has the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

EVENTS = 10_000
SEED = 11

Array = NDArray[Any]
Config = dict[str, Any]


def _layers() -> Any:
    from keras import layers

    return layers


def _sequential(name: str, *layers: Any) -> Any:
    import keras

    return keras.Sequential(list(layers), name=name)


def _mlp() -> Any:
    """Return the jet tagger of hls4ml's tutorials: 16-64-32-32-5."""
    k, keras_input = _layers(), _input((16,))
    hidden = [k.Dense(n, activation="relu", name=f"fc{n}_{i}") for i, n in enumerate((64, 32, 32))]
    return _sequential("mlp", keras_input, *hidden, k.Dense(5, name="last"))


def _input(shape: tuple[int, ...]) -> Any:
    import keras

    return keras.Input(shape, name="x")


def _normalized() -> Any:
    k = _layers()
    first = k.Dense(24, name="fc1"), k.BatchNormalization(name="bn1"), k.ReLU(name="relu1")
    second = k.Dense(12, use_bias=False, name="fc2"), k.BatchNormalization(name="bn2")
    last = k.Activation("relu", name="relu2"), k.Dense(3, name="fc3")
    return _sequential("normalized", _input((10,)), *first, *second, *last)


def _image() -> Any:
    k = _layers()
    first = k.Conv2D(4, 3, padding="same", name="c1"), k.BatchNormalization(name="bn1")
    pool = k.ReLU(name="relu1"), k.MaxPooling2D(name="pool1")
    second = k.Conv2D(6, 3, strides=(2, 1), name="c2", activation="relu"), k.Flatten(name="flat")
    return _sequential("image", _input((8, 9, 2)), *first, *pool, *second, k.Dense(4, name="fc"))


def _sequence() -> Any:
    k = _layers()
    first = k.Conv1D(5, 4, padding="same", strides=2, name="c1"), k.ReLU(name="relu1")
    second = k.Conv1D(3, 2, name="c2"), k.ReLU(name="relu2"), k.Flatten(name="flat")
    return _sequential("sequence", _input((11, 3)), *first, *second, k.Dense(2, name="fc"))


def _residual() -> Any:
    import keras

    k = _layers()
    x = _input((12,))
    h = k.Dense(12, activation="relu", name="fc1")(x)
    g = k.Dense(12, name="fc2")(h)
    y = k.Dense(4, name="fc3")(k.ReLU(name="relu")(k.Add(name="sum")([g, h])))
    return keras.Model(x, y, name="residual")


def _types(result: str, weight: str, bias: str, accum: str) -> Config:
    given = {"result": result, "weight": weight, "bias": bias, "accum": accum}
    return {"Precision": given}


def _result(result: str, **others: str) -> Config:
    return {"Precision": {"result": result, **others}}


WIDE = "ap_fixed<16,6>"
NETWORKS: dict[str, tuple[Callable[[], Any], tuple[int, ...], Config]] = {
    "mlp": (_mlp, (16,), {"Model": {"Precision": WIDE, "ReuseFactor": 1, "Strategy": "Latency"}}),
    "normalized": (
        _normalized,
        (10,),
        {
            "Model": {"Precision": {"default": WIDE}, "ReuseFactor": 1},
            "LayerName": {
                "x": _result("ap_fixed<10,4,AP_RND,AP_SAT>"),
                "fc1": _types("ap_fixed<14,5>", "ap_fixed<7,1>", "fixed<9,2>", "ap_fixed<18,7>"),
                "bn1": _result("ap_fixed<12,4,AP_RND_CONV,AP_SAT>", scale="ap_fixed<9,3>"),
                "relu1": _result("ap_ufixed<7,2,AP_RND,AP_SAT>"),
                "fc2": _types(WIDE, "ap_fixed<5,1>", WIDE, "ap_fixed<13,6,AP_TRN_ZERO>"),
                "bn2": _result("ap_fixed<11,4>", scale=WIDE, bias="ap_fixed<8,3>"),
                "relu2": _result("ap_fixed<9,3,AP_TRN,AP_SAT_SYM>"),
                "fc3": _types("ap_fixed<12,5,AP_RND_INF,AP_SAT>", WIDE, WIDE, "ap_fixed<20,8>"),
            },
        },
    ),
    "image": (
        _image,
        (8, 9, 2),
        {
            "Model": {"Precision": "ap_fixed<14,5>", "ReuseFactor": 1, "Strategy": "latency"},
            "LayerName": {
                "c1": _types("ap_fixed<13,4>", "ap_fixed<6,1>", WIDE, "ap_fixed<15,5>"),
                "relu1": _result("ap_ufixed<6,2,AP_RND,AP_SAT>"),
                "c2": _types("ap_fixed<16,7>", "ap_fixed<8,1>", "ap_fixed<8,1>", "ap_fixed<24,8>"),
                "c2_relu": _result("ap_ufixed<8,3,AP_RND_MIN_INF,AP_SAT>"),
            },
        },
    ),
    "sequence": (
        _sequence,
        (11, 3),
        {
            "Model": {"Precision": {"default": WIDE, "result": "ap_fixed<12,4>"}},
            "LayerName": {
                "x": _result("ap_fixed<9,3,AP_RND_ZERO,AP_SAT>"),
                "c1": _types(
                    "ap_fixed<11,3>", "ap_fixed<6,1>", WIDE, "ap_fixed<9,2,AP_RND,AP_SAT>"
                ),
                "c2": _types("ap_fixed<11,3>", WIDE, WIDE, "ap_fixed<8,2,AP_TRN,AP_SAT_SYM>"),
                "fc": _types(WIDE, WIDE, WIDE, "ap_fixed<12,3,AP_RND_CONV,AP_WRAP>"),
            },
        },
    ),
    "residual": (
        _residual,
        (12,),
        {
            "Model": {"Precision": "fixed<12,5>", "ReuseFactor": 1, "TraceOutput": False},
            "LayerName": {
                "fc1": _types("ap_fixed<10,3>", "ap_fixed<4,1>", "ap_fixed<4,1>", WIDE),
                "fc1_relu": _result("ap_ufixed<5,2>"),
                "fc2": _types("ap_fixed<9,3>", "ap_fixed<3,0>", "ap_int<3>", "ap_fixed<14,6>"),
                "sum": _result("ap_fixed<8,3,AP_RND,AP_SAT>"),
            },
        },
    ),
}


def onnx_network() -> Any:
    """Return an ONNX model with the names that qonnx gives: 9-14-6-3, with normalization."""
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(SEED)
    shapes = {"w0": (9, 14), "b0": (14,), "w1": (14, 6), "w2": (6, 3)}
    shapes |= {f"bn{i}": (6,) for i in range(4)}
    stored = [numpy_helper.from_array(_weights(rng, s), name) for name, s in shapes.items()]
    nodes = [
        helper.make_node("MatMul", ["global_in", "w0"], ["h0"], name="MatMul_0"),
        helper.make_node("Add", ["h0", "b0"], ["h1"], name="Add_0"),
        helper.make_node("Relu", ["h1"], ["h2"], name="Relu_0"),
        helper.make_node("MatMul", ["h2", "w1"], ["h3"], name="MatMul_1"),
        helper.make_node(
            "BatchNormalization",
            ["h3", *(f"bn{i}" for i in range(4))],
            ["h4"],
            name="BatchNormalization_0",
        ),
        helper.make_node("Relu", ["h4"], ["h5"], name="Relu_1"),
        helper.make_node("MatMul", ["h5", "w2"], ["y"], name="MatMul_2"),
    ]
    faces = [("global_in", 9), ("y", 3)]
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, size]) for n, size in faces)
    graph = helper.make_graph(nodes, "onnx", [x], [y], stored)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


ONNX_CONFIG: Config = {
    "Model": {"Precision": "ap_fixed<15,5>", "ReuseFactor": 1},
    "LayerName": {
        "MatMul_0": {"Precision": {"weight": "ap_fixed<6,2>", "result": "ap_fixed<12,4>"}},
        "Add_0": {"Precision": {"bias": "ap_fixed<6,1>", "result": "ap_fixed<11,4,AP_RND>"}},
        "Relu_0": {"Precision": {"result": "ap_ufixed<8,3,AP_RND,AP_SAT>"}},
        "BatchNormalization_0": {"Precision": {"scale": "ap_fixed<8,3>"}},
        "MatMul_2": {"Precision": {"accum": "ap_fixed<18,8>", "result": "ap_fixed<18,8>"}},
    },
}


def network(name: str) -> Any:
    """Return a Keras model with weights from numpy."""
    make, _, _ = NETWORKS[name]
    model = make()
    rng = np.random.default_rng(SEED)
    for layer in model.layers:
        layer.set_weights([_weights(rng, tuple(each.shape)) for each in layer.weights])
    return model


def _weights(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Return weights: matrices around 0, vectors around 0.5 and above 0.05, as variances are."""
    if len(shape) > 1:
        return rng.normal(0, 1.2 / np.sqrt(np.prod(shape[:-1])), shape).astype(np.float32)
    return np.abs(rng.normal(0.5, 0.3, shape)).astype(np.float32) + np.float32(0.05)


def events(name: str) -> Array:
    """Return 10,000 events."""
    shape = (9,) if name == "onnx" else NETWORKS[name][1]
    numbers = np.random.default_rng(SEED + 1).normal(0, 1.5, (EVENTS, *shape))
    return numbers.astype(np.float32)
