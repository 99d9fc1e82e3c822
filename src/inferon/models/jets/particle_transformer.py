"""Particle Transformer: attention among particles that sees what each pair of them is.

H. Qu, C. Li, S. Qian, "Particle Transformer for jet tagging", arXiv:2202.03772, section 4,
figure 3.  The particles' features are embedded by three layers, the pairs' (`pair_features`, eqs.
3 to 6) by four, which gives one bias U for each head.  Then L particle attention blocks with

    P-MHA(Q, K, V) = softmax(Q K^T / sqrt(d_k) + U) V

and class attention blocks in which one learned token x_class asks all particles,

    Q = W_q x_class + b_q,  K = W_k z + b_k,  V = W_v z + b_v,  z = (x_class, x^L)

and a linear layer.  Blocks are normed as in figure 3b and 3c: before and after attention, before
both layers of the network.  Dropout 0.1 in the particle blocks, none in the class blocks.

Departures: the features are the seven kinematic ones of ``JetFrame``, already scaled (the paper's
other ten, particle types and impact parameters, are not in our samples).  The authors' code has
learned scales for heads and residuals, and norms of its inputs, that the paper does not mention:
they are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import inf, sqrt

import torch
from torch import Tensor, nn

from inferon.errors import UsageError
from inferon.models.jets.frame import FEATURE_NAMES, JetFrame, JetView
from inferon.models.jets.pair_features import PAIR_FEATURES, pair_features
from inferon.models.jets.tagger import Tagger

MASKED = -inf
"""Added to the logit of padding: its exponential is exactly zero."""

WIDER = 4
"""The hidden layer of a block's network, in widths of the model (arXiv:1706.03762, 3.3)."""

TOKEN_SPREAD = 0.02
"""Standard deviation of the first class token (arXiv:2103.17239, class attention)."""


@dataclass(frozen=True, slots=True)
class ParticleTransformerShape:
    """Sizes: ParT's.

    Attributes
    ----------
    constituents : particles read
    embedding : widths of the particles' embedding; the last one is the model's
    pair : widths of the pairs' embedding, before the layer that gives a bias for each head
    heads : of all attentions
    blocks, class_blocks : how many
    dropout : in the particle blocks
    """

    constituents: int = 128
    embedding: tuple[int, ...] = (128, 512, 128)
    pair: tuple[int, ...] = (64, 64, 64)
    heads: int = 8
    blocks: int = 8
    class_blocks: int = 2
    dropout: float = 0.1


class ParticleTransformer(Tagger):
    """Embeddings, particle attention blocks, class attention blocks, a linear layer.

    Parameters
    ----------
    shape : its sizes
    class_names : of the classes it tells apart
    """

    def __init__(self, shape: ParticleTransformerShape, class_names: tuple[str, ...]) -> None:
        super().__init__()
        width = shape.embedding[-1]
        if width % shape.heads:
            raise UsageError(f"{shape.heads} heads do not share a width of {width}: change either")
        self.constituents = shape.constituents
        self.frame = JetFrame()
        self.embedding = _embedding(len(FEATURE_NAMES), *shape.embedding)
        self.pairs = PairBias(shape)
        self.blocks = nn.ModuleList(
            Block(width, shape.heads, shape.dropout) for _ in range(shape.blocks)
        )
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        nn.init.trunc_normal_(self.token, std=TOKEN_SPREAD)
        self.class_blocks = nn.ModuleList(
            Block(width, shape.heads, 0.0) for _ in range(shape.class_blocks)
        )
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, len(class_names))

    def logits(self, inputs: Tensor) -> Tensor:
        """Return unnormalized scores, shape (N, classes), of raw jets, shape (N, K, 4)."""
        view = self.frame(inputs)
        # The first slot stays: a jet without particles has nothing else to take a softmax over.
        keep = torch.cat([torch.ones_like(view.mask[:, :1]), view.mask[:, 1:]], dim=1)
        padding = torch.where(keep > 0.0, 0.0, MASKED).transpose(1, 2)[:, None]  # (N, 1, 1, K)
        bias = self.pairs(inputs, view) + padding
        x = self.embedding(view.features) * view.mask
        for block in self.blocks:
            x = block(x, bias)
        token = self.token.expand(x.shape[0], -1, -1)
        bias = torch.cat([torch.zeros_like(padding[:, :, :, :1]), padding], dim=3)
        for block in self.class_blocks:
            token = block.ask(token, x, bias)
        return self.head(self.norm(token)[:, 0])


