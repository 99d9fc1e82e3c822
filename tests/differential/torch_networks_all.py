"""All torch networks of the tests, by name: how each is made, and what one event of it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from zlib import crc32

import torch
from torch import nn

from tests.differential import torch_networks_dense as dense
from tests.differential import torch_networks_images as images
from tests.differential import torch_networks_sets as sets
from tests.differential.torch_networks import Network, Shapes, networks

Made = tuple[Callable[[], nn.Module], Shapes]

ONE = ("x",)
NAMES = {
    "film": ("x", "condition"),
    "encoder_decoder": ("x", "y"),
    "cross_attention": ("x", "y"),
    "decoder": ("x", "memory"),
    "graph_attention": ("x", "adjacency"),
    "graph_convolution": ("x", "adjacency"),
    **dict.fromkeys(("masked_sets", "attention_pooling"), ("x", "mask")),
    **dict.fromkeys(("encoder_post_norm", "encoder_pre_norm"), ("x", "mask")),
}
"""Names of the inputs where there is more than one."""

DENSE: dict[str, Made] = {
    **{f"mlp_{a}": (partial(dense.activated, a), ((4,),)) for a in dense.ACTIVATIONS},
    "highway": (dense.Highway, ((6,),)),
    "residual_mlp": (dense.Residual, ((6,),)),
    "fourier_features": (dense.FourierFeatures, ((3,),)),
    "film": (dense.Film, ((5, 3), (2,))),
    "kolmogorov_arnold": (dense.KolmogorovArnold, ((4,),)),
    "mixture_of_experts": (dense.MixtureOfExperts, ((5,),)),
    "soft_mixture": (dense.SoftMixture, ((5,),)),
    "coupling_flow": (dense.CouplingFlow, ((6,),)),
    "autoregressive_flow": (dense.AutoregressiveFlow, ((4,),)),
    "spline_flow": (dense.SplineFlow, ((4,),)),
    "autoencoder": (dense.Autoencoder, ((8,),)),
    "variational_autoencoder": (dense.VariationalAutoencoder, ((8,),)),
    "mixer": (dense.Mixer, ((6, 5),)),
    "category_embedding": (dense.CategoryEmbedding, ((4,),)),
}

IMAGES: dict[str, Made] = {
    "cnn_strided": (images.strided, ((1, 10, 8),)),
    "cnn_dilated": (images.dilated, ((1, 8, 9),)),
    "cnn_grouped": (images.Grouped, ((4, 6, 6),)),
    "cnn_separable": (images.separable, ((3, 6, 6),)),
    "cnn_transposed": (images.transposed, ((4,),)),
    "cnn_1d": (images.waveform, ((1, 16),)),
    "cnn_3d": (images.shower, ((1, 4, 4, 4),)),
    "cnn_3d_transposed": (images.volume, ((1, 4, 4, 4),)),
    "cnn_residual": (images.ResidualImage, ((2, 6, 6),)),
    "unet": (partial(images.UNet, learned=True), ((1, 6, 6),)),
    "unet_upsampled": (partial(images.UNet, learned=False), ((1, 6, 6),)),
    "bilinear": (images.Bilinear, ((1, 6, 6),)),
    "squeeze_excite": (images.SqueezeExcite, ((2, 5, 5),)),
    "vision_transformer": (images.Patches, ((1, 8, 8),)),
    "pixel_shuffle": (images.PixelShuffle, ((1, 4, 4),)),
}


def _sequence(make: type[nn.Module], features: int, **how: object) -> nn.Module:
    return sets.Sequence(make(3, 4, batch_first=True, **how), features)


SEQUENCE: Shapes = ((5, 3),)

SETS: dict[str, Made] = {
    "rnn": (partial(_sequence, nn.RNN, 4), SEQUENCE),
    "rnn_relu_both_ways": (
        partial(_sequence, nn.RNN, 8, nonlinearity="relu", bidirectional=True),
        SEQUENCE,
    ),
    "gru_two_layers": (partial(_sequence, nn.GRU, 4, num_layers=2), SEQUENCE),
    "gru_both_ways": (partial(_sequence, nn.GRU, 8, bidirectional=True), SEQUENCE),
    "lstm_one_layer": (partial(_sequence, nn.LSTM, 4), SEQUENCE),
    "lstm_deep_both_ways": (
        partial(_sequence, nn.LSTM, 8, num_layers=2, bidirectional=True),
        SEQUENCE,
    ),
    "encoder_decoder": (sets.EncoderDecoder, ((5, 3), (4, 2))),
    "masked_sets": (sets.MaskedSets, ((6, 3), (6,))),
    "attention_pooling": (sets.AttentionPooling, ((6, 3), (6,))),
    "encoder_post_norm": (partial(sets.Encoder, norm_first=False), ((5, 3), (5,))),
    "encoder_pre_norm": (partial(sets.Encoder, norm_first=True), ((5, 3), (5,))),
    "cross_attention": (sets.CrossAttention, ((4, 6), (5, 4))),
    "decoder": (sets.Decoder, ((4, 6), (5, 6))),
    "functional_attention": (sets.Functional, ((6, 4),)),
    "linformer": (sets.Linformer, ((8, 4),)),
    "linear_attention": (sets.LinearAttention, ((6, 4),)),
    "pair_bias": (sets.PairBias, ((5, 4),)),
    "class_attention": (sets.ClassAttention, ((5, 3),)),
    "hashed_attention": (sets.HashedAttention, ((8, 4),)),
    "particle_net": (partial(sets.EdgeConv, dynamic=False), ((6, 3),)),
    "particle_net_dynamic": (partial(sets.EdgeConv, dynamic=True), ((6, 3),)),
    "messages_index_add": (partial(sets.MessagePassing, "index_add"), ((5, 3),)),
    "messages_scatter_add": (partial(sets.MessagePassing, "scatter_add"), ((5, 3),)),
    "messages_largest": (partial(sets.MessagePassing, "amax"), ((5, 3),)),
    "interaction_network": (sets.Interaction, ((4, 3),)),
    "graph_attention": (sets.GraphAttention, ((5, 3), (5, 5))),
    "graph_convolution": (sets.GraphConvolution, ((5, 3), (5, 5))),
    "leading_particles": (sets.LeadingParticles, ((6, 3),)),
    "lorentz": (sets.Lorentz, ((5, 3),)),
    "perceiver": (sets.Perceiver, ((6, 4),)),
    "rotary": (sets.Rotary, ((6, 4),)),
    "object_condensation": (sets.ObjectCondensation, ((6, 3),)),
}


def all_networks() -> list[Network]:
    """Return every network, with weights that depend on its name only."""
    return [*networks(), *_made({**DENSE, **IMAGES, **SETS})]


def _made(table: dict[str, Made]) -> Iterator[Network]:
    for name, (make, shapes) in table.items():
        torch.manual_seed(crc32(name.encode()))
        module = make()
        _shake_norms(module)
        yield Network(name, module.eval(), NAMES.get(name, ONE), shapes)


def _shake_norms(module: nn.Module) -> None:
    """Give normalizations other statistics than 0 and 1, which would hide a lost one."""
    for part in module.modules():
        mean, variance = (getattr(part, f"running_{each}", None) for each in ("mean", "var"))
        if mean is not None and variance is not None:
            mean.normal_(0.0, 0.3)
            variance.uniform_(0.5, 1.5)
