#!/usr/bin/env python3
"""alt beside other runtimes: the same ONNX files, inputs and cores, in turns.

usage: compare.py [option]...
  --models A,B     networks of networks.py, or files MODEL.onnx; default: its five networks; "none": none
  --ops A,B        its single operators; "all": the nine; default: none
  --threads 1,2    thread counts to compare at; default 1,2 as far as there are cores
  --batch N        of networks and operators; default 1
  --peers A,B      onnxruntime, openvino, torch (onnx2torch, eager); default onnxruntime,openvino; one that is missing is named
  --budget S       seconds to tune each model for; default 60; 0: the default plan alone
  --rounds N       turns of each engine; default 15
  --json FILE      everything as JSON
  --alt-run PATH   default build/alt_run; libalt and peak are taken from its folder

Each engine runs in a process of its own, pinned to the same cores, and waits while another runs. In each round every engine, in an order
drawn anew, does as many runs as take about 0.2 s, of which the first few do not count. A ratio is alt's median of a round
over the peer's of the same round; printed is the median over rounds with the 10th and 90th percentile: below 1, alt is faster. First
answer: load to answer, the median of three fresh processes of each engine, taken in turn. Memory: peak resident, less what Python and
numpy held before the engine was imported. Peak: multiply-adds of one core in registers, measured in the same run.
"""
import argparse
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import tomllib

import numpy as np

import networks
import told

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests"))
import agree  # noqa: E402
import agree_models  # noqa: E402

TABLE = tomllib.loads((HERE.parent / "tests" / "agree_models.toml").read_text(encoding="utf-8"))
PEERS = {"onnxruntime": ["onnxruntime"], "openvino": ["openvino"], "torch": ["torch", "onnx2torch"]}
TURN_S, SKIPPED, STARTS = 0.2, 3, 3


class Engine(told.Told):
    """The process of an engine."""

    def __init__(self, name, model, inputs, threads, library, tuned=False):
        cpus = ",".join(str(i) for i in range(threads))
        super().__init__("alt tuned" if tuned else name, [sys.executable, HERE / "engine.py", name, model, inputs, threads, cpus, library])


def available(names):
    present = []
    for name in names:
        missing = [m for m in PEERS[name] if subprocess.run([sys.executable, "-c", f"import {m}"], capture_output=True, check=False).returncode]
        if missing:
            print(f"missing: {name} (pip install {' '.join(missing)})")
        else:
            present.append(name)
    return present


def entry_of(model):
    """What tests/agree_models.toml says of a model file."""
    return TABLE.get(agree_models.name_of(pathlib.Path(model)), {})


def make_inputs(model, folder):
    """As for tests/agree_models.py: the extents that the table wants timed, or its first case's; others are 1."""
    entry, session = entry_of(model), agree.make_session(model)
    dims = {name: 1 for name in agree.symbols(session)} | entry.get("timed", entry.get("cases", [{}])[0])
    path = pathlib.Path(folder) / "inputs.npz"
    np.savez(path, **agree_models.make_inputs(session, entry, dims, 0, np.random.default_rng(0)))
    return path


def agrees(model, peer, expected, actual):
    if peer == "onnxruntime" and entry_of(model).get("quantised") and agree.saturates():
        print(f"{model}: not held against onnxruntime, whose 16-bit sums saturate on this CPU")
        return True
    judged = argparse.Namespace(rtol=1e-3, atol=1e-4)
    return not agree_models.judge(dict(enumerate(expected)), dict(enumerate(actual)), entry_of(model), judged)


def answers(engine, folder):
    path = f"{folder}/{engine.label.replace(' ', '_')}.npz"
    engine.ask("outputs", path)
    with np.load(path) as data:
        return [data[name] for name in data.files]


def first_answers(names, setup):
    times = {name: [] for name in names}
    for _ in range(STARTS):
        for name in names:
            engine = Engine(name, *setup)
            times[name].append(engine.ask("load"))
            engine.close()
    return {name: float(np.median(t)) for name, t in times.items()}


def take_turns(engines, rounds):
    """Median run time of each engine in each round."""
    counts = {e.label: max(SKIPPED + 2, int(TURN_S / np.median(e.ask("run", 4)[1:]))) for e in engines}
    medians = {e.label: [] for e in engines}
    for _ in range(rounds):
        for engine in random.sample(engines, len(engines)):
            medians[engine.label].append(float(np.median(engine.ask("run", counts[engine.label])[SKIPPED:])))
    return {label: np.array(m) for label, m in medians.items()}


def ratio_text(ratio):
    low, middle, high = np.percentile(ratio, [10, 50, 90])
    return f"{middle:.2f} ({low:.2f}-{high:.2f})"


