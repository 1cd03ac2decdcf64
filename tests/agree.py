#!/usr/bin/env python3
"""Runs models with alt_run and with onnxruntime on the same inputs and holds the answers against each other.

usage: agree.py [option]... ALT_RUN [MODEL.onnx | FOLDER]...
  --nets A,B     generated networks of nets.py, each with the dimensions that it asks for; "all": every one
  --dim NAME=N   value of a symbolic dimension, for every model that has it
  --sizes A,B    run models with symbolic dimensions once for each: dimensions that --dim does not name get A, A+1, A+2...
                 in the order the model names them; default 2,5
  --seed N       of the inputs; default 0
  --ints N       integer inputs lie below N; default 2
  --threads N    of alt_run; default 2
  --rtol R, --atol A   allowed: R of each value plus A of the largest magnitude of its output; default 1e-3, 1e-4
  --quantum Q    outputs are quantised in steps of Q (networks of nets.py say so themselves): every element may be one step
                 off, one of a thousand by any number

Floats are uniform in [0, 1), integers 0 or 1 unless --ints says more (indices into most tables are in range so). One line
a run and the closing line. A model that onnxruntime itself cannot run with such inputs is skipped, with its reason.
"""
import argparse
import pathlib
import platform
import re
import subprocess
import sys
import tempfile

import numpy as np
import onnxruntime

import nets
import nets_flow  # noqa: F401 (adds its networks)
import nets_special  # noqa: F401

DTYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(float16)": np.float16, "tensor(int8)": np.int8,
          "tensor(int16)": np.int16, "tensor(int32)": np.int32, "tensor(int64)": np.int64, "tensor(uint8)": np.uint8,
          "tensor(uint16)": np.uint16, "tensor(uint32)": np.uint32, "tensor(uint64)": np.uint64, "tensor(bool)": np.bool_}
SECONDS = 600


class Skip(Exception):
    """A run that cannot be compared, and why."""


def saturates():
    """Whether onnxruntime multiplies bytes by adding pairs in saturating 16-bit integers here, as it does on x86-64 without the VNNI
    instructions: its quantised answers are then wrong where weights are large, by its own documentation."""
    if platform.machine() != "x86_64":
        return False
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as f:
        return not re.search(r"^flags.*\bavx(512)?_vnni\b", f.read(), re.MULTILINE)


def make_session(path, quantised=False):
    """A quantised model is computed as its nodes say, in float32, where onnxruntime's integer kernels saturate."""
    options = onnxruntime.SessionOptions()
    if quantised and saturates():
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    options.intra_op_num_threads = 2
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # whatever onnxruntime raises, it has no common base class
        raise Skip(f"onnxruntime cannot load it: {first_line(error)}") from error


def first_line(error):
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__


def symbols(session):
    """The symbolic dimensions in the order of the inputs; one without a name counts for itself."""
    found = []
    for port in session.get_inputs():
        for axis, dim in enumerate(port.shape):
            if not isinstance(dim, int):
                name = dim or f"{port.name}#{axis}"
                if name not in found:
                    found.append(name)
    return found


def choose_dims(names, given, size):
    return {name: given.get(name, size + i) for i, name in enumerate(names)}


def make_inputs(session, dims, seed, ints=2):
    random, inputs = np.random.default_rng(seed), {}
    for port in session.get_inputs():
        if port.type not in DTYPES:
            raise Skip(f"input {port.name} is a {port.type}")
        dtype = np.dtype(DTYPES[port.type])
        shape = [d if isinstance(d, int) else dims[d or f"{port.name}#{i}"] for i, d in enumerate(port.shape)]
        values = random.random(shape) if dtype.kind == "f" else random.integers(0, ints if dtype.kind != "b" else 2, shape)
        inputs[port.name] = np.asarray(values, dtype)
    return inputs


def safe_name(name):
    """As alt_run makes file names of outputs."""
    safe = re.sub(rb"[^A-Za-z0-9._-]", b"_", name.encode()).decode() or "_"
    return "_" + safe[1:] if safe[0] in ".-" else safe


def run_alt(options, path, inputs, outputs):
    with tempfile.TemporaryDirectory() as folder:
        command = [options.alt_run, str(path), "--runs", "1", "--tune", "off", "--quiet", "--threads", str(options.threads),
                   "--save-outputs", f"{folder}/out"]
        for i, (name, value) in enumerate(inputs.items()):
            np.save(f"{folder}/{i}.npy", value)
            command += ["--input", f"{name}={folder}/{i}.npy"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, errors="replace", check=False)
        if done.returncode != 0:
            return None, f"alt_run ended with {done.returncode}: {done.stderr.strip()[:600]}"
        files = {f.stem: f for f in pathlib.Path(folder, "out").glob("*.npy")}
        return [np.load(files[safe_name(name)]) for name in outputs], None


