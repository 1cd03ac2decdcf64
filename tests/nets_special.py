"""More networks for agree.py, of operators that few networks need; importing this adds them to those of nets.py."""
import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper

import nets
from nets import Net

ML = "ai.onnx.ml"


class MlNet(Net):
    """A network that may use ai.onnx.ml."""

    def save(self, folder):
        graph = helper.make_graph(self.nodes, self.name, self.inputs, self.outputs, self.constants)
        opsets = [helper.make_opsetid("", self.opset), helper.make_opsetid(ML, 3)]
        model = helper.make_model(graph, opset_imports=opsets, producer_name="nets_special.py")
        model.ir_version = 10
        path = pathlib.Path(folder) / f"{self.name}.onnx"
        onnx.save(model, path)
        return path


def grow(random, trees, depth, features):
    """The nodes_... attributes of complete trees, and the (tree, node) of their leaves."""
    nodes = {key: [] for key in ("treeids", "nodeids", "featureids", "modes", "values", "truenodeids", "falsenodeids",
                                 "missing_value_tracks_true")}
    leaves = []
    modes = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT"]
    for tree in range(trees):
        for i in range(2 ** (depth + 1) - 1):
            leaf = i >= 2 ** depth - 1
            row = (tree, i, 0 if leaf else int(random.integers(features)), "LEAF" if leaf else modes[tree % 4],
                   0.0 if leaf else float(np.float32(random.random())), 0 if leaf else 2 * i + 1, 0 if leaf else 2 * i + 2, 0)
            for key, value in zip(nodes, row):
                nodes[key].append(value)
            if leaf:
                leaves.append((tree, i))
    return {f"nodes_{key}": value for key, value in nodes.items()}, leaves


def forest(name, classes, voted, low, transform="NONE", base=None):
    """A classifier over random trees whose leaves vote for the classes in `voted`."""
    n = MlNet(name, 17)
    n.cases = [{"rows": 1}, {"rows": 100}]
    attributes, leaves = grow(n.random, 9, 3, 6)
    votes = [(tree, node, c) for tree, node in leaves for c in voted]
    if base:
        attributes["base_values"] = base
    label, scores = n.op("TreeEnsembleClassifier", n.input("x", ["rows", 6]), outputs=2, domain=ML,
                         class_treeids=[v[0] for v in votes], class_nodeids=[v[1] for v in votes],
                         class_ids=[v[2] for v in votes], post_transform=transform,
                         class_weights=[float(w) for w in n.random.uniform(low, 1 / 9, len(votes)).astype(np.float32)],
                         classlabels_int64s=[10 * c for c in range(classes)], **attributes)
    if voted != [0, 1]:  # there onnxruntime's label is not the top class
        n.output(label, TensorProto.INT64, ["rows"])
    n.output(scores, shape=["rows", classes])
    return n


def forest_many():
    """Three classes, softmax."""
    return forest("forest_many", 3, [0, 1, 2], 0, "SOFTMAX")


def forest_two():
    """Two classes with votes for both."""
    return forest("forest_two", 2, [0, 1], 0)


def forest_binary():
    """Two classes, votes for one that are all positive."""
    return forest("forest_binary", 2, [0], 0)


def forest_boosted():
    """Two classes, votes for one of both signs, logistic."""
    return forest("forest_boosted", 2, [0], -0.1, "LOGISTIC")


def forest_regression():
    """The average of trees, with base values."""
    n = MlNet("forest_regression", 17)
    n.cases = [{"rows": 1}, {"rows": 200}]
    attributes, leaves = grow(n.random, 10, 4, 5)
    y = n.op("TreeEnsembleRegressor", n.input("x", ["rows", 5]), domain=ML, n_targets=2, aggregate_function="AVERAGE",
             target_treeids=[leaf[0] for leaf in leaves], target_nodeids=[leaf[1] for leaf in leaves],
             target_ids=[i % 2 for i in range(len(leaves))], base_values=[0.5, -1.0],
             target_weights=[float(w) for w in n.random.standard_normal(len(leaves)).astype(np.float32)], **attributes)
    n.output(y, shape=["rows", 2])
    return n


def linear():
    """What scikit-learn's pipelines become: scaling, norms, linear models."""
    n = MlNet("linear", 17)
    n.cases = [{"rows": 1}, {"rows": 33}]

    def floats(count):
        return [float(v) for v in n.random.standard_normal(count).astype(np.float32)]

    missing = n.op("Where", n.op("Less", n.input("x", ["rows", 7]), n.const(np.float32(0.2))), n.const(np.float32("nan")), "x")
    x = n.op("Imputer", missing, domain=ML, imputed_value_floats=floats(7), replaced_value_float=float("nan"))
    x = n.op("Scaler", x, domain=ML, offset=floats(7), scale=floats(7))
    n.output(n.op("FeatureVectorizer", x, missing, domain=ML, inputdimensions=[7, 7]), shape=["rows", 14])
    for norm in ("MAX", "L1", "L2"):
        n.output(n.op("Normalizer", x, domain=ML, norm=norm), shape=["rows", 7])
    n.output(n.op("Binarizer", x, domain=ML, threshold=0.1), shape=["rows", 7])
    n.output(n.op("LinearRegressor", x, domain=ML, coefficients=floats(14), intercepts=floats(2), targets=2),
             shape=["rows", 2])
    for classes, scores, transform in ((3, 3, "SOFTMAX"), (2, 1, "LOGISTIC"), (2, 2, "NONE")):
        label, score = n.op("LinearClassifier", x, outputs=2, domain=ML, coefficients=floats(7 * scores),
                            intercepts=floats(scores), classlabels_ints=list(range(classes)), post_transform=transform)
        n.output(label, TensorProto.INT64, ["rows"])
        n.output(score, shape=["rows", classes])
    return n