def measure(options, peers, model, threads, folder):
    inputs = make_inputs(model, folder)
    setup = (model, inputs, threads, options.library)
    first = first_answers(["alt", *peers], setup)
    engines = [Engine("alt", *setup)] + ([Engine("alt", *setup, tuned=True)] if options.budget else [])
    engines += [Engine(name, *setup) for name in peers]
    try:
        for engine in engines:
            engine.ask("load")
        plateau = engines[1].ask("tune", options.budget) if options.budget else None
        found = [answers(engine, folder) for engine in engines]
        medians = take_turns(engines, options.rounds)
        memory = {e.label: e.ask("memory") for e in engines}
    finally:
        for engine in engines:
            engine.close()
    best = "alt tuned" if options.budget else "alt"
    return {"model": agree_models.name_of(pathlib.Path(model)), "threads": threads, "plateau_s": plateau,
            "differ": [e.label for e, f in zip(engines, found) if not agrees(model, e.label, found[0], f)],
            "first_s": first, "p50_s": {label: float(np.median(m)) for label, m in medians.items()},
            "memory_mb": {label: bytes_ / 2**20 for label, bytes_ in memory.items()},
            "ratios": {label: {peer: (medians[label] / medians[peer]).tolist() for peer in peers} for label in dict.fromkeys(["alt", best])}}


def flops(options, model):
    """Multiplications and additions of one run, as alt counts them."""
    done = subprocess.run([options.alt_dump, str(model), "--regions"], capture_output=True, text=True, check=False)
    return sum(float(match[1]) for match in re.finditer(r"^region .*flops=([\d.e+]+)", done.stdout, re.MULTILINE))


def show(row, peak):
    ms = lambda s: f"{s * 1e3:.2f}"
    print(f"\n{row['model']}, {row['threads']} thread{'s' if row['threads'] > 1 else ''}", end="")
    print(f": DIFFERENT ANSWERS: {', '.join(row['differ'])}" if row["differ"] else ": answers agree", end="")
    print(f"; last swap after {row['plateau_s']:.1f} s" if row["plateau_s"] else "")
    print(f"  {'':<12} {'first ms':>9} {'p50 ms':>9} {'of peak':>8} {'MiB':>6}   alt / it   tuned / it")
    for label, p50 in row["p50_s"].items():
        share = f"{row['flops'] / p50 / (peak * 1e9 * row['threads']):.0%}" if row["flops"] else "-"
        ratios = "   ".join(ratio_text(r[label]) for r in row["ratios"].values() if label in r)
        first = row["first_s"].get(label)
        print(f"  {label:<12} {ms(first) if first else '-':>9} {ms(p50):>9} {share:>8} {row['memory_mb'][label]:>6.0f}   {ratios}",
              flush=True)


def show_means(rows, peers):
    print("\ngeometric means of alt's time over the peer's:")
    for threads in dict.fromkeys(row["threads"] for row in rows):
        mine = [row for row in rows if row["threads"] == threads]
        for peer in peers:
            mean = lambda values: float(np.exp(np.mean(np.log(values))))
            steady = [f"{label} {mean([np.median(row['ratios'][label][peer]) for row in mine]):.2f}" for label in mine[0]["ratios"]]
            first = mean([row["first_s"]["alt"] / row["first_s"][peer] for row in mine])
            print(f"  {threads} thread{'s' if threads > 1 else ''}, {peer}: {', '.join(steady)}, first answer {first:.2f}")


def names_of(text, known, everything):
    return [] if text == "none" else list(known) if text == everything else text.split(",")


def main():
    cores = len(os.sched_getaffinity(0))
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ", 1)[1])
    parser.add_argument("--models", default="all")
    parser.add_argument("--ops", default="none")
    parser.add_argument("--threads", default=",".join(str(n) for n in (1, 2) if n <= cores))
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--peers", default="onnxruntime,openvino")
    parser.add_argument("--budget", type=float, default=60)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--alt-run", type=pathlib.Path, default=pathlib.Path("build/alt_run"))
    options = parser.parse_args()
    build = options.alt_run.resolve().parent
    options.library, options.alt_dump = build / "libalt.so", build / "alt_dump"
    wanted = names_of(options.models, networks.NETWORKS, "all") + names_of(options.ops, networks.OPERATORS, "all")
    unknown = [n for n in wanted if not n.endswith(".onnx") and n not in networks.NETWORKS and n not in networks.OPERATORS]
    unknown += [n for n in options.peers.split(",") if n and n not in PEERS]
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; there are {', '.join([*networks.NETWORKS, *networks.OPERATORS])} and peers {', '.join(PEERS)}")
    isa, peak, bandwidth = subprocess.run([str(build / "bench" / "peak")], capture_output=True, text=True, check=True).stdout.split()
    print(f"one core: {peak} GFLOP/s of float32 multiply-adds ({isa}), {bandwidth} GB/s from memory")
    peers, rows = available([p for p in options.peers.split(",") if p]), []
    with tempfile.TemporaryDirectory() as folder:
        for name in wanted:
            model = name if name.endswith(".onnx") else networks.write(folder, [name], options.batch)[0]
            for threads in map(int, options.threads.split(",")):
                row = measure(options, peers, model, threads, folder)
                row["flops"] = flops(options, model)
                rows.append(row)
                show(row, float(peak))
    show_means(rows, peers)
    if options.json:
        options.json.write_text(json.dumps({"isa": isa, "peak_gflops": float(peak), "memory_gbs": float(bandwidth), "rows": rows}, indent=1))
    return 1 if any(row["differ"] for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