def worst(expected, actual, options, quantum):
    """None when they agree, else what is wrong."""
    if not isinstance(expected, np.ndarray):
        raise Skip("an output is no tensor")
    if expected.dtype != actual.dtype or expected.shape != actual.shape:
        return f"is {actual.dtype}{list(actual.shape)}, not {expected.dtype}{list(expected.shape)}"
    if expected.dtype.kind != "f":
        wrong = np.count_nonzero(expected != actual)
        return f"{wrong} of {expected.size} elements differ" if wrong else None
    a, e = actual.astype(np.float64), expected.astype(np.float64)
    finite = np.isfinite(e)
    if not np.array_equal(a[~finite], e[~finite], equal_nan=True):
        return "NaN or infinities lie elsewhere"
    scale = np.abs(e[finite]).max(initial=0)
    off = np.abs(a[finite] - e[finite])
    excess = off - (quantum + options.rtol * np.abs(e[finite]) + options.atol * scale)
    spared = excess.size // 1000 if quantum else 0
    if excess.size and not excess.max() <= 0 and np.count_nonzero(~(excess <= 0)) > spared:
        at = int(np.argmax(excess))
        count = np.count_nonzero(~(excess <= 0))
        return f"{count} of {e.size} elements are off, the worst is {a[finite][at]:.9g}, not {e[finite][at]:.9g}"
    return None


def compare(options, path, session, dims, quantum):
    """The finding of one run, or None."""
    inputs = make_inputs(session, dims, options.seed, options.ints)
    names = [port.name for port in session.get_outputs()]
    try:
        expected = session.run(names, inputs)
    except Exception as error:  # as above
        raise Skip(f"onnxruntime cannot run it: {first_line(error)}") from error
    actual, failure = run_alt(options, path, inputs, names)
    if failure:
        return failure
    for name, e, a in zip(names, expected, actual):
        finding = worst(e, a, options, quantum)
        if finding:
            return f"output {name}: {finding}"
    return None


def choose_cases(options, names):
    """One set of dimensions a run."""
    free = [name for name in names if name not in options.dims]
    return [choose_dims(names, options.dims, size) for size in (options.sizes if free else options.sizes[:1])]


def judge(options, path, cases, quantum, counts):
    try:
        session = make_session(path, bool(quantum))
        for dims in cases or choose_cases(options, symbols(session)):
            label = f"{path.stem} {' '.join(f'{k}={v}' for k, v in dims.items())}".strip()
            try:
                finding = compare(options, path, session, dims, quantum)
            except Skip as skip:
                counts["skipped"] += 1
                print(f"skipped {label}: {skip}")
                continue
            counts["failed" if finding else "passed"] += 1
            print(f"FAILED {label}: {finding}" if finding else f"agrees {label}", flush=True)
    except Skip as skip:
        counts["skipped"] += 1
        print(f"skipped {path.stem}: {skip}")


def models(arguments):
    for argument in map(pathlib.Path, arguments):
        yield from sorted(argument.rglob("*.onnx")) if argument.is_dir() else [argument]


def named_dim(text):
    name, _, value = text.rpartition("=")
    if not name or not value.isdigit():
        raise argparse.ArgumentTypeError(f"{text}: write NAME=N")
    return name, int(value)


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ", 1)[1])
    parser.add_argument("alt_run")
    parser.add_argument("models", nargs="*")
    parser.add_argument("--nets", default="")
    parser.add_argument("--dim", type=named_dim, action="append", default=[])
    parser.add_argument("--sizes", default="2,5")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--ints", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rtol", type=float, default=1e-3)
    parser.add_argument("--atol", type=float, default=1e-4)
    parser.add_argument("--quantum", type=float, default=0)
    options = parser.parse_intermixed_args()
    options.dims = dict(options.dim)
    options.sizes = [int(size) for size in options.sizes.split(",")]
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    with tempfile.TemporaryDirectory() as folder:
        wanted = [] if options.nets in ("", "all") else options.nets.split(",")
        for path, net in nets.write(folder, wanted) if options.nets else []:
            judge(options, path, net.cases, net.quantum, counts)
        for path in models(options.models):
            judge(options, path, None, options.quantum, counts)
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return 1 if counts["failed"] or not counts["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
