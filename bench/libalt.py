"""libalt through ctypes: as much of include/alt/ as the benchmarks need."""
import ctypes as c
import time

import numpy as np

DTYPES = {np.dtype(name): number for name, number in {
    "float32": 1, "uint8": 2, "int8": 3, "uint16": 4, "int16": 5, "int32": 6, "int64": 7, "bool": 9, "float16": 10,
    "float64": 11, "uint32": 12, "uint64": 13}.items()}
NUMPY = {number: dtype for dtype, number in DTYPES.items()}
NOW, DONE = 3, 3  # alt_tune, alt_tuning_phase


class SessionOptions(c.Structure):
    _fields_ = [("size", c.c_size_t), ("threads", c.c_int)]  # what lies behind is 0: the defaults


class TuningOptions(c.Structure):
    _fields_ = [("size", c.c_size_t), ("mode", c.c_int), ("budget_s", c.c_double), ("share", c.c_double), ("cache", c.c_char_p),
                ("worker", c.c_char_p), ("trial", c.c_char_p), ("example", c.c_void_p)]


class TuningReport(c.Structure):
    _fields_ = [("size", c.c_size_t), ("phase", c.c_int), ("warm", c.c_bool), ("elapsed_s", c.c_double),
                ("plateau_s", c.c_double)]


class Library:
    def __init__(self, path):
        self.lib = c.CDLL(str(path))
        self.lib.alt_error_text.restype = c.c_char_p
        for name in ("alt_model_input_count", "alt_model_output_count", "alt_value_rank"):
            getattr(self.lib, name).restype = c.c_size_t
        self.lib.alt_value_dims.restype = c.POINTER(c.c_int64)
        for name in ("alt_value_data", "alt_value_data_const"):
            getattr(self.lib, name).restype = c.c_void_p

    def check(self, status, error=None):
        if status:
            text = self.lib.alt_error_text(error).decode() if error else ""
            raise RuntimeError(f"status {status}: {text}")


class Session:
    """One model, loaded and planned; `inputs`: arrays in model order."""

    def __init__(self, library, path, threads):
        self.l, self.model, self.handle = library, c.c_void_p(), c.c_void_p()
        error = c.c_void_p()
        lib = library.lib
        library.check(lib.alt_model_load(str(path).encode(), None, c.byref(self.model), c.byref(error)), error)
        options = SessionOptions(c.sizeof(SessionOptions), threads)
        library.check(lib.alt_session_create(self.model, c.byref(options), c.byref(self.handle), c.byref(error)), error)
        self.n_outputs = lib.alt_model_output_count(self.model)

    def feed(self, inputs):
        self.arrays = [np.ascontiguousarray(a) for a in inputs]
        self.values = (c.c_void_p * len(inputs))()
        for i, a in enumerate(self.arrays):
            dims = (c.c_int64 * a.ndim)(*a.shape)
            value = c.c_void_p()
            self.l.check(self.l.lib.alt_value_wrap(DTYPES[a.dtype], c.c_size_t(a.ndim), dims, c.c_void_p(a.ctypes.data),
                                                   c.c_size_t(a.nbytes), c.byref(value)))
            self.values[i] = value

    def run(self):
        outputs, error = (c.c_void_p * self.n_outputs)(), c.c_void_p()
        status = self.l.lib.alt_session_run(self.handle, None, self.values, c.c_size_t(len(self.arrays)), outputs,
                                            c.c_size_t(self.n_outputs), c.byref(error))
        self.l.check(status, error)
        return [c.c_void_p(value) for value in outputs]

    def release(self, outputs):
        for value in outputs:
            self.l.lib.alt_value_release(value)

    def arrays_of(self, outputs):
        lib, arrays = self.l.lib, []
        for value in outputs:
            shape = lib.alt_value_dims(value)[: lib.alt_value_rank(value)]
            dtype = NUMPY[lib.alt_value_dtype(value)]
            count = int(np.prod(shape)) if shape else 1
            data = c.string_at(lib.alt_value_data_const(value), count * dtype.itemsize)
            arrays.append(np.frombuffer(data, dtype).reshape(shape))
        return arrays

    def tune(self, budget):
        """Tunes with the machine to itself; seconds until the last swap."""
        error = c.c_void_p()
        options = TuningOptions(c.sizeof(TuningOptions), NOW, budget, 1.0, b"", None, None, c.addressof(self.values))
        self.l.check(self.l.lib.alt_session_tune(self.handle, c.byref(options), c.byref(error)), error)
        report = TuningReport(c.sizeof(TuningReport))
        while True:
            self.l.check(self.l.lib.alt_session_tuning(self.handle, c.byref(report)))
            if report.phase == DONE:
                return report.plateau_s
            self.release(self.run())  # inputs of a real run are what plans are verified on
            time.sleep(0.05)
