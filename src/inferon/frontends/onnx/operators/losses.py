"""Losses of classification: the log-probability of the right class, weighted and reduced."""

from __future__ import annotations

from inferon.frontends.onnx.call import Call, Refused, Result, Table
from inferon.ir.node import Node
from inferon.ir.types import INT64
from inferon.ops import build as b
from inferon.ops.base import require
from inferon.ops.normalization import LogSoftmax


def _negative_log_likelihood(call: Call) -> Node:
    return _loss(call, call.node(0))


def _softmax_cross_entropy(call: Call) -> Result:
    scores = call.node(0)
    require(scores.type.rank >= 2, "takes scores of (N, C, ...), not {}", scores.type)
    log_probability = b.apply(LogSoftmax(1), scores)
    loss = _loss(call, log_probability)
    return (loss, log_probability) if len(call.layer.outputs) > 1 else loss


def _loss(call: Call, log_probability: Node) -> Node:
    """Return the loss of each label, or what its reduction makes of all."""
    labels = b.cast(call.node(1), INT64)
    ignored = call.given("ignore_index")
    keep = None if ignored is None else b.not_(b.equal(labels, call.integer("ignore_index", 0)))
    loss = b.neg(_of_labels(log_probability, labels))
    weight = b.gather(call.node(2), labels, 0) if call.has(2) else None
    if keep is not None:
        weight = b.select(keep, b.constant_like(loss, 1) if weight is None else weight, 0)
    if weight is not None:
        loss = b.mul(loss, weight)
    if keep is not None:  # a score of infinity times 0 would not be 0
        loss = b.select(keep, loss, 0)
    return _reduced(call.text("reduction", "mean"), loss, weight)


def _of_labels(x: Node, labels: Node) -> Node:
    """Return the element of axis 1 that each label names; labels outside name the nearest."""
    rank = x.type.rank
    require(rank >= 2, "takes scores of (N, C, ...), not {}", x.type)
    last = b.transpose(x, (0, *range(2, rank), 1))
    require(last.type.shape[:-1] == labels.type.shape, "{} do not label {}", labels.type, x.type)
    return b.gather(last, labels, rank - 1, batch=rank - 1)


def _reduced(reduction: str, loss: Node, weight: Node | None) -> Node:
    if reduction == "none":
        return loss
    if reduction == "sum":
        return b.sum_(loss)
    if reduction != "mean":
        raise Refused(f"a loss with reduction={reduction!r}", "reduction='mean'")
    return b.mean(loss) if weight is None else b.div(b.sum_(loss), b.sum_(weight))


TABLE: Table = {
    "NegativeLogLikelihoodLoss": _negative_log_likelihood,
    "SoftmaxCrossEntropyLoss": _softmax_cross_entropy,
}
