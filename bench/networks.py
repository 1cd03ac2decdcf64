#!/usr/bin/env python3
"""The networks and single operators that alt is compared on, with seeded random weights, as ONNX files.

usage: networks.py [--batch N] FOLDER [NAME]...   (all when none is named)

Networks as their authors published them: ResNet-18 (He et al. 2015), MobileNet-V2 (Sandler et al. 2018), BERT-base and BERT-tiny at sequence
128 (Devlin et al. 2018), ResNet3D-18 on 16 frames of 112x112 (Tran et al. 2018); batch norm is folded, as exporters leave it. Operators: the
nine kinds of the ALT paper (arXiv 2210.12415) at shapes of such networks.
"""
import argparse
import pathlib
import sys

import numpy as np
from onnx import TensorProto

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests"))
from nets import Net, layer_norm  # noqa: E402


def resnet(name, batch, image, classes, stem, stem_stride):
    net = Net(name, 13)
    axes = len(image)
    x = net.input("image", [batch, 3, *image])
    x = net.op("Relu", net.conv(x, 3, 64, stem, strides=stem_stride))
    if axes == 2:
        x = net.op("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    channels = 64
    for out, stride in ((64, 1), (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1)):
        y = net.op("Relu", net.conv(x, channels, out, (3,) * axes, strides=[stride] * axes))
        y = net.conv(y, out, out, (3,) * axes)
        if channels != out:
            x = net.conv(x, channels, out, (1,) * axes, strides=[stride] * axes)
        x, channels = net.op("Relu", net.op("Add", y, x)), out
    x = net.op("Flatten", net.op("GlobalAveragePool", x), axis=1)
    net.output(net.op("Gemm", x, net.weight(classes, 512), net.vector(classes), transB=1), shape=[batch, classes])
    return net


def mobilenet_v2(batch):
    net = Net("mobilenet_v2", 13)
    low, high = net.const(np.float32(0)), net.const(np.float32(6))
    relu6 = lambda value: net.op("Clip", value, low, high)
    x = relu6(net.conv(net.input("image", [batch, 3, 224, 224]), 3, 32, (3, 3), strides=[2, 2]))
    channels = 32
    for expand, out, count, first in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2),
                                      (6, 320, 1, 1)):
        for i in range(count):
            stride, inner, y = first if i == 0 else 1, channels * expand, x
            if expand > 1:
                y = relu6(net.conv(y, channels, inner, (1, 1)))
            y = relu6(net.conv(y, inner, inner, (3, 3), strides=[stride] * 2, group=inner))
            y = net.conv(y, inner, out, (1, 1))
            x = net.op("Add", x, y) if stride == 1 and channels == out else y
            channels = out
    x = net.op("Flatten", net.op("GlobalAveragePool", relu6(net.conv(x, channels, 1280, (1, 1)))), axis=1)
    net.output(net.op("Gemm", x, net.weight(1000, 1280), net.vector(1000), transB=1), shape=[batch, 1000])
    return net


def linear(net, x, width, out):
    return net.op("Add", net.op("MatMul", x, net.weight(width, out, fan=width)), net.vector(out))


