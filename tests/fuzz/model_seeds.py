#!/usr/bin/env python3
"""Models to begin fuzzing with: the small ones of the onnx package's tests, generated networks, the sample model.

usage: model_seeds.py FOLDER
"""
import pathlib
import shutil
import sys

import onnx.backend.test

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import nets  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
LARGEST = 8192  # bytes: small models are mutated to more purpose


def main():
    folder = pathlib.Path(sys.argv[1])
    for path in sorted((pathlib.Path(onnx.backend.test.__file__).parent / "data").rglob("model.onnx")):
        if path.stat().st_size <= LARGEST:
            shutil.copyfile(path, folder / path.parent.name)
    nets.write(folder)
    shutil.copyfile(ROOT / "samples" / "models" / "digits.onnx", folder / "digits")


if __name__ == "__main__":
    main()
