"""A process of its own: opens a saved Keras model on torch and exports it (`keras_model`).

``python -m inferon.frontends.keras_reopened FOLDER`` with ``KERAS_BACKEND=torch``.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path


def main(folder: Path) -> int:
    """Export the model of a folder; what fails is the last line on stderr."""
    import keras

    from inferon.errors import InferonError
    from inferon.frontends.keras_model import export_keras, read_arrays, write_exported

    job = json.loads((folder / "job.json").read_text())
    arrays = read_arrays(folder / "given.npz")
    try:
        for module in job["modules"]:  # where the user's layers register themselves
            importlib.import_module(module)
        model = keras.saving.load_model(folder / "model.keras", compile=False)
        exported = export_keras(model, dict(zip(job["names"], arrays, strict=True)), "auto")
    except (InferonError, ImportError, TypeError, ValueError) as error:
        print(" ".join(str(error).split()), file=sys.stderr)  # noqa: T201 - to the parent
        return 3
    write_exported(exported, folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
