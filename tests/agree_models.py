#!/usr/bin/env python3
"""Runs real models in one session each of alt and of onnxruntime and holds the answers against each other: at several shapes,
and step after step where a model is fed what it said before.

usage: agree_models.py [option]... LIBALT [FOLDER]...
  --nets A,B     generated networks of nets.py, too
  --table FILE   what the models want (default: agree_models.toml beside this file, which explains itself)
  --only A,B     models of these names alone
  --threads N    of alt; default 2
  --rtol R, --atol A   allowed: R of each value plus A of the largest magnitude of its output; default 1e-3, 1e-4

In a streaming run both are fed their own state, so errors may add up and must not. Each model is run once more at its first
shape at the end: the answer must be the first one's, to the bit. One line a run and the closing line; a model that
alt cannot load is skipped, with alt's reason.
"""
import argparse
import pathlib
import re
import sys
import tempfile
import tomllib

import numpy as np

import agree
import alt_python
import nets

HERE = pathlib.Path(__file__).resolve().parent


def name_of(path):
    return path.parent.name if path.stem == "model" else path.stem


def extent_of(dims, port, axis):
    dim = port.shape[axis]
    return dim if isinstance(dim, int) else dims[dim or f"{port.name}#{axis}"]


def draw_lines(shape, low, high):
    """Something like a line of text: dark strokes on a light ground."""
    picture, height, width = np.full(shape, high), shape[-2], shape[-1]
    picture[..., height // 3:height // 2:2, width // 8:width - width // 8] = low
    picture[..., height * 5 // 12:height // 2, width // 8:width - width // 8:3] = low
    return picture


def make_inputs(session, entry, dims, case, random, skip=()):
    """Random inputs, those in `skip` zeros."""
    inputs = {}
    for port in session.get_inputs():
        dtype = np.dtype(agree.DTYPES[port.type])
        shape = [extent_of(dims, port, axis) for axis in range(len(port.shape))]
        values = entry.get("values", {}).get(port.name)
        low, high = entry.get("ranges", {}).get(port.name, (0, 1))
        if values is not None:
            inputs[port.name] = np.full(shape, values[min(case, len(values) - 1)], dtype)
        elif port.name in skip:
            inputs[port.name] = np.zeros(shape, dtype)
        elif port.name in entry.get("lines", ()):
            inputs[port.name] = draw_lines(shape, low, high).astype(dtype)
        elif dtype.kind == "f":
            inputs[port.name] = np.asarray(random.uniform(low, high, shape), dtype)
        else:
            inputs[port.name] = np.asarray(random.integers(low, high + 1, shape), dtype)
    return inputs


def feeding(session, entry):
    """Input to the output that feeds it, patterns filled in."""
    pairs = {}
    for into, outof in entry.get("feed", {}).items():
        pattern = re.compile(re.escape(into).replace(r"\{\}", r"(\d+)"))
        for port in session.get_inputs():
            match = pattern.fullmatch(port.name)
            if match:
                pairs[port.name] = outof.format(*match.groups())
    return pairs


def off_the_grid(expected, actual):
    """Answers of a quantised model: the grid's step is the least distance of two values."""
    if expected.shape != actual.shape or expected.dtype != actual.dtype:
        return f"is {actual.dtype}{list(actual.shape)}, not {expected.dtype}{list(expected.shape)}"
    e, a = expected.astype(np.float64), actual.astype(np.float64)
    steps = np.diff(np.unique(e))
    step = 1 if expected.dtype.kind != "f" else steps[steps > 1e-6 * np.abs(e).max(initial=1)].min(initial=np.inf)
    wrong = np.count_nonzero(~(np.abs(a - e) <= 1.01 * step)) if np.isfinite(step) else np.count_nonzero(a != e)
    return f"{wrong} of {e.size} elements are more than one step apart" if wrong > e.size / 1000 else None


def judge(expected, actual, entry, options):
    """The finding over all outputs, or None."""
    for name, e in expected.items():
        finding = off_the_grid(e, actual[name]) if entry.get("quantised") else agree.worst(e, actual[name], options, 0)
        if finding:
            return f"output {name}: {finding}"
    return None


def run_peer(session, inputs):
    names = [port.name for port in session.get_outputs()]
    try:
        return dict(zip(names, session.run(names, inputs)))
    except Exception as error:  # onnxruntime's exceptions have no common base class
        raise agree.Skip(f"onnxruntime cannot run it: {agree.first_line(error)}") from error


def stream(options, entry, session, model, dims, case):
    """The finding of the first step that disagrees, or None; and the first step's inputs and alt's answers."""
    random, fed = np.random.default_rng(case), feeding(session, entry)
    first = None
    ours = theirs = {}
    for step in range(entry.get("steps", 1)):
        inputs = make_inputs(session, entry, dims, case, random, skip=fed)
        begin = step % entry.get("restart", sys.maxsize) == 0
        mine, peers = dict(inputs), dict(inputs)
        if not begin:
            mine |= {into: ours[outof] for into, outof in fed.items()}
            peers |= {into: theirs[outof] for into, outof in fed.items()}
        theirs, ours = run_peer(session, peers), model.run(mine)
        first = first or (mine, ours)
        finding = judge(theirs, ours, entry, options)
        if finding:
            return (f"step {step}: " if fed else "") + finding, first
    return None, first


def run_cases(options, path, model, counts):
    entry = options.table.get(name_of(path), {})
    if entry.get("deep") and agree.saturates():
        raise agree.Skip("onnxruntime's 16-bit sums saturate on this CPU")
    session = agree.make_session(path, entry.get("quantised", False))
    symbols, again = agree.symbols(session), None
    cases = entry.get("cases") or [agree.choose_dims(symbols, {}, size) for size in ((2, 5) if symbols else (2,))]
    for case, dims in enumerate(cases):
        label = " ".join([name_of(path), *(f"{name}={value}" for name, value in dims.items())])
        finding, first = stream(options, entry, session, model, dims, case)
        again = again or first
        report(label, finding, counts)
    changed = [name for name, value in model.run(again[0]).items() if value.tobytes() != again[1][name].tobytes()]
    report(f"{name_of(path)} again", f"other bits in {changed}" if changed else None, counts)


def report(label, finding, counts):
    counts["failed" if finding else "passed"] += 1
    print(f"FAILED {label}: {finding}" if finding else f"agrees {label}", flush=True)


def check_model(options, path, counts):
    try:
        model = alt_python.Model(options.library, path, options.threads)
    except alt_python.AltError as error:
        counts["skipped"] += 1
        print(f"skipped {name_of(path)}: {agree.first_line(error)}", flush=True)
        return
    try:
        run_cases(options, path, model, counts)
    except alt_python.AltError as error:
        report(name_of(path), f"alt: {agree.first_line(error)}", counts)
    except agree.Skip as skip:
        counts["skipped"] += 1
        print(f"skipped {name_of(path)}: {skip}", flush=True)
    finally:
        model.close()


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ", 1)[1])
    parser.add_argument("library")
    parser.add_argument("folders", nargs="*")
    parser.add_argument("--nets", default="")
    parser.add_argument("--table", default=HERE / "agree_models.toml")
    parser.add_argument("--only", default="")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rtol", type=float, default=1e-3)
    parser.add_argument("--atol", type=float, default=1e-4)
    options = parser.parse_args()
    options.table = tomllib.loads(pathlib.Path(options.table).read_text(encoding="utf-8"))
    options.library = alt_python.load_library(options.library)
    wanted = set(filter(None, options.only.split(",")))
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    with tempfile.TemporaryDirectory() as folder:
        for path, net in nets.write(folder, options.nets.split(",")) if options.nets else []:
            options.table.setdefault(pathlib.Path(path).stem, {}).setdefault("cases", net.cases)
        for path in agree.models([*options.folders, folder]):
            if not wanted or name_of(path) in wanted:
                check_model(options, path, counts)
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return 1 if counts["failed"] or not counts["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
