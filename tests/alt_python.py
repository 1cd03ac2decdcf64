"""alt from Python for tests: a model and a session over numpy arrays, through libalt's public interface."""
import ctypes

import numpy as np

DTYPES = {1: np.float32, 2: np.uint8, 3: np.int8, 4: np.uint16, 5: np.int16, 6: np.int32, 7: np.int64, 9: np.bool_,
          10: np.float16, 11: np.float64, 12: np.uint32, 13: np.uint64}
NUMBERS = {np.dtype(dtype): number for number, dtype in DTYPES.items()}
POINTERS = ("alt_model_input", "alt_model_output", "alt_value_data", "alt_value_dims")
TEXTS = ("alt_error_text", "alt_status_name")
SIZES = ("alt_model_input_count", "alt_model_output_count", "alt_value_rank", "alt_value_bytes")


class AltError(Exception):
    """A status other than ALT_OK, with alt's text."""


class SessionOptions(ctypes.Structure):
    """The first fields of alt_session_options; its `size` says that the others are left out."""
    _fields_ = [("size", ctypes.c_size_t), ("threads", ctypes.c_int)]


def load_library(path):
    library = ctypes.CDLL(path)
    for names, kind in ((POINTERS, ctypes.c_void_p), (TEXTS, ctypes.c_char_p), (SIZES, ctypes.c_size_t)):
        for name in names:
            getattr(library, name).restype = kind
    return library


class Model:
    """One model with one session. Inputs and outputs are lists of arrays in the model's order."""

    def __init__(self, library, path, threads=2):
        self.library, self.model, self.session = library, ctypes.c_void_p(), ctypes.c_void_p()
        options = SessionOptions(ctypes.sizeof(SessionOptions), threads)
        self._call("alt_model_load", str(path).encode(), None, ctypes.byref(self.model))
        self._call("alt_session_create", self.model, ctypes.byref(options), ctypes.byref(self.session))
        self.inputs = self._names("input")
        self.outputs = self._names("output")

    def _names(self, what):
        ports = range(getattr(self.library, f"alt_model_{what}_count")(self.model))
        at = getattr(self.library, f"alt_model_{what}")
        # The name is the first field of alt_port.
        return [ctypes.cast(at(self.model, ctypes.c_size_t(i)), ctypes.POINTER(ctypes.c_char_p))[0].decode() for i in ports]

    def _call(self, name, *arguments):
        error = ctypes.c_void_p()
        status = getattr(self.library, name)(*arguments, ctypes.byref(error))
        if status:
            text = (self.library.alt_error_text(error) or self.library.alt_status_name(status)).decode(errors="replace")
            self.library.alt_error_free(error)
            raise AltError(text)

    def _wrap(self, array):
        value, dims = ctypes.c_void_p(), (ctypes.c_int64 * max(array.ndim, 1))(*array.shape)
        status = self.library.alt_value_wrap(NUMBERS[array.dtype], ctypes.c_size_t(array.ndim), dims,
                                             array.ctypes.data_as(ctypes.c_void_p), ctypes.c_size_t(array.nbytes),
                                             ctypes.byref(value))
        if status:
            raise AltError(f"an array cannot be wrapped: {self.library.alt_status_name(status).decode()}")
        return value

    def _array(self, value):
        dims = ctypes.cast(self.library.alt_value_dims(value), ctypes.POINTER(ctypes.c_int64))
        shape = [dims[i] for i in range(self.library.alt_value_rank(value))]
        data = ctypes.string_at(self.library.alt_value_data(value), self.library.alt_value_bytes(value))
        return np.frombuffer(data, DTYPES[self.library.alt_value_dtype(value)]).reshape(shape)

    def run(self, inputs):
        """`inputs` by name, those with a default may be missing; the outputs by name."""
        arrays = [np.asarray(inputs[name], order="C") if name in inputs else None for name in self.inputs]
        values = (ctypes.c_void_p * len(arrays))(*[None if array is None else self._wrap(array).value for array in arrays])
        outputs = (ctypes.c_void_p * len(self.outputs))()
        try:
            self._call("alt_session_run", self.session, None, values, ctypes.c_size_t(len(values)), outputs,
                       ctypes.c_size_t(len(outputs)))
            return {name: self._array(ctypes.c_void_p(value)) for name, value in zip(self.outputs, outputs)}
        finally:
            for value in (*values, *outputs):
                self.library.alt_value_release(ctypes.c_void_p(value))

    def close(self):
        self.library.alt_session_free(self.session)
        self.library.alt_model_free(self.model)