class PairBias(nn.Module):
    """The bias U of P-MHA, the same for all blocks."""

    first: Tensor
    second: Tensor
    place: Tensor

    def __init__(self, shape: ParticleTransformerShape) -> None:
        super().__init__()
        widths = (PAIR_FEATURES, *shape.pair)
        layers: list[nn.Module] = []
        for a, b in pairwise(widths):
            layers += [nn.Linear(a, b), nn.BatchNorm1d(b), nn.GELU()]
        self.network = nn.Sequential(*layers, nn.Linear(widths[-1], shape.heads))
        # All features are symmetric, so each pair is computed once.
        first, second = torch.triu_indices(shape.constituents, shape.constituents)
        place = torch.zeros(shape.constituents, shape.constituents, dtype=torch.int64)
        place[first, second] = place[second, first] = torch.arange(len(first))
        self.register_buffer("first", first, persistent=False)
        self.register_buffer("second", second, persistent=False)
        self.register_buffer("place", place.flatten(), persistent=False)

    def forward(self, constituents: Tensor, view: JetView) -> Tensor:
        """Return U, shape (N, heads, K, K), of raw jets and the same from their axes."""
        features = pair_features(constituents, view, self.first, self.second)
        bias = self.network(features.flatten(0, 1)).unflatten(0, features.shape[:2])
        slots = view.mask.shape[1]
        whole = bias.transpose(1, 2).index_select(2, self.place)
        return whole.unflatten(2, (slots, slots))


class Block(nn.Module):
    """Attention and a network of two layers, each with a residual connection (figure 3b, 3c).

    Parameters
    ----------
    width : of the model
    heads : of the attention
    dropout : behind the attention's softmax, the attention, the activation and the network
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.before = nn.LayerNorm(width)
        self.attention = Attention(width, heads, dropout)
        self.after = nn.Sequential(nn.LayerNorm(width), nn.Dropout(dropout))
        self.network = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, WIDER * width),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.LayerNorm(WIDER * width),
            nn.Linear(WIDER * width, width),
            nn.Dropout(dropout),
        )

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """Let particles, shape (N, K, width), ask each other; bias (N, heads, K, K)."""
        normed = self.before(x)
        x = x + self.after(self.attention(normed, normed, bias))
        return x + self.network(x)

    def ask(self, token: Tensor, x: Tensor, bias: Tensor) -> Tensor:
        """Let a token, shape (N, 1, width), ask itself and all particles; bias (N, 1, 1, 1+K)."""
        z = self.before(torch.cat([token, x], dim=1))
        token = token + self.after(self.attention(token, z, bias))
        return token + self.network(token)


class Attention(nn.Module):
    """Multi-head attention with a bias, the paper's P-MHA."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.output = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, z: Tensor, bias: Tensor) -> Tensor:
        """Return what x, shape (N, Q, width), finds in z, shape (N, T, width)."""
        query, key, value = self._split(self.query(x)), self._split(self.key(z)), self.value(z)
        logits = query @ key.transpose(2, 3) * (1.0 / sqrt(key.shape[3])) + bias
        weights = self.dropout(torch.softmax(logits, dim=3))
        found = weights @ self._split(value)
        return self.output(found.transpose(1, 2).flatten(2))

    def _split(self, values: Tensor) -> Tensor:
        """Return (N, heads, tokens, width / heads)."""
        return values.unflatten(2, (self.heads, -1)).transpose(1, 2)


def _embedding(inputs: int, *widths: int) -> nn.Sequential:
    """Linear layers with GELU, layer norm in between."""
    layers: list[nn.Module] = []
    for a, b in pairwise((inputs, *widths)):
        layers += [nn.Linear(a, b), nn.GELU(), nn.LayerNorm(b)]
    return nn.Sequential(*layers[:-1])
