#!/usr/bin/env python3
"""Shows what tuning wins on models, from nothing and from what is remembered.

usage: tuning.py [option]... MODEL.onnx...
  --seconds S     how long each model runs while it is tuned; default 60
  --threads N     of alt_run; default: its own choice
  --dim NAME=N    value of a symbolic dimension, for every model that has it
  --alt-run PATH  default build/alt_run

For each model, with a cache folder of its own: the default plan's answers; a run with default options, tuned behind; a second
start with --tune replay. Printed: when the first swap came, the swaps, how much faster the plan at the end is than the default
plan (medians of runs of both in turn), the same for the second start and whether it had its plan from the first run, and
whether all answers agree with the default plan's (1e-3 of the value plus 1e-4 of the scale). Exit status 1: a model got no
swap that is faster beyond the noise, the second start was not warm, or answers differ.
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np

ROW = "{:<24} {:>9} {:>6} {:>8} {:>22} {:>6} {:>8} {:>8}"


def has_dim(options, model, name):
    done = subprocess.run([options.alt_run, model, "--inspect"], capture_output=True, text=True, check=True)
    return re.search(rf"\b{re.escape(name)}\b", done.stdout) is not None


def run(options, model, cache, arguments, folder):
    command = [options.alt_run, model, "--json", "--quiet", "--cache", cache, "--save-outputs", str(folder)] + arguments
    for dim in options.dim:
        if has_dim(options, model, dim.partition("=")[0]):
            command += ["--dim", dim]
    if options.threads:
        command += ["--threads", str(options.threads)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()}")
    answers = {f.name: np.load(f) for f in sorted(pathlib.Path(folder).glob("*.npy"))}
    return json.loads(done.stdout), answers


def agree(expected, actual):
    if expected.keys() != actual.keys():
        return False
    for name, e in expected.items():
        a = actual[name]
        if e.dtype != a.dtype or e.shape != a.shape:
            return False
        if e.dtype.kind != "f":
            if not np.array_equal(a, e):
                return False
            continue
        finite = np.isfinite(e)
        scale = np.abs(e[finite]).max(initial=0)
        if not np.array_equal(a[~finite], e[~finite], equal_nan=True):
            return False
        if np.any(np.abs(a[finite] - e[finite]) > 1e-3 * np.abs(e[finite]) + 1e-4 * scale):
            return False
    return True


def judge(options, model):
    with tempfile.TemporaryDirectory() as folder:
        cache = f"{folder}/cache"
        _, expected = run(options, model, cache, ["--tune", "off", "--runs", "1"], f"{folder}/off")
        tuned, live = run(options, model, cache, ["--seconds", str(options.seconds), "--budget", str(options.seconds)],
                          f"{folder}/tuned")
        again, replayed = run(options, model, cache, ["--tune", "replay", "--seconds", "3"], f"{folder}/replay")
    forward = [s for s in tuned["swaps"] if s["before_ms"]]
    same = agree(expected, live) and agree(expected, replayed)
    faster = any(s["before_ms"] > s["after_ms"] for s in forward) and (tuned["speedup"] or 0) > 1
    times = " ".join(f"{s['before_ms'] / s['after_ms']:.2f}" for s in forward[:4]) or "-"
    show = lambda x: "-" if x is None else f"{x:.3f}"
    print(ROW.format(pathlib.Path(model).stem[:24], f"{forward[0]['at_s']:.1f} s" if forward else "none", len(forward),
                     show(tuned["speedup"]), times, "yes" if again["warm"] else "no", show(again["speedup"]),
                     "agree" if same else "DIFFER"), flush=True)
    return same and faster and again["warm"]


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ", 1)[1])
    parser.add_argument("models", nargs="+")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--dim", action="append", default=[])
    parser.add_argument("--alt-run", default="build/alt_run")
    options = parser.parse_intermixed_args()
    print(ROW.format("model", "first", "swaps", "faster", "ratio of each swap", "warm", "faster", "answers"))
    good = [judge(options, model) for model in options.models]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
