"""Turned jets are jets: angles between particles, pT and masses stay, and so does padding."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.absent import require_package
from tests.training.few_jets import few_jets

torch = require_package("torch")

from inferon.training.turning import turn  # noqa: E402

EPSILON = 2.0**-24
"""Half an ulp of float32 at one."""


def raw() -> NDArray[np.float32]:
    constituents = few_jets().leading(16)[:200].copy()
    constituents[::3, 10:] = 0.0
    return constituents


@pytest.fixture(scope="module")
def turned() -> NDArray[np.float64]:
    out = turn(torch.from_numpy(raw()), torch.Generator().manual_seed(3))
    found: NDArray[np.float64] = out.double().numpy()
    return found


def distances(jets: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance in (eta, phi) of every pair of particles."""
    eta = jets[:, :, None, 1] - jets[:, None, :, 1]
    phi = jets[:, :, None, 2] - jets[:, None, :, 2]
    phi -= 2 * np.pi * np.round(phi / (2 * np.pi))
    found: NDArray[np.float64] = np.hypot(eta, phi)
    return found


def test_distances_between_particles_stay(turned: NDArray[np.float64]) -> None:
    before = raw().astype(np.float64)
    particle = before[:, :, 0] > 0
    pairs = particle[:, :, None] & particle[:, None, :]
    change = np.abs(distances(turned) - distances(before))[pairs]
    # Angles below 4 are rounded to 2^-22 when read, subtracted, turned and added back.
    assert change.max() < 16 * 4 * EPSILON * 4


def test_pt_and_the_leading_particle_stay(turned: NDArray[np.float64]) -> None:
    before = raw().astype(np.float64)
    assert np.array_equal(turned[:, :, 0], before[:, :, 0])
    assert np.abs(turned[:, 0] - before[:, 0])[:, 1:3].max() < 8 * EPSILON


def test_masses_stay(turned: NDArray[np.float64]) -> None:
    def mass_squared(jets: NDArray[np.float64]) -> NDArray[np.float64]:
        pt, eta, _, energy = np.moveaxis(jets, 2, 0)
        found: NDArray[np.float64] = energy**2 - (pt * np.cosh(eta)) ** 2
        return found

    before = raw().astype(np.float64)
    change = np.abs(mass_squared(turned) - mass_squared(before))
    # E^2 is a sum and a difference of a few squares, each rounded a few times.
    largest = np.maximum(turned, before)[:, :, 3] ** 2
    assert (change <= 64 * EPSILON * largest).all()


def test_padding_stays_zero(turned: NDArray[np.float64]) -> None:
    assert (turned[raw()[:, :, 0] == 0.0] == 0.0).all()


def test_jets_are_turned_by_angles_of_their_own_and_half_are_mirrored(
    turned: NDArray[np.float64],
) -> None:
    before = raw().astype(np.float64)

    def place(jets: NDArray[np.float64], which: int) -> NDArray[np.complex128]:
        eta, phi = (jets[:, which, axis] - jets[:, 0, axis] for axis in (1, 2))
        return eta + 1j * (phi - 2 * np.pi * np.round(phi / (2 * np.pi)))

    angle = np.angle(place(turned, 1) / np.conj(place(before, 1)))
    # The mean direction of 200 random angles has a length of about 1/sqrt(200).
    assert np.abs(np.exp(1j * angle).mean()) < 4 / np.sqrt(200)
    # The sense of rotation from the second to the third particle is kept or reversed.
    sense = [np.sign((place(each, 2) * np.conj(place(each, 1))).imag) for each in (before, turned)]
    kept = np.mean(sense[0] == sense[1])
    assert abs(kept - 0.5) < 4 * 0.5 / np.sqrt(200)
