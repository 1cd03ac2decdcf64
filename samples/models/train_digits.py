#!/usr/bin/env python3
"""Trains the sample model digits.onnx and writes the real inputs that go with it.

The data are scikit-learn's bundled handwritten digits (1797 grey images of 8x8, UCI "Optical Recognition of Handwritten
Digits"). The network is a small convolutional classifier, trained here in plain numpy (Adam, cross-entropy), so that
every weight of the file can be accounted for:

    image [batch,1,8,8] in 0..1
      Conv 3x3, 16 -> BatchNormalization -> Relu -> MaxPool 2x2
      Conv 3x3, 32 -> BatchNormalization -> Relu -> MaxPool 2x2
      Flatten -> Gemm 64 -> Relu -> Gemm 10 -> Softmax
    probabilities [batch,10]

Writes beside itself: digits.onnx, digits_inputs.npy and digits_labels.txt (held-out images with their truth), and
digits_data/ (the first of them as ONNX test data, input_0.pb and output_0.pb; the expected answer is this script's own
forward pass in float64, not alt's). Seeded: the same packages on the same machine give the same files.

Needs numpy, onnx and scikit-learn, in any Python environment; the project's own commands need none of them for this,
since the files are committed.   usage: train_digits.py
"""
import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_digits

HERE = pathlib.Path(__file__).resolve().parent
EPOCHS, BATCH, RATE, SHOWN = 40, 64, 2e-3, 16
EPSILON = 1e-5  # of BatchNormalization


# --- layers: forward(x) keeps what backward(dy) needs; `params` and `grads` go together ---

class Conv:
    """3x3, stride 1, one pixel of zero padding."""
    def __init__(self, rng, cin, cout):
        self.params = [rng.normal(0, np.sqrt(2 / (9 * cin)), (cout, cin, 3, 3)), np.zeros(cout)]

    def forward(self, x, training):
        padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
        self.windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))  # n,c,h,w,3,3
        return np.einsum("nchwij,ocij->nohw", self.windows, self.params[0], optimize=True) + self.params[1][:, None, None]

    def backward(self, dy):
        self.grads = [np.einsum("nchwij,nohw->ocij", self.windows, dy, optimize=True), dy.sum((0, 2, 3))]
        padded = np.pad(dy, ((0, 0), (0, 0), (1, 1), (1, 1)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
        return np.einsum("nohwij,ocij->nchw", windows, self.params[0][:, :, ::-1, ::-1], optimize=True)


class BatchNorm:
    def __init__(self, channels):
        self.params = [np.ones(channels), np.zeros(channels)]
        self.mean, self.var = np.zeros(channels), np.ones(channels)

    def forward(self, x, training):
        if training:
            mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3))
            self.mean, self.var = 0.9 * self.mean + 0.1 * mean, 0.9 * self.var + 0.1 * var
        else:
            mean, var = self.mean, self.var
        self.scale = 1 / np.sqrt(var + EPSILON)
        self.normal = (x - mean[:, None, None]) * self.scale[:, None, None]
        return self.normal * self.params[0][:, None, None] + self.params[1][:, None, None]

    def backward(self, dy):
        self.grads = [(dy * self.normal).sum((0, 2, 3)), dy.sum((0, 2, 3))]
        count = dy.size // dy.shape[1]
        inner = dy - (self.grads[1][:, None, None] + self.normal * self.grads[0][:, None, None]) / count
        return inner * (self.params[0] * self.scale)[:, None, None]


class Relu:
    params, grads = [], []

    def forward(self, x, training):
        self.positive = x > 0
        return x * self.positive

    def backward(self, dy):
        return dy * self.positive