def speech():
    """A spectrogram on the mel scale, normalised."""
    n = Net("speech", 17)
    n.cases = [{"batch": 1, "time": 400}, {"batch": 2, "time": 1001}]
    x = n.op("Unsqueeze", n.input("sound", ["batch", "time"]), n.ints(2))
    window = n.op("HannWindow", n.const(np.int64(200)))
    spectrum = n.op("STFT", x, n.const(np.int64(80)), window, n.const(np.int64(200)), onesided=1)
    power = n.op("ReduceSumSquare", spectrum, axes=[3], keepdims=0)
    mel = n.op("MelWeightMatrix", n.const(np.int64(20)), n.const(np.int64(200)), n.const(np.int64(8000)),
               n.const(np.float32(0)), n.const(np.float32(4000)))
    n.output(n.op("Log", n.op("Add", n.op("MatMul", power, mel), n.const(np.float32(1e-3)))), shape=["batch", "frames", 20])
    return n


def attention_op():
    """The operator Attention with rotated queries, grouped heads, a cache and a mask."""
    n = Net("attention_op", 23)
    n.cases = [{"batch": 1, "new": 1, "past": 5}, {"batch": 2, "new": 70, "past": 3}]
    q, k, v = (n.input(name, ["batch", heads, "new", 16]) for name, heads in (("q", 4), ("k", 2), ("v", 2)))
    past = [n.input(name, ["batch", 2, "past", 16]) for name in ("past_key", "past_value")]
    angle = np.outer(np.arange(128), 1 / 10000 ** (np.arange(8) / 8)).astype(np.float32)
    positions = n.op("Expand", n.op("Range", n.const(np.int64(0)), n.op("Gather", n.op("Shape", q), n.const(np.int64(2))),
                                    n.const(np.int64(1))),
                     n.op("Gather", n.op("Shape", q), n.ints(0, 2)))
    q, k = (n.op("RotaryEmbedding", t, n.const(np.cos(angle)), n.const(np.sin(angle)), positions) for t in (q, k))
    y, *present = n.op("Attention", q, k, v, "", *past, outputs=3, is_causal=1, softcap=5.0)
    n.output(y, shape=["batch", 4, "new", 16])
    for cache in present:
        n.output(cache, shape=["batch", 2, "all", 16])
    return n


def regions():
    """What detectors end in: regions pooled from a feature map, boxes that overlap left out."""
    n = Net("regions", 16)
    n.cases = [{"boxes": 3}, {"boxes": 40}]
    x, boxes = n.input("image", [1, 3, 20, 24]), n.input("boxes", ["boxes", 4])
    start = n.op("Slice", boxes, n.ints(0), n.ints(2), n.ints(1))
    size = n.op("Slice", boxes, n.ints(2), n.ints(4), n.ints(1))
    corners = n.op("Concat", start, n.op("Add", start, size), axis=1)
    batch = n.op("Cast", n.op("Mul", n.op("Squeeze", n.op("Slice", boxes, n.ints(0), n.ints(1), n.ints(1)), n.ints(1)),
                              n.const(np.float32(0))), to=TensorProto.INT64)
    pooled = n.op("RoiAlign", x, n.op("Mul", corners, n.const(np.float32(10))), batch, output_height=4, output_width=5,
                  sampling_ratio=2)
    n.output(pooled, shape=["boxes", 3, 4, 5])
    rois = n.op("Concat", n.op("Cast", n.op("Unsqueeze", batch, n.ints(1)), to=TensorProto.FLOAT),
                n.op("Mul", corners, n.const(np.float32(10))), axis=1)
    n.output(n.op("MaxRoiPool", x, rois, pooled_shape=[3, 2], spatial_scale=0.7), shape=["boxes", 3, 3, 2])
    scores = n.op("Unsqueeze", n.op("Transpose", size), n.ints(0))
    n.output(n.op("NonMaxSuppression", n.op("Unsqueeze", corners, n.ints(0)), scores, n.const(np.int64(20)),
                  n.const(np.float32(0.3)), n.const(np.float32(0.2))), TensorProto.INT64, ["kept", 3])
    return n


nets.NETS.update({net.__name__: net for net in (attention_op, forest_binary, forest_boosted, forest_many, forest_regression,
                                                forest_two, linear, regions, speech)})
