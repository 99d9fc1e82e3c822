"""Torch networks on particles: sequences, sets, attention, graphs."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn
from torch.nn import functional as f


class Sequence(nn.Module):
    """A recurrent network; all steps and the last state go on."""

    def __init__(self, cell: nn.Module, features: int) -> None:
        super().__init__()
        self.cell = cell
        self.head = nn.Linear(features, 3)

    def forward(self, x: Any) -> Any:
        steps, state = self.cell(x)
        last = state[0] if isinstance(state, tuple) else state
        return self.head(steps.mean(1)), last.transpose(0, 1).flatten(1)


class EncoderDecoder(nn.Module):
    """One recurrent network starts from the state of another."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = nn.GRU(3, 4, batch_first=True), nn.GRU(2, 4, batch_first=True)
        self.head = nn.Linear(4, 1)

    def forward(self, x: Any, y: Any) -> Any:
        _, state = self.encoder(x)
        return self.head(self.decoder(y, state)[0]).squeeze(-1)


class MaskedSets(nn.Module):
    """Deep Sets (Zaheer et al. 2017) of particles that may be absent, as an energy flow."""

    def __init__(self) -> None:
        super().__init__()
        self.phi = nn.Sequential(nn.Linear(3, 6), nn.ReLU(), nn.Linear(6, 6), nn.ReLU())
        self.rho = nn.Sequential(nn.Linear(12, 6), nn.ReLU(), nn.Linear(6, 2))

    def forward(self, x: Any, mask: Any) -> Any:
        there = mask.bool().unsqueeze(-1)
        y = self.phi(x).masked_fill(~there, 0.0)
        count = there.sum(1).clamp(min=1)
        largest = y.masked_fill(~there, float("-inf")).amax(1)
        largest = torch.where(there.any(1), largest, torch.zeros_like(largest))
        return self.rho(torch.cat([y.sum(1) / count, largest], -1))


class AttentionPooling(nn.Module):
    """A learned weight for each particle that is there."""

    def __init__(self) -> None:
        super().__init__()
        self.score, self.value = nn.Linear(3, 1), nn.Linear(3, 4)

    def forward(self, x: Any, mask: Any) -> Any:
        score = self.score(x).squeeze(-1).masked_fill(mask < 0.5, -1e4)
        return torch.bmm(torch.softmax(score, -1).unsqueeze(1), self.value(x)).squeeze(1)


class Encoder(nn.Module):
    """torch's own encoder, with its norms first or last, and absent particles."""

    def __init__(self, *, norm_first: bool) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(
            8, 2, 12, dropout=0.0, batch_first=True, norm_first=norm_first
        )
        self.body = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.embed, self.head = nn.Linear(3, 8), nn.Linear(8, 2)

    def forward(self, x: Any, mask: Any) -> Any:
        y = self.body(self.embed(x), src_key_padding_mask=mask < 0.5)
        weight = (mask >= 0.5).to(y.dtype).unsqueeze(-1)
        return self.head((y * weight).sum(1))


class CrossAttention(nn.Module):
    """Queries of one set, keys and values of another, weights returned."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(6, 3, kdim=4, vdim=4, batch_first=True)
        self.head = nn.Linear(6, 2)

    def forward(self, x: Any, y: Any) -> Any:
        found, weights = self.attention(x, y, y)
        return self.head(found).mean(1), weights


class Decoder(nn.Module):
    """torch's own decoder layer: causal attention, then attention to a memory."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.TransformerDecoderLayer(6, 2, 8, dropout=0.0, batch_first=True)
        self.register_buffer("later", torch.triu(torch.ones(4, 4, dtype=torch.bool), 1))

    def forward(self, x: Any, memory: Any) -> Any:
        return self.layer(x, memory, tgt_mask=self.later)


