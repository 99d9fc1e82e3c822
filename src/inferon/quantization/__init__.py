"""The joints between float models and integers: `exact` and `quantize`."""

from inferon.ops.mantissa import Rounding
from inferon.passes.quantizers import Grain
from inferon.quantization.budget import Budget
from inferon.quantization.exact import Change, ExactModel, exact
from inferon.quantization.hls4ml import from_hls4ml
from inferon.quantization.loss import LayerLoss, Loss
from inferon.quantization.metric import Comparison, Metric
from inferon.quantization.post_training import Quantized, quantize

__all__ = [
    "Budget",
    "Change",
    "Comparison",
    "ExactModel",
    "Grain",
    "LayerLoss",
    "Loss",
    "Metric",
    "Quantized",
    "Rounding",
    "exact",
    "from_hls4ml",
    "quantize",
]
