#!/usr/bin/env python3
"""Many callers at once, few cores and too many threads: what alt answers, and what that costs.

usage: callers.py [option]... [MODEL]...
  MODEL           networks of networks.py, or files MODEL.onnx; default mobilenet_v2 bert_tiny
  --cores N       cores that processes are pinned to, but for the rows that say otherwise; default 2, as far as there are
  --rounds N      turns of each row; default 7
  --turn S        seconds of a turn, after 0.1 s that do not count; default 0.4
  --json FILE     everything as JSON
  --alt-run PATH  default build/alt_run; bench/callers is taken from its folder

Each row is a process of its own (callers.c), which waits while another has its turn; in each round all have one, in an order drawn anew.
Rows: one caller on one session with 1 to 2N threads; 16 callers on one session; 4 sessions with a caller each, and with 4; one and 16 callers
on a single core (affinity), and in a control group with a quota of half a core, where one can be made. Columns:

  threads     of a session; "own": its own choice, which must be the cores that affinity and quota allow, rounded up
  process     threads of the process: the main thread, the callers and alt's workers, which must be fewer than the cores
  answers/s   in all, and over those of a row before in the same round: the median, with the 10th and 90th percentile
  p50, p99    milliseconds of a run over all rounds: of the median caller, and of the one that fared worst
  switches    of context, voluntary and not, of the whole process, an answer
  CPU ms      of the whole process an answer
  idle        CPU milliseconds that the process took in a second without a call

Below the table stands what does not hold: a thread count as above; answers/s below those of the row before beyond the noise; an idle process
that used more than 5 ms. Exit status 1: something does not hold.
"""
import argparse
import contextlib
import dataclasses
import json
import math
import os
import pathlib
import random
import sys
import tempfile

import numpy as np
from onnx import numpy_helper

import compare
import networks
import quota
import told

HALF, IDLE_MS, NOISE = 0.5, 5, 0.95
LINE = "{:>3} {:<24} {:>7} {:>7} {:>9} {:>22} {:>8} {:>8} {:>13} {:>7} {:>5}"


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    sessions: int
    callers: int
    threads: int  # of a session; 0: its own choice
    cpus: int
    of: str | None  # the row that it must not fall behind
    quota: float = math.inf


def rows_of(cores):
    rows = [Row("1 session, 1 caller", 1, 1, 0, cores, None)]
    first = rows[0].name
    rows += [Row(f"{s} session{'s' if s > 1 else ''}, {c} callers", s, c, 0, cores, first) for s, c in ((1, 16), (4, 4), (4, 16))]
    counts = [1, *range(cores, 2 * cores + 1)] if cores > 1 else [1, 2]
    rows += [Row(f"{n} thread{'s' if n > 1 else ''}", 1, 1, n, cores, first if n >= cores else None) for n in counts]
    rows += [Row("one core, 1 caller", 1, 1, 0, 1, None), Row("one core, 16 callers", 1, 16, 0, 1, "one core, 1 caller"),
             Row("one core, 2 threads", 1, 1, 2, 1, "one core, 1 caller")]
    return rows + [Row("half a core, 1 caller", 1, 1, 0, cores, None, HALF),
                   Row("half a core, 16 callers", 1, 16, 0, cores, "half a core, 1 caller", HALF)]


class Process(told.Told):
    def __init__(self, program, model, inputs, row, group):
        cpus = sorted(os.sched_getaffinity(0))[:row.cpus]

        def enter():
            os.sched_setaffinity(0, cpus)
            if row.quota < math.inf:
                quota.enter(group)

        self.row, self.turns = row, []
        super().__init__(row.name, [program, model, row.sessions, row.callers, row.threads, *inputs], preexec_fn=enter)
        self.threads = self.ask("threads")


def write_inputs(model, folder):
    """The inputs of compare.py, a TensorProto each, in the model's order."""
    paths = []
    with np.load(compare.make_inputs(model, folder)) as arrays:
        for name in arrays.files:
            paths.append(pathlib.Path(folder) / f"{len(paths)}.pb")
            paths[-1].write_bytes(numpy_helper.from_array(arrays[name], name).SerializeToString())
    return paths


def take_turns(processes, options):
    for process in processes:
        process.ask("run", 0.05)  # shapes are bound and contexts made
    for _ in range(options.rounds):
        for process in random.sample(processes, len(processes)):
            process.turns.append(process.ask("run", options.turn))
    for process in processes:
        process.tell("idle", 1)
    return {process.row.name: process.hear() * 1e3 for process in processes}


