#!/usr/bin/env python3
"""Prints the folder of ONNX's backend test data: that of the onnx package this Python has."""
import pathlib
import sys

import onnx.backend.test

folder = pathlib.Path(onnx.backend.test.__file__).parent / "data"
if not (folder / "node").is_dir():
    sys.exit(f"{folder} holds no test data: this onnx package was installed without it")
print(folder)
