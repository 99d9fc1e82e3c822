"""A process of its own: opens a saved Keras model on torch and exports it (`keras_model`).

``python -m inferon.frontends.keras_reopened FOLDER NAME ...`` with ``KERAS_BACKEND=torch``.
"""

from __future__ import annotations

import sys
from pathlib import Path


def main(folder: Path, names: list[str]) -> int:
    """Export the model of a folder; what fails is the last line on stderr."""
    import keras

    from inferon.errors import InferonError
    from inferon.frontends.keras_model import export_keras, read_arrays, write_exported

    arrays = read_arrays(folder / "given.npz")
    try:
        model = keras.saving.load_model(folder / "model.keras", compile=False)
        exported = export_keras(model, dict(zip(names, arrays, strict=True)), "auto")
    except (InferonError, TypeError, ValueError) as error:
        print(" ".join(str(error).split()), file=sys.stderr)  # noqa: T201 - to the parent
        return 3
    write_exported(exported, folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