def rates(process):
    return np.array([turn["answers"] / turn["seconds"] for turn in process.turns])


def figures(process, beside, idle_ms):
    row = process.row
    total = {key: sum(turn[key] for turn in process.turns) for key in ("answers", "cpu_s", "voluntary", "involuntary")}
    runs = [ms for ms in (np.concatenate([turn["ms"][i] for turn in process.turns]) for i in range(row.callers)) if len(ms)]
    answers = max(total["answers"], 1)
    return {"row": row.name, "own": row.threads == 0, "threads": process.threads, "process": max(turn["threads"] for turn in process.turns),
            "per_s": float(np.median(rates(process))), "of": row.of,
            "ratios": (rates(process) / rates(beside)).tolist() if beside else [],
            "p50_ms": float(np.median([np.median(ms) for ms in runs])), "p99_ms": float(max(np.percentile(ms, 99) for ms in runs)),
            "voluntary": total["voluntary"] / answers, "involuntary": total["involuntary"] / answers,
            "cpu_ms": total["cpu_s"] * 1e3 / answers, "idle_ms": idle_ms}


def findings(row, f):
    """What does not hold."""
    cores = math.ceil(min(row.cpus, row.quota))
    if f["own"] and f["threads"] != cores:
        yield f"{f['threads']} threads where {cores} cores may be used"
    if f["process"] > 1 + row.callers + cores - 1:
        yield f"{f['process']} threads in the process"
    if f["ratios"] and np.median(f["ratios"]) < NOISE and np.percentile(f["ratios"], 90) < 1:
        yield f"{np.median(f['ratios']):.2f} of the answers of \"{row.of}\""
    if f["idle_ms"] > IDLE_MS:
        yield f"{f['idle_ms']:.1f} ms of CPU time in an idle second"


def show(f, number, numbers):
    ratio = f"{compare.ratio_text(f['ratios'])} of {numbers[f['of']]}" if f["ratios"] else "-"
    print(LINE.format(number, f["row"], f"{f['threads']}{' own' if f['own'] else ''}", f["process"], f"{f['per_s']:.1f}", ratio,
                      f"{f['p50_ms']:.2f}", f"{f['p99_ms']:.2f}", f"{f['voluntary']:.1f} + {f['involuntary']:.1f}", f"{f['cpu_ms']:.2f}",
                      f"{f['idle_ms']:.1f}"), flush=True)


def measure(options, model, rows, group, folder):
    """The figures of each row."""
    program, inputs = options.alt_run.resolve().parent / "bench" / "callers", write_inputs(model, folder)
    with contextlib.ExitStack() as stack:
        processes = [stack.enter_context(contextlib.closing(Process(program, model, inputs, row, group))) for row in rows]
        idle_ms = take_turns(processes, options)
    named = {process.row.name: process for process in processes}
    return [figures(process, named.get(process.row.of), idle_ms[process.row.name]) for process in processes]


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ", 1)[1])
    parser.add_argument("models", nargs="*", default=["mobilenet_v2", "bert_tiny"])
    parser.add_argument("--cores", type=int, default=min(2, len(os.sched_getaffinity(0))))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--turn", type=float, default=0.4)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--alt-run", type=pathlib.Path, default=pathlib.Path("build/alt_run"))
    options = parser.parse_intermixed_args()
    rows, results, broken = rows_of(options.cores), {}, []
    with tempfile.TemporaryDirectory() as folder, quota.group_of(HALF) as group:
        if not group:
            print("no control group with a CPU quota can be made here: no rows with half a core")
            rows = [row for row in rows if row.quota == math.inf]
        for name in options.models:
            model = name if name.endswith(".onnx") else networks.write(folder, [name], 1)[0]
            print(f"\n{name}, {options.cores} core{'s' if options.cores > 1 else ''}")
            print(LINE.format("", "", "threads", "process", "answers/s", "over those of row", "p50 ms", "p99 ms", "switches", "CPU ms", "idle"))
            results[name] = measure(options, model, rows, group, folder)
            numbers = {row.name: i for i, row in enumerate(rows, 1)}
            for row, f in zip(rows, results[name]):
                show(f, numbers[row.name], numbers)
                broken += [f"{name}: {row.name}: {finding}" for finding in findings(row, f)]
    print("\n" + ("does not hold:\n  " + "\n  ".join(broken) if broken else "all of it holds"))
    if options.json:
        options.json.write_text(json.dumps(results, indent=1), encoding="utf-8")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