class Functional(nn.Module):
    """scaled_dot_product_attention as a function, with a bias for every pair."""

    def __init__(self) -> None:
        super().__init__()
        self.project = nn.Linear(4, 24)
        self.bias = nn.Parameter(torch.randn(2, 6, 6) * 0.3)

    def forward(self, x: Any) -> Any:
        q, k, v = self.project(x).view(-1, 6, 3, 2, 4).permute(2, 0, 3, 1, 4).unbind(0)
        y = f.scaled_dot_product_attention(q, k, v, attn_mask=self.bias)
        return y.transpose(1, 2).flatten(2)


class Linformer(nn.Module):
    """Keys and values are projected along the particles (Wang et al. 2020)."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(4, 6, bias=False) for _ in range(3))
        self.shorten = nn.Parameter(torch.randn(3, 8) * 0.3)

    def forward(self, x: Any) -> Any:
        k, v = (torch.einsum("kn,bnd->bkd", self.shorten, each(x)) for each in (self.k, self.v))
        scores = torch.einsum("bnd,bkd->bnk", self.q(x), k) / math.sqrt(6)
        return (torch.softmax(scores, -1) @ v).mean(1)


class LinearAttention(nn.Module):
    """Attention by feature maps: no softmax, sums over particles (Katharopoulos et al. 2020)."""

    def __init__(self) -> None:
        super().__init__()
        self.project = nn.Linear(4, 18)

    def forward(self, x: Any) -> Any:
        q, k, v = self.project(x).chunk(3, -1)
        q, k = f.elu(q) + 1.0, f.elu(k) + 1.0
        numerator = torch.einsum("bnd,bde->bne", q, torch.einsum("bnd,bne->bde", k, v))
        return numerator / torch.einsum("bnd,bd->bn", q, k.sum(1)).unsqueeze(-1)


class PairBias(nn.Module):
    """Attention whose logits see each pair's distance in angle (Qu, Li and Qian 2022)."""

    def __init__(self) -> None:
        super().__init__()
        self.project, self.pair = nn.Linear(4, 12), nn.Linear(2, 1)

    def forward(self, x: Any) -> Any:
        q, k, v = self.project(x).chunk(3, -1)
        eta = x[:, :, None, 1] - x[:, None, :, 1]
        phi = torch.remainder(x[:, :, None, 2] - x[:, None, :, 2] + math.pi, 2 * math.pi) - math.pi
        square = eta * eta + phi * phi + 1e-3
        bias = self.pair(torch.stack([square.log(), torch.cos(phi)], -1)).squeeze(-1)
        return torch.softmax(q @ k.transpose(1, 2) / 2.0 + bias, -1) @ v


class ClassAttention(nn.Module):
    """A class token gathers from all particles (Touvron et al. 2021)."""

    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.randn(1, 1, 6))
        self.attention = nn.MultiheadAttention(6, 2, batch_first=True)
        self.embed, self.norm = nn.Linear(3, 6), nn.LayerNorm(6)

    def forward(self, x: Any) -> Any:
        token = self.token.expand(x.shape[0], 1, 6)
        both = torch.cat([token, self.embed(x)], 1)
        found = self.attention(token, both, both, need_weights=False)[0]
        return self.norm(token + found).squeeze(1)


class HashedAttention(nn.Module):
    """Sort by a hash, attend within blocks, unsort (Kitaev et al. 2020; Miao et al. 2024)."""

    def __init__(self) -> None:
        super().__init__()
        self.project = nn.Linear(4, 12)
        self.register_buffer("direction", torch.randn(4))

    def forward(self, x: Any) -> Any:
        order = (x @ self.direction).argsort(dim=-1)
        back = order.argsort(dim=-1).unsqueeze(-1)
        y = self.project(x).gather(1, order.unsqueeze(-1).expand(-1, -1, 12))
        q, k, v = y.reshape(-1, 2, 4, 12).chunk(3, -1)
        near = torch.softmax(q @ k.transpose(-1, -2) / 2.0, -1) @ v
        return near.reshape(-1, 8, 4).gather(1, back.expand(-1, -1, 4))


