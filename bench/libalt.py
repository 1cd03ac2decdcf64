"""alt for benchmarks: tests/alt_python.py with the cost of Python kept out of runs, and with tuning."""
import ctypes as c
import pathlib
import sys
import time

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests"))
import alt_python  # noqa: E402

NOW, DONE = 3, 3  # alt_tune, alt_tuning_phase


class TuningOptions(c.Structure):
    _fields_ = [("size", c.c_size_t), ("mode", c.c_int), ("budget_s", c.c_double), ("share", c.c_double), ("cache", c.c_char_p),
                ("worker", c.c_char_p), ("trial", c.c_char_p), ("example", c.c_void_p)]


class TuningReport(c.Structure):
    """The first fields of alt_tuning_report."""
    _fields_ = [("size", c.c_size_t), ("phase", c.c_int), ("warm", c.c_bool), ("elapsed_s", c.c_double),
                ("plateau_s", c.c_double)]


class Session(alt_python.Model):
    """A model with inputs that stay the same: `inputs` by name."""

    def feed(self, inputs):
        self.arrays = [np.asarray(inputs[name], order="C") for name in self.inputs if name in inputs]
        self.values = (c.c_void_p * len(self.arrays))(*[self._wrap(a).value for a in self.arrays])

    def answer(self):
        outputs = (c.c_void_p * len(self.outputs))()
        self._call("alt_session_run", self.session, None, self.values, c.c_size_t(len(self.values)), outputs,
                   c.c_size_t(len(outputs)))
        for value in outputs:
            self.library.alt_value_release(c.c_void_p(value))

    def tune(self, budget):
        """Tunes with the machine to itself; seconds until the last swap."""
        options = TuningOptions(c.sizeof(TuningOptions), NOW, budget, 1.0, b"", None, None, c.addressof(self.values))
        self._call("alt_session_tune", self.session, c.byref(options))
        report = TuningReport(c.sizeof(TuningReport))
        while True:
            if self.library.alt_session_tuning(self.session, c.byref(report)):
                raise alt_python.AltError("alt_session_tuning failed")
            if report.phase == DONE:
                return report.plateau_s
            self.answer()  # inputs of a real run are what plans are verified on
            time.sleep(0.05)