class MaxPool:
    """2x2, stride 2."""
    params, grads = [], []

    def forward(self, x, training):
        n, c, h, w = x.shape
        blocks = x.reshape(n, c, h // 2, 2, w // 2, 2)
        y = blocks.max((3, 5))
        hit = blocks == y[:, :, :, None, :, None]
        self.share = hit / hit.sum((3, 5), keepdims=True)  # equal maxima share the gradient
        return y

    def backward(self, dy):
        dx = self.share * dy[:, :, :, None, :, None]
        n, c, h, _, w, _ = dx.shape
        return dx.reshape(n, c, 2 * h, 2 * w)


class Flatten:
    params, grads = [], []

    def forward(self, x, training):
        self.shape = x.shape
        return x.reshape(len(x), -1)

    def backward(self, dy):
        return dy.reshape(self.shape)


class Gemm:
    def __init__(self, rng, inputs, outputs):
        self.params = [rng.normal(0, np.sqrt(2 / inputs), (outputs, inputs)), np.zeros(outputs)]

    def forward(self, x, training):
        self.x = x
        return x @ self.params[0].T + self.params[1]

    def backward(self, dy):
        self.grads = [dy.T @ self.x, dy.sum(0)]
        return dy @ self.params[0]


def build(rng):
    return [Conv(rng, 1, 16), BatchNorm(16), Relu(), MaxPool(), Conv(rng, 16, 32), BatchNorm(32), Relu(), MaxPool(),
            Flatten(), Gemm(rng, 128, 64), Relu(), Gemm(rng, 64, 10)]


def probabilities(layers, x, training=False):
    for layer in layers:
        x = layer.forward(x, training)
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def train(layers, x, labels, rng):
    params = [(layer, i) for layer in layers for i in range(len(layer.params))]
    first, second, step = [0.0] * len(params), [0.0] * len(params), 0
    for epoch in range(EPOCHS):
        rate = RATE * 0.5 * (1 + np.cos(np.pi * epoch / EPOCHS))
        order = rng.permutation(len(x))
        for batch in np.array_split(order, len(x) // BATCH):
            p = probabilities(layers, x[batch], training=True)
            gradient = (p - np.eye(10)[labels[batch]]) / len(batch)  # of mean cross-entropy behind softmax
            for layer in reversed(layers):
                gradient = layer.backward(gradient)
            step += 1
            for k, (layer, i) in enumerate(params):
                g = layer.grads[i]
                first[k] = 0.9 * first[k] + 0.1 * g
                second[k] = 0.999 * second[k] + 0.001 * g * g
                layer.params[i] -= rate * (first[k] / (1 - 0.9**step)) / (np.sqrt(second[k] / (1 - 0.999**step)) + 1e-8)
        if epoch % 10 == 9:
            print(f"epoch {epoch + 1}: {np.mean(probabilities(layers, x).argmax(1) == labels):.4f} of the training part right")


def export(layers):
    nodes, weights, value = [], [], "image"
    for index, layer in enumerate(layers):
        kind, inputs, attributes = type(layer).__name__, list(layer.params), {}
        name = f"{kind.lower()}_{index}"
        if kind == "Conv":
            attributes = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
        elif kind == "BatchNorm":
            kind, attributes = "BatchNormalization", {"epsilon": EPSILON}
            inputs += [layer.mean, layer.var]
        elif kind == "MaxPool":
            attributes = {"kernel_shape": [2, 2], "strides": [2, 2]}
        elif kind == "Gemm":
            attributes = {"transB": 1}
        names = [f"{name}.{i}" for i in range(len(inputs))]
        weights += [numpy_helper.from_array(w.astype(np.float32), n) for w, n in zip(inputs, names)]
        nodes.append(helper.make_node(kind, [value] + names, [name], name, **attributes))
        value = name
    nodes.append(helper.make_node("Softmax", [value], ["probabilities"], "softmax", axis=-1))
    graph = helper.make_graph(
        nodes, "digits", [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 1, 8, 8])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 10])], weights)
    model = helper.make_model(graph, producer_name="train_digits.py", ir_version=8,
                              opset_imports=[helper.make_opsetid("", 17)])
    model.doc_string = "Handwritten digits, 8x8 grey images in 0..1"
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, HERE / "digits.onnx")


def main():
    rng = np.random.default_rng(20221)
    data = load_digits()
    images = (data.images / 16).astype(np.float32)[:, None]
    order = rng.permutation(len(images))
    held_out, rest = order[: len(order) // 5], order[len(order) // 5:]
    layers = build(rng)
    train(layers, images[rest].astype(np.float64), data.target[rest], rng)
    answers = probabilities(layers, images[held_out].astype(np.float64)).argmax(1)
    right = np.mean(answers == data.target[held_out])
    print(f"{right:.4f} of the {len(held_out)} held-out images right")
    if right < 0.97:
        raise SystemExit("that is below 0.97: nothing is written")
    export(layers)
    shown = held_out[:SHOWN]  # the first of a random order, right or wrong
    np.save(HERE / "digits_inputs.npy", images[shown])
    (HERE / "digits_labels.txt").write_text("".join(f"{label}\n" for label in data.target[shown]))
    folder = HERE / "digits_data"
    folder.mkdir(exist_ok=True)
    expected = probabilities(layers, images[shown].astype(np.float64)).astype(np.float32)
    for name, tensor, file in (("image", images[shown], "input_0.pb"), ("probabilities", expected, "output_0.pb")):
        (folder / file).write_bytes(numpy_helper.from_array(tensor, name).SerializeToString())


if __name__ == "__main__":
    main()