class EdgeConv(nn.Module):
    """Convolution over neighbors in the plane of angles, as in ParticleNet (Qu, Gouskos 2020)."""

    def __init__(self, *, dynamic: bool) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([_edge_block(6), _edge_block(8)][: 1 + dynamic])
        self.shortcuts = nn.ModuleList([nn.Linear(3, 4), nn.Linear(4, 4)][: 1 + dynamic])
        self.head = nn.Linear(4, 2)

    def forward(self, x: Any) -> Any:
        place = x[..., :2]
        for block, shortcut in zip(self.blocks, self.shortcuts, strict=True):
            distance = (place.unsqueeze(2) - place.unsqueeze(1)).square().sum(-1)
            nearest = distance.topk(4, dim=-1, largest=False).indices[..., 1:]
            size = x.shape[-1]
            near = torch.gather(
                x.unsqueeze(1).expand(-1, 6, -1, -1),
                2,
                nearest.unsqueeze(-1).expand(-1, -1, -1, size),
            )
            here = x.unsqueeze(2).expand_as(near)
            edges = torch.cat([here, near - here], -1).permute(0, 3, 1, 2)
            x = torch.relu(block(edges).mean(-1).transpose(1, 2) + shortcut(x))
            place = x
        return self.head(x.mean(1))


def _edge_block(features: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(features, 4, 1, bias=False), nn.BatchNorm2d(4), nn.ReLU())


_FROM = (0, 1, 2, 3, 4, 0, 2, 4)
_TO = (1, 2, 3, 4, 0, 2, 0, 1)


class MessagePassing(nn.Module):
    """Messages along the edges of a fixed graph are collected by ``index_add`` and the like."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how
        self.register_buffer("begin", torch.tensor(_FROM))
        self.register_buffer("end", torch.tensor(_TO))
        self.message = nn.Sequential(nn.Linear(6, 4), nn.ReLU())
        self.update = nn.Linear(7, 2)

    def forward(self, x: Any) -> Any:
        message = self.message(torch.cat([x[:, self.begin], x[:, self.end]], -1))
        empty = torch.zeros(x.shape[0], 5, 4)
        end = self.end.view(1, -1, 1).expand(x.shape[0], -1, 4)
        if self.how == "index_add":
            found = empty.index_add(1, self.end, message)
        elif self.how == "scatter_add":
            found = empty.scatter_add(1, end, message)
        else:
            found = empty.scatter_reduce(1, end, message, self.how)
        return self.update(torch.cat([x, found], -1))


class Interaction(nn.Module):
    """An interaction network; its matrices of senders and receivers act by einsum (2016)."""

    def __init__(self) -> None:
        super().__init__()
        send = [(i, j) for i in range(4) for j in range(4) if i != j]
        eye = torch.eye(4)
        self.register_buffer("receivers", torch.stack([eye[i] for i, _ in send], 1))
        self.register_buffer("senders", torch.stack([eye[j] for _, j in send], 1))
        self.relation = nn.Sequential(nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 3))
        self.object = nn.Sequential(nn.Linear(6, 5), nn.ReLU())
        self.head = nn.Linear(5, 2)

    def forward(self, x: Any) -> Any:
        pairs = [torch.einsum("bnp,ne->bep", x, each) for each in (self.receivers, self.senders)]
        effects = self.relation(torch.cat(pairs, -1))
        at = torch.einsum("bed,ne->bnd", effects, self.receivers)
        return self.head(self.object(torch.cat([x, at], -1)).sum(1))


class GraphAttention(nn.Module):
    """Attention along edges that an adjacency matrix gives (Velickovic et al. 2018)."""

    def __init__(self) -> None:
        super().__init__()
        self.project = nn.Linear(3, 4, bias=False)
        self.left, self.right = nn.Linear(4, 1), nn.Linear(4, 1)

    def forward(self, x: Any, adjacency: Any) -> Any:
        y = self.project(x)
        score = f.leaky_relu(self.left(y) + self.right(y).transpose(1, 2), 0.2)
        score = torch.where(adjacency > 0.0, score, torch.full_like(score, -1e9))
        return f.elu(torch.softmax(score, -1) @ y)


class GraphConvolution(nn.Module):
    """Features spread along normalized edges (Kipf and Welling 2017)."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(3, 5), nn.Linear(5, 2)

    def forward(self, x: Any, adjacency: Any) -> Any:
        linked = (adjacency + adjacency.transpose(1, 2)).abs() + torch.eye(5)
        scale = linked.sum(-1).rsqrt()
        linked = scale.unsqueeze(-1) * linked * scale.unsqueeze(-2)
        return linked @ self.second(torch.relu(linked @ self.first(x)))


