"""Networks of subgraphs, sequences and optionals for agree.py, written as ONNX text; importing this adds them to those of nets.py."""
import pathlib

import onnx
from onnx import parser

import nets

TEXTS = {
    # Axes and directions of every kind; state whose update is also a result.
    "scans": ([{"B": 1, "T": 1}, {"B": 3, "T": 5}], """
<ir_version: 8, opset_import: ["": 16]>
scans (float[2] start, float[B,T,2] x, float[T,3] z) => (float[2] last, float[B,T,2] all, float[3,T] waves) <int64[1] rows = {0}> {
  last, all, waves = Scan <num_scan_inputs=2, scan_input_axes=[1,0], scan_input_directions=[1,0], scan_output_axes=[1,-1],
                           scan_output_directions=[0,1],
    body = step (float[2] state, float[B,2] xs, float[3] zs) => (float[2] next, float[B,2] y, float[3] w) {
      sum = ReduceSum <keepdims=0> (xs, rows)
      next = Add (state, sum)
      y = Mul (xs, next)
      w = Sin (zs)
    }> (start, x, z)
}"""),
    "scan_batch": ([{"B": 1, "T": 1}, {"B": 3, "T": 4}], """
<ir_version: 4, opset_import: ["": 8]>
scan_batch (float[B,2] start, float[B,T,2] x) => (float[B,2] last, float[B,T,2] all) {
  last, all = Scan <num_scan_inputs=1, directions=[1],
    body = step (float[2] state, float[2] xs) => (float[2] next, float[2] y) {
      next = Add (state, xs)
      y = Mul (xs, next)
    }> (, start, x)
}"""),
    # A branch in a loop in a loop, captures from every level, an inner loop that its condition ends.
    "nested_loops": ([{"N": 1}, {"N": 7}], """
<ir_version: 8, opset_import: ["": 17]>
nested_loops (float[N] x) => (float[N] y, float[4,N] rows) <int64 n = {4}, int64 m = {6}, int64[1] first = {0}> {
  y, rows = Loop (n, , x) <body = outer (int64 i, bool go, float[N] s) => (bool go_on, float[N] next, float[N] row) {
    limit = Constant <value_float=3.0> ()
    inner, history = Loop (m, , s) <body = inner (int64 j, bool go2, float[N] s2) => (bool go_on2, float[N] next2, float[N] kept) {
      sum = Add (s2, x)
      step = Add (i, j)
      factor = Cast <to=1> (step)
      scaled = Mul (sum, factor)
      most = ReduceMax <keepdims=0> (scaled)
      large = Greater (most, limit)
      next2 = If (large) <
        then_branch = shrink () => (float[N] a) { quotient = Div (scaled, most)
          a = Add (quotient, s) },
        else_branch = keep () => (float[N] b) { b = Identity (scaled) }>
      kept = Identity (next2)
      last = Constant <value_int=3> ()
      go_on2 = Less (j, last)
    }>
    next = Sin (inner)
    row = ReduceSum <keepdims=0> (history, first)
    go_on = Identity (go)
  }>
}"""),
    # State that only changes places: nothing is computed and nothing may be overwritten too early.
    "exchange": ([{"N": 3}], """
<ir_version: 8, opset_import: ["": 17]>
exchange (float[N] a, float[N] b) => (float[N] x, float[N] y, float[5,N] all) <int64 n = {5}> {
  x, y, all = Loop (n, , a, b) <body = turn (int64 i, bool go, float[N] p, float[N] q) => (bool go, float[N] q, float[N] p, float[N] p) {
    unread = Identity (p)
  }>
}"""),
    # A cache that grows by a slice whose length the counter decides.
    "cache": ([{"N": 12}, {"N": 100}], """
<ir_version: 8, opset_import: ["": 17]>
cache (float[N] x) => (float[M] s) <int64 n = {11}, int64[1] first = {0}, float[0] none = {}> {
  s = Loop (n, , none) <body = grow (int64 i, bool go, float[K] old) => (bool go, float[L] new) {
    end = Unsqueeze (i, first)
    part = Slice (x, first, end)
    new = Concat <axis=0> (old, part)
  }>
}"""),
    "sequences": ([{"N": 3}, {"N": 6}], """
<ir_version: 8, opset_import: ["": 17]>
sequences (float[N,3] x) => (float[P,3] y, int64 k, float[3] e)
<int64 one = {1}, int64 before_last = {-2}, int64 zero = {0}, int64[1] rows = {0}> {
  parts = SplitToSequence <axis=0> (x, one)
  picked = SequenceAt (parts, before_last)
  more = SequenceInsert (parts, picked, zero)
  fewer = SequenceErase (more, one)
  k = SequenceLength (fewer)
  squares = Loop (k, , fewer) <body = square (int64 i, bool go, seq(float) s) => (bool go, seq(float) longer) {
    element = SequenceAt (s, i)
    product = Mul (element, element)
    longer = SequenceInsert (s, product)
  }>
  y = ConcatFromSequence <axis=0> (squares)
  last = SequenceAt (squares, before_last)
  e = ReduceSum <keepdims=0> (last, rows)
}"""),
}


class Text:
    """A network that is written as ONNX text."""

    def __init__(self, name):
        self.name = name
        self.cases, self.text = TEXTS[name]
        self.quantum = 0

    def save(self, folder):
        path = pathlib.Path(folder) / f"{self.name}.onnx"
        onnx.save(parser.parse_model(self.text), path)
        return path


nets.NETS.update({name: (lambda name=name: Text(name)) for name in TEXTS})
