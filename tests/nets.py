#!/usr/bin/env python3
"""Small networks of the kinds people deploy, with seeded random weights, as ONNX files for agree.py.

usage: nets.py FOLDER [NAME]...   (writes NAME.onnx for each network, all when none is named)
"""
import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Net:
    """A graph being written: every method adds a node and returns the name of its (first) output."""

    def __init__(self, name, opset):
        self.name, self.opset = name, opset
        self.nodes, self.constants, self.inputs, self.outputs = [], [], [], []
        self.cases = [{}]  # values of the symbolic dimensions that the network is to be run with
        self.quantum = 0  # of quantised outputs: runtimes may round differently where a sum lies next to a tie
        self.random = np.random.default_rng(len(name) * 1000 + opset)

    def input(self, name, shape, dtype=TensorProto.FLOAT):
        self.inputs.append(helper.make_tensor_value_info(name, dtype, shape))
        return name

    def output(self, value, dtype=TensorProto.FLOAT, shape=None):
        self.outputs.append(helper.make_tensor_value_info(value, dtype, shape))

    def const(self, array):
        name = f"const_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array, order="C"), name))
        return name

    def ints(self, *values):
        return self.const(np.array(values, np.int64))

    def weight(self, *shape, fan=None):
        fan = fan or int(np.prod(shape[1:]))
        return self.const((self.random.standard_normal(shape) * (2 / fan) ** 0.5).astype(np.float32))

    def vector(self, n, low=-0.2, high=0.2):
        return self.const(self.random.uniform(low, high, n).astype(np.float32))

    def op(self, kind, *inputs, outputs=1, **attributes):
        names = [f"{kind.lower()}_{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, name=f"node_{len(self.nodes)}", **attributes))
        return names[0] if outputs == 1 else names

    def conv(self, x, channels, out, kernel, bias=True, **attributes):
        """`kernel`: extents; padded so that stride 1 keeps the extents unless pads are given."""
        group, dilations = attributes.get("group", 1), attributes.get("dilations", [1] * len(kernel))
        attributes.setdefault("pads", [d * (k // 2) for k, d in zip(kernel, dilations)] * 2)
        inputs = [x, self.weight(out, channels // group, *kernel)] + ([self.vector(out)] if bias else [])
        return self.op("Conv", *inputs, kernel_shape=list(kernel), **attributes)

    def norm(self, x, channels):
        return self.op("BatchNormalization", x, self.vector(channels, 0.5, 1.5), self.vector(channels),
                       self.vector(channels), self.vector(channels, 0.5, 1.5))

    def save(self, folder):
        graph = helper.make_graph(self.nodes, self.name, self.inputs, self.outputs, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], producer_name="nets.py")
        model.ir_version = 10
        onnx.checker.check_model(model, full_check=True)
        path = pathlib.Path(folder) / f"{self.name}.onnx"
        onnx.save(model, path)
        return path


def residual():
    """A stem, residual blocks with batch norm (one that halves the image), pooling, a classifier."""
    n = Net("residual", 13)
    n.cases = [{"batch": 1}, {"batch": 3}]
    x = n.input("image", ["batch", 3, 40, 40])
    y = n.op("Relu", n.norm(n.conv(x, 3, 16, (7, 7), bias=False, strides=[2, 2]), 16))
    y = n.op("MaxPool", y, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    channels = 16
    for out, stride in ((16, 1), (32, 2), (32, 1)):
        z = n.op("Relu", n.norm(n.conv(y, channels, out, (3, 3), bias=False, strides=[stride] * 2), out))
        z = n.norm(n.conv(z, out, out, (3, 3), bias=False), out)
        if stride != 1 or channels != out:
            y = n.norm(n.conv(y, channels, out, (1, 1), bias=False, strides=[stride] * 2), out)
        y, channels = n.op("Relu", n.op("Add", z, y)), out
    y = n.op("Flatten", n.op("GlobalAveragePool", y))
    n.output(n.op("Gemm", y, n.weight(10, 32), n.vector(10), transB=1), shape=["batch", 10])
    return n


def inverted_residual():
    """Expansion, depthwise convolution, projection, relu6, squeeze and excitation."""
    n = Net("inverted_residual", 12)
    six = [n.const(np.float32(0)), n.const(np.float32(6))]
    x = n.input("image", [1, 3, 32, 32])
    y = n.op("Clip", n.norm(n.conv(x, 3, 16, (3, 3), bias=False, strides=[2, 2]), 16), *six)
    for out, stride, expand in ((16, 1, 4), (24, 2, 6), (24, 1, 6)):
        channels = 16 if out == 16 or stride == 2 else 24
        wide = channels * expand
        z = n.op("Clip", n.norm(n.conv(y, channels, wide, (1, 1), bias=False), wide), *six)
        z = n.op("Clip", n.norm(n.conv(z, wide, wide, (3, 3), bias=False, group=wide, strides=[stride] * 2), wide), *six)
        s = n.op("Relu", n.conv(n.op("GlobalAveragePool", z), wide, 8, (1, 1)))
        z = n.op("Mul", z, n.op("HardSigmoid", n.conv(s, 8, wide, (1, 1))))
        z = n.norm(n.conv(z, wide, out, (1, 1), bias=False), out)
        y = n.op("Add", y, z) if channels == out and stride == 1 else z
    y = n.op("ReduceMean", n.op("HardSwish", n.conv(y, 24, 40, (1, 1))) if n.opset >= 14 else
             n.op("Relu", n.conv(y, 24, 40, (1, 1))), axes=[2, 3], keepdims=0)
    n.output(n.op("Softmax", n.op("MatMul", y, n.weight(40, 7)), axis=-1), shape=[1, 7])
    return n


def layer_norm(n, x, width, epsilon=1e-5):
    """Written out, as exporters before opset 17 do."""
    centred = n.op("Sub", x, n.op("ReduceMean", x, axes=[-1]))
    variance = n.op("ReduceMean", n.op("Pow", centred, n.const(np.float32(2))), axes=[-1])
    y = n.op("Div", centred, n.op("Sqrt", n.op("Add", variance, n.const(np.float32(epsilon)))))
    return n.op("Add", n.op("Mul", y, n.vector(width, 0.5, 1.5)), n.vector(width))


def attention(n, x, mask, width, heads):
    """Multi-head self-attention with shapes computed from the input, as exporters write them."""
    shape = n.op("Shape", x)
    batch, length = (n.op("Gather", shape, n.const(np.int64(i))) for i in (0, 1))
    parts = [n.op("Unsqueeze", batch, n.ints(0)), n.op("Unsqueeze", length, n.ints(0))]
    split = n.op("Concat", *parts, n.ints(heads, width // heads), axis=0)
    q, k, v = (n.op("Transpose", n.op("Reshape", n.op("Add", n.op("MatMul", x, n.weight(width, width)), n.vector(width)),
                                      split), perm=[0, 2, 1, 3]) for _ in range(3))
    scores = n.op("MatMul", q, n.op("Transpose", k, perm=[0, 1, 3, 2]))
    scores = n.op("Div", scores, n.const(np.float32((width // heads) ** 0.5)))
    weights = n.op("Softmax", n.op("Add", scores, mask), axis=-1)
    y = n.op("Transpose", n.op("MatMul", weights, v), perm=[0, 2, 1, 3])
    y = n.op("Reshape", y, n.op("Concat", *parts, n.ints(width), axis=0))
    return n.op("Add", n.op("MatMul", y, n.weight(width, width)), n.vector(width))


def gelu(n, x):
    half = n.op("Mul", x, n.const(np.float32(0.5)))
    return n.op("Mul", half, n.op("Add", n.op("Erf", n.op("Div", x, n.const(np.float32(2 ** 0.5)))), n.const(np.float32(1))))


def encoder(name="encoder", opset=13):
    """Embeddings and two transformer blocks under an attention mask."""
    n, width, heads = Net(name, opset), 32, 4
    n.cases = [{"batch": 1, "sequence": 1}, {"batch": 2, "sequence": 17}]
    ids = n.input("input_ids", ["batch", "sequence"], TensorProto.INT64)
    mask = n.input("attention_mask", ["batch", "sequence"], TensorProto.INT64)
    words = n.op("Gather", n.weight(50, width, fan=2), ids)
    positions = n.op("Slice", n.weight(64, width, fan=2), n.ints(0), n.op("Slice", n.op("Shape", ids), n.ints(1), n.ints(2)),
                     n.ints(0))
    x = n.op("Add", words, positions)
    wide = n.op("Cast", n.op("Unsqueeze", mask, n.ints(1, 2)), to=TensorProto.FLOAT)
    bias = n.op("Mul", n.op("Sub", n.const(np.float32(1)), wide), n.const(np.float32(-1e4)))
    for _ in range(2):
        if opset >= 17:
            def norm(y):
                return n.op("LayerNormalization", y, n.vector(width, 0.5, 1.5), n.vector(width), axis=-1)
        else:
            def norm(y):
                return layer_norm(n, y, width)
        x = norm(n.op("Add", x, attention(n, x, bias, width, heads)))
        y = n.op("Add", n.op("MatMul", x, n.weight(width, 4 * width)), n.vector(4 * width))
        y = n.op("Gelu", y) if opset >= 20 else gelu(n, y)
        x = norm(n.op("Add", x, n.op("Add", n.op("MatMul", y, n.weight(4 * width, width)), n.vector(width))))
    n.output(x, shape=["batch", "sequence", width])
    first = n.op("Gather", x, n.const(np.int64(0)), axis=1)
    n.output(n.op("Tanh", n.op("Gemm", first, n.weight(width, width), n.vector(width), transB=1)), shape=["batch", width])
    return n


def decoder_step(name="decoder_step", width=24):
    """One step of a decoder with a key-value cache that grows, and a causal mask made by Trilu."""
    n, heads = Net(name, 18), width // 8
    n.cases = [{"batch": 1, "new": 5, "past": 0}, {"batch": 2, "new": 1, "past": 5}, {"batch": 2, "new": 3, "past": 6}]
    x = n.input("hidden", ["batch", "new", width])
    past = [n.input(f"past_{p}", ["batch", heads, "past", width // heads]) for p in ("key", "value")]
    shape = n.op("Shape", x)
    length = n.op("Gather", shape, n.ints(1), axis=0)
    split = n.op("Concat", n.op("Gather", shape, n.ints(0), axis=0), length, n.ints(heads, width // heads), axis=0)
    projected = n.op("MatMul", x, n.weight(width, 3 * width))
    q, k, v = (n.op("Transpose", n.op("Reshape", part, split), perm=[0, 2, 1, 3])
               for part in n.op("Split", projected, outputs=3, axis=-1, num_outputs=3))
    k, v = (n.op("Concat", old, new, axis=2) for old, new in zip(past, (k, v)))
    total = n.op("Gather", n.op("Shape", k), n.ints(2), axis=0)
    square = n.op("ConstantOfShape", n.op("Concat", length, total, axis=0),
                  value=numpy_helper.from_array(np.array([-1e4], np.float32)))
    offset = n.op("Squeeze", n.op("Add", n.op("Sub", total, length), n.ints(1)), n.ints(0))
    mask = n.op("Trilu", square, offset, upper=1)
    scores = n.op("Mul", n.op("MatMul", q, n.op("Transpose", k, perm=[0, 1, 3, 2])), n.const(np.float32(8 ** -0.5)))
    y = n.op("MatMul", n.op("Softmax", n.op("Add", scores, mask), axis=-1), v)
    y = n.op("Reshape", n.op("Transpose", y, perm=[0, 2, 1, 3]), n.ints(0, 0, -1))
    n.output(n.op("Add", x, n.op("MatMul", y, n.weight(width, width))), shape=["batch", "new", width])
    n.output(k, shape=["batch", heads, None, width // heads])
    n.output(v, shape=["batch", heads, None, width // heads])
    return n


def video():
    """3-D convolutions and pooling with a residual block."""
    n = Net("video", 11)
    x = n.input("clip", [1, 3, 8, 20, 20])
    y = n.op("Relu", n.norm(n.conv(x, 3, 12, (3, 5, 5), bias=False, strides=[1, 2, 2]), 12))
    y = n.op("MaxPool", y, kernel_shape=[1, 2, 2], strides=[1, 2, 2])
    z = n.op("Relu", n.norm(n.conv(y, 12, 12, (3, 3, 3), bias=False), 12))
    y = n.op("Relu", n.op("Add", y, n.norm(n.conv(z, 12, 12, (3, 3, 3), bias=False), 12)))
    y = n.op("Relu", n.conv(y, 12, 20, (3, 3, 3), strides=[2, 2, 2]))
    y = n.op("AveragePool", y, kernel_shape=[2, 2, 2], strides=[1, 1, 1])
    y = n.op("Flatten", n.op("GlobalAveragePool", y))
    n.output(n.op("Gemm", y, n.weight(6, 20), transB=1), shape=[1, 6])
    return n


def waves():
    """1-D convolutions: dilated, grouped, strided, causal padding, gated."""
    n = Net("waves", 13)
    n.cases = [{"batch": 1, "samples": 1}, {"batch": 2, "samples": 333}]
    x = n.input("signal", ["batch", 1, "samples"])
    y = n.op("Relu", n.conv(x, 1, 16, (9,), strides=[2]))
    for dilation in (1, 2, 4):
        padded = n.op("Pad", y, n.ints(0, 0, 2 * dilation, 0, 0, 0))
        a = n.op("Tanh", n.conv(padded, 16, 16, (3,), dilations=[dilation], pads=[0, 0]))
        b = n.op("Sigmoid", n.conv(padded, 16, 16, (3,), dilations=[dilation], pads=[0, 0], group=4))
        y = n.op("Add", y, n.conv(n.op("Mul", a, b), 16, 16, (1,)))
    y = n.op("LeakyRelu", y, alpha=0.1)
    n.output(n.conv(y, 16, 5, (1,)), shape=["batch", 5, None])
    return n


def autoencoder():
    """Strided convolutions down, transposed ones up (grouped, with output padding), skip connections by Concat."""
    n = Net("autoencoder", 11)
    n.cases = [{"batch": 1, "height": 8, "width": 18}, {"batch": 2, "height": 30, "width": 16}]
    x = n.input("image", ["batch", 3, "height", "width"])
    a = n.op("Relu", n.conv(x, 3, 8, (3, 3)))
    b = n.op("Relu", n.conv(a, 8, 16, (3, 3), strides=[2, 2]))
    c = n.op("Elu", n.conv(b, 16, 16, (3, 3), dilations=[2, 2]))
    up = n.op("ConvTranspose", c, n.weight(16, 8, 2, 2), n.vector(8), strides=[2, 2])
    y = n.op("Relu", n.conv(n.op("Concat", a, up, axis=1), 16, 8, (3, 3)))
    y = n.op("ConvTranspose", y, n.weight(8, 4, 3, 3), strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1], group=2)
    n.output(n.op("Sigmoid", n.conv(y, 8, 1, (1, 1))), shape=["batch", 1, None, None])
    return n


def pixels():
    """Dynamic height and width, shape arithmetic, Resize, pixel shuffle, reductions over the image."""
    n = Net("pixels", 13)
    n.cases = [{"batch": 1, "height": 5, "width": 7}, {"batch": 2, "height": 16, "width": 11}]
    x = n.input("image", ["batch", 4, "height", "width"])
    mean = n.op("ReduceMean", x, axes=[2, 3])
    y = n.op("PRelu", n.conv(n.op("Sub", x, mean), 4, 16, (3, 3)), n.const(np.full((16, 1, 1), 0.25, np.float32)))
    y = n.op("DepthToSpace", y, blocksize=2, mode="CRD")
    shape = n.op("Shape", y)
    spatial = n.op("Slice", shape, n.ints(2), n.ints(4))
    flat = n.op("Reshape", y, n.op("Concat", n.op("Slice", shape, n.ints(0), n.ints(2)), n.ints(-1), axis=0))
    peak = n.op("ReduceMax", flat, axes=[2], keepdims=1)
    flat = n.op("Div", flat, n.op("Add", n.op("Abs", peak), n.const(np.float32(1))))
    y = n.op("Reshape", flat, n.op("Concat", n.op("Slice", shape, n.ints(0), n.ints(2)), spatial, axis=0))
    y = n.op("Resize", y, "", n.const(np.array([1, 1, 0.5, 2], np.float32)), mode="linear",
             coordinate_transformation_mode="half_pixel")
    n.output(y, shape=["batch", 4, None, None])
    n.output(n.op("ArgMax", y, axis=1, keepdims=0), TensorProto.INT64, ["batch", None, None])
    return n


def detector():
    """What detection heads do behind the convolutions: flatten several scales, sort, filter, gather."""
    n = Net("detector", 13)
    x = n.input("image", [1, 3, 24, 24])
    y = n.op("Relu", n.conv(x, 3, 8, (3, 3), strides=[2, 2]))
    z = n.op("Relu", n.conv(y, 8, 8, (3, 3), strides=[2, 2]))
    heads = [n.op("Transpose", n.conv(v, 8, 5, (1, 1)), perm=[0, 2, 3, 1]) for v in (y, z)]
    scales = [n.op("Reshape", head, n.ints(1, -1, 5)) for head in heads]
    rows = n.op("Squeeze", n.op("Concat", *scales, axis=1), n.ints(0))
    score = n.op("Sigmoid", n.op("Squeeze", n.op("Slice", rows, n.ints(4), n.ints(5), n.ints(1)), n.ints(1)))
    best, where = n.op("TopK", score, n.ints(20), outputs=2)
    boxes = n.op("Gather", n.op("Slice", rows, n.ints(0), n.ints(4), n.ints(1)), where)
    keep = n.op("NonZero", n.op("Greater", best, n.op("ReduceMean", best)))
    chosen = n.op("GatherND", boxes, n.op("Transpose", keep))
    n.output(best, shape=[20])
    n.output(chosen, shape=[None, 4])
    return n


def branches():
    """If and Loop: the branch depends on the input, the loop's count too."""
    n = Net("branches", 16)
    n.cases = [{"n": 1}, {"n": 6}]
    x = n.input("x", ["n", 6])
    total = n.op("ReduceMean", x, keepdims=0)

    def branch(name, kind, constant):
        value = numpy_helper.from_array(np.float32(constant), f"{name}_c")
        return helper.make_graph([helper.make_node(kind, ["x", f"{name}_c"], [f"{name}_y"])], name, [],
                                 [helper.make_tensor_value_info(f"{name}_y", TensorProto.FLOAT, None)], [value])

    y = n.op("If", n.op("Greater", total, n.const(np.float32(0.5))), then_branch=branch("then", "Mul", 3),
             else_branch=branch("else", "Sub", 1))
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["again"]), helper.make_node("Mul", ["state", "factor"], ["scaled"]),
         helper.make_node("Add", ["scaled", "x"], ["next"]), helper.make_node("ReduceMean", ["next"], ["mean"], keepdims=0)],
        "body", [helper.make_tensor_value_info("i", TensorProto.INT64, []),
                 helper.make_tensor_value_info("go", TensorProto.BOOL, []),
                 helper.make_tensor_value_info("state", TensorProto.FLOAT, None)],
        [helper.make_tensor_value_info("again", TensorProto.BOOL, []),
         helper.make_tensor_value_info("next", TensorProto.FLOAT, None),
         helper.make_tensor_value_info("mean", TensorProto.FLOAT, [])],
        [numpy_helper.from_array(np.float32(0.5), "factor")])
    count = n.op("Gather", n.op("Shape", x), n.const(np.int64(0)))
    state, means = n.op("Loop", count, "", y, outputs=2, body=body)
    n.output(state, shape=["n", 6])
    n.output(means, shape=["n"])
    return n


def recurrent():
    """Bidirectional LSTM over a GRU."""
    n = Net("recurrent", 14)
    n.cases = [{"time": 1, "batch": 1}, {"time": 7, "batch": 3}]
    x = n.input("x", ["time", "batch", 10])
    gru = n.op("GRU", x, n.weight(1, 3 * 8, 10), n.weight(1, 3 * 8, 8), n.vector((1, 6 * 8)), hidden_size=8,
               linear_before_reset=1, outputs=2)
    y = n.op("Squeeze", gru[0], n.ints(1))
    lstm = n.op("LSTM", y, n.weight(2, 4 * 6, 8), n.weight(2, 4 * 6, 6), hidden_size=6, direction="bidirectional", outputs=3)
    n.output(n.op("Reshape", n.op("Transpose", lstm[0], perm=[0, 2, 1, 3]), n.ints(0, 0, -1)), shape=["time", "batch", 12])
    n.output(lstm[2], shape=[2, "batch", 6])
    return n


def quantised():
    """Quantise and dequantise around convolutions (plain, depthwise, 1x1) and a product, as quantisation-aware exporters write
    them: biases of int32, scales of the weights by channel."""
    n = Net("quantised", 13)
    n.cases = [{"batch": 1}, {"batch": 3}]

    def requantise(value, scale, zero, dtype):
        q = n.op("QuantizeLinear", value, n.const(np.float32(scale)), n.const(np.array(zero, dtype)))
        return n.op("DequantizeLinear", q, n.const(np.float32(scale)), n.const(np.array(zero, dtype)))

    def weights(*shape, axis=0):
        scale = n.random.uniform(0.001, 0.01, shape[axis]).astype(np.float32)
        q = n.const(n.random.integers(-127, 128, shape).astype(np.int8))
        zero = n.const(np.zeros(shape[axis], np.int8))
        return n.op("DequantizeLinear", q, n.const(scale), zero, axis=axis), scale

    def conv(x, x_scale, out, channels, k, relu=True, **attributes):
        w, scale = weights(out, channels, k, k)
        bias = n.const(n.random.integers(-3000, 3000, out).astype(np.int32))
        zero = n.const(np.zeros(out, np.int32))
        bias = n.op("DequantizeLinear", bias, n.const(np.float32(x_scale) * scale), zero, axis=0)
        y = n.op("Conv", x, w, bias, kernel_shape=[k, k], **attributes)
        return n.op("Relu", y) if relu else y

    y = requantise(n.input("image", ["batch", 3, 16, 16]), 1 / 255, 0, np.uint8)
    y = requantise(conv(y, 1 / 255, 8, 3, 3, pads=[1, 1, 1, 1]), 0.02, 0, np.uint8)
    y = requantise(conv(y, 0.02, 8, 1, 3, group=8, strides=[2, 2]), 0.03, 0, np.uint8)
    y = requantise(n.op("MaxPool", y, kernel_shape=[2, 2]), 0.03, 0, np.uint8)
    y = requantise(conv(y, 0.03, 5, 8, 1, relu=False), 0.05, 131, np.uint8)
    y = requantise(n.op("Flatten", y), 0.05, 131, np.uint8)
    n.quantum = 0.2
    n.output(requantise(n.op("MatMul", y, weights(180, 11, axis=1)[0]), n.quantum, 120, np.uint8), shape=["batch", 11])
    return n


def written_out():
    """Activations and a normalisation as exporters write them that have no operator for them."""
    n = Net("written_out", 13)
    n.cases = [{"n": 1}, {"n": 7}]
    x = n.input("x", ["n", 19])

    def number(value):
        return n.const(np.float32(value))

    spread = n.op("Mul", n.op("Sub", x, number(0.5)), number(12))  # inputs are in [0, 1)
    square = n.op("Pow", spread, number(2))
    root = n.op("Sqrt", n.op("Add", n.op("ReduceMean", square, axes=[-1]), number(1e-5)))
    n.output(n.op("Mul", n.vector(19, 0.5, 1.5), n.op("Div", spread, root)), shape=["n", 19])
    n.output(n.op("Mul", spread, n.op("Sigmoid", spread)), shape=["n", 19])
    n.output(n.op("Mul", n.op("Sigmoid", n.op("Mul", spread, number(1.702))), spread), shape=["n", 19])
    n.output(n.op("Mul", spread, n.op("HardSigmoid", spread, alpha=1 / 6, beta=0.5)), shape=["n", 19])
    ramp = n.op("Clip", n.op("Add", spread, number(3)), number(0), number(6))
    n.output(n.op("Div", n.op("Mul", spread, ramp), number(6)), shape=["n", 19])
    cubic = n.op("Add", spread, n.op("Mul", number(0.044715), n.op("Pow", spread, number(3))))
    gate = n.op("Add", n.op("Tanh", n.op("Mul", cubic, number((2 / np.pi) ** 0.5))), number(1))
    n.output(n.op("Mul", n.op("Mul", spread, number(0.5)), gate), shape=["n", 19])
    n.output(gelu(n, spread), shape=["n", 19])
    return n


NETS = {net.__name__: net for net in (residual, inverted_residual, encoder, decoder_step, video, waves, autoencoder, pixels,
                                      detector, branches, recurrent, quantised, written_out)}
NETS["encoder_20"] = lambda: encoder("encoder_20", 20)
NETS["decoder_wide"] = lambda: decoder_step("decoder_wide", 768)  # as wide as decoders are, for bind_bench


def write(folder, names=()):
    """Writes networks (all when none is named); a list of (path, network)."""
    made = [NETS[name]() for name in names or NETS]
    return [(net.save(folder), net) for net in made]


if __name__ == "__main__":
    if len(sys.argv) < 2 or any(name not in NETS for name in sys.argv[2:]):
        sys.exit(f"{__doc__}networks: {' '.join(NETS)}")
    write(sys.argv[1], sys.argv[2:])
