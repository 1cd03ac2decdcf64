"""One engine on one model in a process of its own, told what to do by compare.py over standard input, a line a command:

    load             loads the model, answers once: seconds for both
    tune BUDGET      (alt) tunes: seconds until the last swap
    run N            runs N times: the seconds of each
    outputs FILE     runs once and writes the answers (.npz)
    memory           peak resident bytes, less what was resident before the engine was imported

Each is answered with one line of JSON.

usage: engine.py NAME MODEL INPUTS.npz THREADS CPUS LIBALT
"""
import json
import os
import sys
import time

import numpy as np


class Alt:
    def __init__(self, threads, library):
        import libalt
        self.libalt, self.threads = libalt, threads
        self.library = libalt.alt_python.load_library(library)

    def load(self, path, inputs):
        self.inputs = inputs
        self.session = self.libalt.Session(self.library, path, self.threads)
        self.session.feed(inputs)

    def run(self):
        self.session.answer()

    def outputs(self):
        return list(self.session.run(self.inputs).values())

    def tune(self, budget):
        return self.session.tune(budget)


class OnnxRuntime:
    def __init__(self, threads, _):
        import onnxruntime
        self.package = onnxruntime
        self.options = onnxruntime.SessionOptions()
        self.options.intra_op_num_threads = threads
        self.options.inter_op_num_threads = 1

    def load(self, path, inputs):
        self.session = self.package.InferenceSession(path, self.options, providers=["CPUExecutionProvider"])
        self.inputs = inputs

    def outputs(self):
        return self.session.run(None, self.inputs)

    run = outputs


class OpenVino:
    def __init__(self, threads, _):
        import openvino
        self.package, self.threads = openvino, threads

    def load(self, path, inputs):
        core = self.package.Core()
        settings = {"INFERENCE_NUM_THREADS": self.threads, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32",
                    "ENABLE_CPU_PINNING": False}
        self.request = core.compile_model(core.read_model(path), "CPU", settings).create_infer_request()
        self.inputs = list(inputs.values())

    def run(self):
        self.request.infer(self.inputs, share_inputs=True, share_outputs=True)

    def outputs(self):
        return [np.array(a) for a in self.request.infer(self.inputs).values()]


class Torch:
    """The model converted by onnx2torch: eager mode."""

    def __init__(self, threads, _):
        import onnx2torch
        import torch
        torch.set_num_threads(threads)
        self.torch, self.convert = torch, onnx2torch.convert

    def load(self, path, inputs):
        self.model = self.convert(path).eval()
        self.inputs = [self.torch.from_numpy(a) for a in inputs.values()]

    def outputs(self):
        with self.torch.inference_mode():
            result = self.model(*self.inputs)
        return [t.numpy() for t in (result if isinstance(result, (list, tuple)) else [result])]

    run = outputs


ENGINES = {"alt": Alt, "onnxruntime": OnnxRuntime, "openvino": OpenVino, "torch": Torch}


def timed(function):
    begin = time.perf_counter()
    function()
    return time.perf_counter() - begin


def resident(which):
    """Bytes, by a name of /proc/self/status: VmRSS now, VmHWM at most. (getrusage counts what the process was before exec.)"""
    with open("/proc/self/status", encoding="ascii") as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith(which))


def main():
    name, model, inputs, threads, cpus, library = sys.argv[1:]
    os.sched_setaffinity(0, [int(cpu) for cpu in cpus.split(",")])
    inputs = dict(np.load(inputs))
    before = resident("VmRSS")
    engine = ENGINES[name](int(threads), library)

    def first():
        engine.load(model, inputs)
        engine.run()

    for line in sys.stdin:
        command, *arguments = line.split()
        if command == "load":
            answer = timed(first)
        elif command == "tune":
            answer = engine.tune(float(arguments[0]))
        elif command == "run":
            answer = [timed(engine.run) for _ in range(int(arguments[0]))]
        elif command == "outputs":
            np.savez(arguments[0], *engine.outputs())
            answer = True
        else:
            answer = resident("VmHWM") - before
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
