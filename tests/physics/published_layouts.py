"""Small files in exactly the layouts in which the public jet sets are published.

No published file is here: these are written from what the records, papers and readers of the sets
say.  Two differences are known: uproot writes a list of particles with a branch of its own for
the length (``npart_px``), where JetClass has ``std::vector<float>``; and a pandas frame here lacks
the search index (``_i_table``), which nobody needs to read it.

Each layout is a function that returns the arrays, to be spoilt by a test, and one that writes
them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

JETCLASS_LABELS = ("QCD", "Hbb", "Hcc", "Hgg", "H4q", "Hqql", "Zqq", "Wqq", "Tbqq", "Tbl")
JETCLASS_OTHER_PARTICLE = (
    "part_deta", "part_dphi", "part_d0val", "part_d0err", "part_dzval", "part_dzerr",
    "part_charge", "part_isChargedHadron", "part_isNeutralHadron", "part_isPhoton",
    "part_isElectron", "part_isMuon",
)  # fmt: skip
JETCLASS_OTHER_JET = (
    "jet_energy", "jet_nparticles", "jet_sdmass", "jet_tau1", "jet_tau2", "jet_tau3", "jet_tau4",
    "aux_genpart_eta", "aux_genpart_phi", "aux_genpart_pid", "aux_genpart_pt", "aux_truth_match",
)  # fmt: skip

HLS4ML_PARTICLE = (
    "j1_px", "j1_py", "j1_pz", "j1_e", "j1_erel", "j1_pt", "j1_ptrel", "j1_eta", "j1_etarel",
    "j1_etarot", "j1_phi", "j1_phirel", "j1_phirot", "j1_deltaR", "j1_costheta",
    "j1_costhetarel", "j1_pdgid",
)  # fmt: skip
HLS4ML_JET = (
    "j_ptfrac", "j_pt", "j_eta", "j_mass",
    "j_tau1_b1", "j_tau2_b1", "j_tau3_b1", "j_tau1_b2", "j_tau2_b2", "j_tau3_b2",
    "j_tau32_b1", "j_tau32_b2", "j_zlogz",
    "j_c1_b0", "j_c1_b1", "j_c1_b2", "j_c2_b1", "j_c2_b2", "j_d2_b1", "j_d2_b2",
    "j_d2_a1_b1", "j_d2_a1_b2", "j_m2_b1", "j_m2_b2", "j_n2_b1", "j_n2_b2",
    "j_tau1_b1_mmdt", "j_tau2_b1_mmdt", "j_tau3_b1_mmdt",
    "j_tau1_b2_mmdt", "j_tau2_b2_mmdt", "j_tau3_b2_mmdt",
    "j_tau32_b1_mmdt", "j_tau32_b2_mmdt",
    "j_c1_b0_mmdt", "j_c1_b1_mmdt", "j_c1_b2_mmdt", "j_c2_b1_mmdt", "j_c2_b2_mmdt",
    "j_d2_b1_mmdt", "j_d2_b2_mmdt", "j_d2_a1_b1_mmdt", "j_d2_a1_b2_mmdt",
    "j_m2_b1_mmdt", "j_m2_b2_mmdt", "j_n2_b1_mmdt", "j_n2_b2_mmdt",
    "j_mass_trim", "j_mass_mmdt", "j_mass_prun", "j_mass_sdb2", "j_mass_sdm1", "j_multiplicity",
    "j_g", "j_q", "j_w", "j_z", "j_t", "j_undef",
)  # fmt: skip
HLS4ML_FEATURE_COLUMNS = (12, *range(34, 47), 48, 52)
"""The 16 features by position, as in the tutorials of the set."""

QG_MASS_GEV = {22: 0.0, 211: 0.13957, -211: 0.13957, 130: 0.49761, 2212: 0.93827}


@dataclass(frozen=True, slots=True)
class Particle:
    """One particle, in all the coordinates that a layout may want."""

    pt: float
    eta: float
    phi: float
    mass: float = 0.0

    @property
    def cartesian(self) -> tuple[float, float, float, float]:
        px, py = self.pt * np.cos(self.phi), self.pt * np.sin(self.phi)
        pz = self.pt * np.sinh(self.eta)
        return px, py, pz, float(np.sqrt(px**2 + py**2 + pz**2 + self.mass**2))


def jets_of_particles(
    jets: int, low_gev: float, high_gev: float, *, most: int, seed: int = 1, mass: float = 0.0
) -> list[list[Particle]]:
    """Collimated jets, particles by falling pT; the first jet lies across phi = pi."""
    random = np.random.default_rng(seed)
    made = []
    for number in range(jets):
        count = int(random.integers(3, most + 1))
        axis = np.pi if number == 0 else random.uniform(-np.pi, np.pi)
        eta = random.uniform(-1.5, 1.5) + random.normal(0.0, 0.1, count)
        phi = axis + random.normal(0.0, 0.1, count)
        share = -np.sort(-random.exponential(1.0, count))
        x, y = (share * np.cos(phi)).sum(), (share * np.sin(phi)).sum()
        pt = share * random.uniform(low_gev, high_gev) / np.hypot(x, y)
        phi = np.angle(np.exp(1j * phi))
        made.append([Particle(*each, mass) for each in zip(pt, eta, phi, strict=True)])
    return made


def four_momentum(jet: list[Particle]) -> tuple[float, float, float, float]:
    """PT, eta, phi, mass of the sum, by the textbook."""
    px, py, pz, energy = (sum(parts) for parts in zip(*(p.cartesian for p in jet), strict=True))
    pt = float(np.hypot(px, py))
    mass = float(np.sqrt(max(energy**2 - px**2 - py**2 - pz**2, 0.0)))
    return pt, float(np.arcsinh(pz / pt)), float(np.arctan2(py, px)), mass


def padded(jets: list[list[Particle]], width: int) -> FloatArray:
    """Cartesian components px, py, pz, E, shape (jets, width, 4)."""
    momenta = np.zeros((len(jets), width, 4))
    for row, jet in zip(momenta, jets, strict=True):
        for place, particle in zip(row, jet, strict=False):
            place[:] = particle.cartesian
    return momenta


# ---- JetClass: ROOT -------------------------------------------------------------------------


def jetclass(jets: list[list[Particle]], label: int) -> dict[str, Any]:
    """Branches of one file, all jets of one class; lists of lists for particles."""
    momenta = [np.array([p.cartesian for p in jet], dtype=np.float32) for jet in jets]
    branches: dict[str, Any] = {
        name: [row[:, column] for row in momenta]
        for column, name in enumerate(("part_px", "part_py", "part_pz", "part_energy"))
    }
    for name in JETCLASS_OTHER_PARTICLE:
        branches[name] = [np.zeros(len(row), dtype=np.float32) for row in momenta]
    for number, name in enumerate(JETCLASS_LABELS):
        kind = np.float32 if number == 0 else (np.bool_ if number < 6 else np.int32)
        branches[f"label_{name}"] = np.full(len(jets), number == label, dtype=kind)
    whole = np.array([four_momentum(jet) for jet in jets], dtype=np.float32)
    for column, name in enumerate(("jet_pt", "jet_eta", "jet_phi")):
        branches[name] = whole[:, column].copy()
    for name in JETCLASS_OTHER_JET:
        branches[name] = np.zeros(len(jets), dtype=np.float32)
    return branches


def write_jetclass(path: Path, branches: dict[str, Any], tree: str = "tree") -> Path:
    import awkward as ak
    import uproot

    lists = {k: ak.Array(v) if isinstance(v, list) else v for k, v in branches.items()}
    with uproot.recreate(path) as file:
        file.mktree(
            tree, {k: v.type if isinstance(v, ak.Array) else v.dtype for k, v in lists.items()}
        )
        file[tree].extend(lists)
    return path


# ---- HDF5 by datasets: JetNet, hls4ml LHC jets ------------------------------------------------


def write_hdf5(path: Path, datasets: dict[str, NDArray[Any]]) -> Path:
    import h5py

    with h5py.File(path, "w") as file:
        for name, values in datasets.items():
            file.create_dataset(name, data=values)
    return path


def jetnet(jets: list[list[Particle]], width: int = 30) -> dict[str, NDArray[Any]]:
    particles = np.zeros((len(jets), width, 4), dtype=np.float32)
    whole = np.zeros((len(jets), 4), dtype=np.float32)
    for row, jet in enumerate(jets):
        pt, eta, phi, mass = four_momentum(jet)
        whole[row] = pt, eta, mass, min(len(jet), width)
        for place, p in zip(particles[row], jet, strict=False):
            place[:] = p.eta - eta, np.angle(np.exp(1j * (p.phi - phi))), p.pt / pt, 1.0
    return {"jet_features": whole, "particle_features": particles}


def hls4ml(
    jets: list[list[Particle]], classes: list[str], width: int = 150, *, with_codes: bool = False
) -> dict[str, NDArray[Any]]:
    momenta = padded(jets, width)
    names = HLS4ML_PARTICLE if with_codes else HLS4ML_PARTICLE[:-1]
    particles = np.zeros((len(jets), width, len(names)))
    particles[:, :, :4] = momenta
    particles[:, :, 5] = np.hypot(momenta[:, :, 0], momenta[:, :, 1])
    if with_codes:
        particles[:, :, 16] = np.where(momenta[:, :, 3] > 0.0, 211.0, 0.0)
    whole = np.zeros((len(jets), len(HLS4ML_JET)))
    for row, jet in enumerate(jets):
        pt, eta, _, mass = four_momentum(jet)
        whole[row, 1:4] = pt, eta, mass
        whole[row, list(HLS4ML_FEATURE_COLUMNS)] = 100.0 * row + np.arange(16)
        whole[row, HLS4ML_JET.index(f"j_{classes[row]}")] = 1.0
    images = ("jetImage", "jetImageECAL", "jetImageHCAL")
    return {
        "jetConstituentList": particles.astype(np.float32).astype(np.float64),
        **{name: np.zeros((len(jets), 2, 2)) for name in images},
        "jetFeatureNames": np.array(HLS4ML_JET, dtype="S"),
        "jets": whole.astype(np.float32).astype(np.float64),
        "particleFeatureNames": np.array(HLS4ML_PARTICLE, dtype="S"),
    }


# ---- top tagging: a frame of pandas -----------------------------------------------------------


@dataclass(slots=True)
class Frame:
    """What pandas stores of a frame: names and values of each block of columns."""

    names: list[list[str]]
    blocks: list[NDArray[Any]]


def top_tagging(jets: list[list[Particle]], label: list[int]) -> Frame:
    momenta = padded(jets, 200)[:, :, [3, 0, 1, 2]].astype(np.float32)
    truth = np.zeros((len(jets), 4), dtype=np.float32)
    names = [f"{part}_{i}" for i in range(200) for part in ("E", "PX", "PY", "PZ")]
    return Frame(
        [[*names, "truthE", "truthPX", "truthPY", "truthPZ"], ["ttv", "is_signal_new"]],
        [
            np.concatenate([momenta.reshape(len(jets), -1), truth], axis=1),
            np.stack([np.zeros(len(jets), dtype=np.int64), np.array(label)], axis=1),
        ],
    )


def write_frame(path: Path, frame: Frame, **options: Any) -> Path:
    """What ``frame.to_hdf(path, key="table", format="table")`` writes, without ``_i_table``."""
    import h5py

    fields = [f"values_block_{number}" for number in range(len(frame.blocks))]
    dtype = np.dtype(
        [("index", "<i8")]
        + [(f, b.dtype.str, b.shape[1:]) for f, b in zip(fields, frame.blocks, strict=True)]
    )
    rows = np.zeros(len(frame.blocks[0]), dtype=dtype)
    rows["index"] = 375 + 2 * np.arange(len(rows))
    for field, block in zip(fields, frame.blocks, strict=True):
        rows[field] = block
    all_names = [name for names in frame.names for name in names]
    with h5py.File(path, "w") as file:
        _attributes(file, CLASS="GROUP", PYTABLES_FORMAT_VERSION="2.1", TITLE="", VERSION="1.0")
        group = file.create_group("table")
        _attributes(
            group,
            CLASS="GROUP", TITLE="", VERSION="1.0", encoding="UTF-8", errors="strict",
            nan_rep=_NONE, pandas_type="frame_table", table_type="appendable_frame",
            data_columns=b"(lp0\n.", index_cols=b"(lp0\n(I0\nVindex\np1\ntp2\na.",
            values_cols=_pickled_list(fields), info=_INFO,
            non_index_axes=b"(lp0\n(I1\n%stp%d\na."
            % (_pickled_list(all_names, 1)[:-1], len(all_names) + 2),
            levels=np.int64(1), data_col_nan_rep=np.uint8(1), mi_level_nan_rep=np.uint8(0),
        )  # fmt: skip
        table = group.create_dataset("table", data=rows, chunks=(40,), maxshape=(None,), **options)
        _attributes(table, CLASS="TABLE", NROWS=np.int64(len(rows)), TITLE="", VERSION="2.7")
        _attributes(table, index_kind="integer", FIELD_0_NAME="index", FIELD_0_FILL=np.int64(0))
        for number, (field, names) in enumerate(zip(fields, frame.names, strict=True)):
            kind = frame.blocks[number].dtype
            place = f"FIELD_{number + 1}"
            _attributes(table, **{f"{place}_NAME": field, f"{place}_FILL": kind.type(0)})
            _attributes(table, **{f"{field}_dtype": kind.name, f"{field}_meta": _NONE})
            _attributes(table, **{f"{field}_kind": _pickled_list(names)})
    return path


_NONE = b"N."
_INFO = (
    b"(dp0\nI1\n(dp1\nVnames\np2\n(lp3\nNasVtype\np4\nVIndex\np5\nssVindex\np6\n(dp7\n"
    b"sVvalues_block_0\np8\n(dp9\nsVvalues_block_1\np10\n(dp11\ns."
)


def _attributes(node: Any, **values: Any) -> None:
    """PyTables writes text as UTF-8, pickles as ASCII bytes."""
    import h5py

    for name, value in values.items():
        if not isinstance(value, str):
            node.attrs[name] = np.bytes_(value) if isinstance(value, bytes) else value
            continue
        kind = h5py.string_dtype("utf-8", max(len(value), 1))
        node.attrs.create(name, value.encode() if value else h5py.Empty(kind), dtype=kind)


def _pickled_list(names: list[str], first: int = 0) -> bytes:
    """A list of strings in protocol 0 of pickle, which is text."""
    items = "".join(f"V{name}\np{first + 1 + i}\na" for i, name in enumerate(names))
    return f"(lp{first}\n{items}.".encode()


# ---- EnergyFlow quark/gluon: npz --------------------------------------------------------------


def quark_gluon(jets: list[list[Particle]], label: list[int], code: int) -> dict[str, Any]:
    """Particles of one kind; azimuth in [0, 2 pi), rapidity, as wide as the longest jet."""
    particles = np.zeros((len(jets), max(map(len, jets)), 4))
    for row, jet in zip(particles, jets, strict=True):
        for place, p in zip(row, jet, strict=False):
            *_, pz, energy = p.cartesian
            place[:] = p.pt, np.arctanh(pz / energy), p.phi % (2.0 * np.pi), code
    return {"X": particles, "y": np.array(label, dtype=np.float64)}


def write_npz(path: Path, arrays: dict[str, Any]) -> Path:
    np.savez_compressed(path, allow_pickle=False, **arrays)
    return path