def bert(name, batch, layers, width, heads, sequence=128, words=30522):
    net = Net(name, 13)
    scalar = lambda value: net.const(np.float32(value))
    ids, mask, kinds = (net.input(n, [batch, sequence], TensorProto.INT64)
                        for n in ("input_ids", "attention_mask", "token_type_ids"))
    table = lambda rows: net.const((net.random.standard_normal((rows, width)) * 0.02).astype(np.float32))
    x = net.op("Add", net.op("Gather", table(words), ids), net.op("Gather", table(2), kinds))
    x = layer_norm(net, net.op("Add", x, table(sequence)), width, 1e-12)
    hidden = net.op("Cast", net.op("Unsqueeze", mask, net.ints(1, 2)), to=TensorProto.FLOAT)
    hidden = net.op("Mul", net.op("Sub", scalar(1), hidden), scalar(-10000))
    size = width // heads
    split = lambda y, order: net.op("Transpose", net.op("Reshape", y, net.ints(0, 0, heads, size)), perm=order)
    for _ in range(layers):
        q, k, v = (linear(net, x, width, width) for _ in range(3))
        scores = net.op("Div", net.op("MatMul", split(q, [0, 2, 1, 3]), split(k, [0, 2, 3, 1])), scalar(size**0.5))
        weights = net.op("Softmax", net.op("Add", scores, hidden), axis=-1)
        y = net.op("Transpose", net.op("MatMul", weights, split(v, [0, 2, 1, 3])), perm=[0, 2, 1, 3])
        y = linear(net, net.op("Reshape", y, net.ints(0, 0, width)), width, width)
        x = layer_norm(net, net.op("Add", y, x), width, 1e-12)
        y = linear(net, x, width, 4 * width)
        gelu = net.op("Add", net.op("Erf", net.op("Div", y, scalar(2**0.5))), scalar(1))
        y = net.op("Mul", net.op("Mul", y, gelu), scalar(0.5))
        x = layer_norm(net, net.op("Add", linear(net, y, 4 * width, width), x), width, 1e-12)
    net.output(x, shape=[batch, sequence, width])
    first = net.op("Gather", x, net.const(np.int64(0)), axis=1)
    net.output(net.op("Tanh", linear(net, first, width, width)), shape=[batch, width])
    return net


def convolution(name, batch, shape, out, kernel, **attributes):
    net = Net(name, 13)
    axes = len(shape) - 1
    y = net.conv(net.input("x", [batch, *shape]), shape[0], out, (kernel,) * axes, **attributes)
    net.output(y, shape=[batch, out] + [None] * axes)
    return net


def transposed(name, batch, shape, out, kernel):
    net = Net(name, 13)
    axes = len(shape) - 1
    weights = net.weight(shape[0], out, *(kernel,) * axes, fan=shape[0] * kernel**axes)
    y = net.op("ConvTranspose", net.input("x", [batch, *shape]), weights, net.vector(out), kernel_shape=[kernel] * axes,
               strides=[2] * axes, pads=[1] * 2 * axes)
    net.output(y, shape=[batch, out] + [None] * axes)
    return net


def product(name, batch, rows, depth, columns):
    net = Net(name, 13)
    y = net.op("MatMul", net.input("a", [batch, rows, depth]), net.input("b", [batch, depth, columns]))
    net.output(y, shape=[batch, rows, columns])
    return net


NETWORKS = {
    "resnet18": lambda b: resnet("resnet18", b, [224, 224], 1000, (7, 7), [2, 2]),
    "mobilenet_v2": mobilenet_v2,
    "bert_base": lambda b: bert("bert_base", b, 12, 768, 12),
    "bert_tiny": lambda b: bert("bert_tiny", b, 2, 128, 2),
    "resnet3d_18": lambda b: resnet("resnet3d_18", b, [16, 112, 112], 400, (3, 7, 7), [1, 2, 2]),
}
OPERATORS = {
    "c2d": lambda b: convolution("c2d", b, [64, 56, 56], 64, 3),
    "grp": lambda b: convolution("grp", b, [64, 56, 56], 64, 3, group=4),
    "dil": lambda b: convolution("dil", b, [64, 56, 56], 64, 3, dilations=[2, 2]),
    "dep": lambda b: convolution("dep", b, [192, 28, 28], 192, 3, group=192),
    "t2d": lambda b: transposed("t2d", b, [512, 4, 4], 256, 4),
    "c3d": lambda b: convolution("c3d", b, [64, 16, 28, 28], 64, 3),
    "t3d": lambda b: transposed("t3d", b, [128, 4, 8, 8], 64, 4),
    "c1d": lambda b: convolution("c1d", b, [64, 256], 128, 3, strides=[2]),
    "gmm": lambda b: product("gmm", b, 128, 768, 3072),
}


def write(folder, names, batch):
    """Paths of the files, in order."""
    known = {**NETWORKS, **OPERATORS}
    return [known[name](batch).save(folder) for name in names]


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ", 1)[1])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--batch", type=int, default=1)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    for path in write(options.folder, options.names or [*NETWORKS, *OPERATORS], options.batch):
        print(path)


if __name__ == "__main__":
    main()