class LeadingParticles(nn.Module):
    """The particles of largest momentum, in order, then a network on them."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Sequential(nn.Linear(12, 6), nn.ReLU(), nn.Linear(6, 2))

    def forward(self, x: Any) -> Any:
        chosen = x[..., 0].topk(4, dim=1).indices.unsqueeze(-1).expand(-1, -1, 3)
        return self.head(x.gather(1, chosen).flatten(1))


class Lorentz(nn.Module):
    """Momenta from pT, eta, phi; invariant masses of all pairs; angles by atan2."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(10, 2)

    def forward(self, x: Any) -> Any:
        pt, eta, phi = x[..., 0].exp(), x[..., 1].clamp(-2.5, 2.5), x[..., 2]
        px, py, pz = pt * phi.cos(), pt * phi.sin(), pt * torch.sinh(eta)
        energy = pt * torch.cosh(eta)
        p = torch.stack([energy, px, py, pz], -1)
        total = p.unsqueeze(2) + p.unsqueeze(1)
        sign = torch.tensor([1.0, -1.0, -1.0, -1.0])
        square = (total * total * sign).sum(-1)
        row, column = torch.triu_indices(5, 5, offset=1)
        mass = torch.log1p(square[:, row, column].clamp(min=0.0))
        return self.head(mass), torch.atan2(py.sum(1), px.sum(1))


class Perceiver(nn.Module):
    """A few latents ask all particles, then themselves (Jaegle et al. 2021)."""

    def __init__(self) -> None:
        super().__init__()
        self.latents = nn.Parameter(torch.randn(3, 6))
        self.cross = nn.MultiheadAttention(6, 1, kdim=4, vdim=4, batch_first=True)
        self.own = nn.MultiheadAttention(6, 2, batch_first=True)
        self.norm = nn.LayerNorm(6)

    def forward(self, x: Any) -> Any:
        z = self.latents.expand(x.shape[0], -1, -1)
        z = z + self.cross(z, x, x, need_weights=False)[0]
        y = self.norm(z)
        return (z + self.own(y, y, y, need_weights=False)[0]).flatten(1)


class Rotary(nn.Module):
    """Queries and keys are turned by their place (Su et al. 2021); normed by RMS."""

    def __init__(self) -> None:
        super().__init__()
        self.project = nn.Linear(4, 12)
        angle = torch.arange(6)[:, None] * torch.tensor([1.0, 0.1])
        self.register_buffer("cos", angle.cos())
        self.register_buffer("sin", angle.sin())

    def forward(self, x: Any) -> Any:
        x = x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6)
        q, k, v = self.project(x).chunk(3, -1)
        q, k = self._turned(q), self._turned(k)
        return torch.softmax(q @ k.transpose(1, 2) / 2.0, -1) @ v

    def _turned(self, x: Any) -> Any:
        a, b = x[..., 0::2], x[..., 1::2]
        pair = [a * self.cos - b * self.sin, a * self.sin + b * self.cos]
        return torch.stack(pair, -1).flatten(2)


class ObjectCondensation(nn.Module):
    """For each hit a weight, a place, and the distance to the strongest (Kieseler 2020)."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(3, 6), nn.ELU())
        self.beta, self.place = nn.Linear(6, 1), nn.Linear(6, 2)

    def forward(self, x: Any) -> Any:
        y = self.body(x)
        beta, place = torch.sigmoid(self.beta(y)).squeeze(-1), self.place(y)
        strongest = beta.argmax(1)
        center = place.gather(1, strongest.view(-1, 1, 1).expand(-1, 1, 2))
        return beta, (place - center).square().sum(-1)
