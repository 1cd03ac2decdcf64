"""Holds what alt's reader sees in ONNX files against protobuf's own decoder.

usage: wire_check.py WIRE_DUMP [FILE_OR_FOLDER...]

Without a file: the models of the onnx package's own tests. wire_dump prints names, types, shapes, nodes, attributes and
checksums of all contents; this script makes the same lines from what `onnx.load` gives and compares them.
"""
import difflib
import pathlib
import subprocess
import sys
import zlib

import numpy as np
import onnx
from onnx import AttributeProto, TensorProto, numpy_helper

NARROW = {TensorProto.UINT4, TensorProto.INT4, TensorProto.FLOAT4E2M1, TensorProto.UINT2, TensorProto.INT2}


def tensor_bytes(t):
    if t.data_type == TensorProto.STRING:
        return b"".join(s + b"\0" for s in t.string_data)
    if t.data_type in NARROW:
        return t.raw_data or bytes(v & 255 for v in t.int32_data)
    return numpy_helper.to_array(t).tobytes()


def tensor_line(what, name, t):
    dims = ",".join(str(d) for d in t.dims)
    return f"{what} {name} {t.data_type} [{dims}] {zlib.crc32(tensor_bytes(t)):08x}"


def dims_text(tensor_type):
    if not tensor_type.HasField("shape"):
        return "?"
    texts = []
    for d in tensor_type.shape.dim:
        known = d.HasField("dim_value") and d.dim_value >= 0
        texts.append(d.dim_param or (str(d.dim_value) if known else "?"))
    return ",".join(texts)


def port_line(info):
    kind, element, t = 0, 0, info.type
    if t.HasField("optional_type"):
        kind, t = 2, t.optional_type.elem_type
    if t.HasField("sequence_type"):
        element = 1 if kind == 2 else 0
        kind, t = kind or 1, t.sequence_type.elem_type
    return f"port {info.name} {kind} {element} {t.tensor_type.elem_type} [{dims_text(t.tensor_type)}]"


def attr_content(a):
    """Type, count and checksum as alt keeps an attribute, and its tensors."""
    kinds = AttributeProto
    ints = {kinds.INT: [a.i], kinds.INTS: a.ints}.get(a.type)
    floats = {kinds.FLOAT: [a.f], kinds.FLOATS: a.floats}.get(a.type)
    strings = {kinds.STRING: [a.s], kinds.STRINGS: a.strings}.get(a.type)
    tensors = {kinds.TENSOR: [a.t], kinds.TENSORS: a.tensors}.get(a.type)
    if ints is not None:
        return len(ints), zlib.crc32(np.array(ints, np.int64).tobytes()), []
    if floats is not None:
        return len(floats), zlib.crc32(np.array(floats, np.float32).tobytes()), []
    if strings is not None:
        return len(strings), zlib.crc32(b"".join(s + b"\0" for s in strings)), []
    if tensors is not None:
        return len(tensors), 0, list(tensors)
    return 1, 0, []


def attr_lines(a):
    yield f"attr {a.name} {a.type}"
    for g in ([a.g] if a.type == AttributeProto.GRAPH else list(a.graphs)):
        yield from graph_lines(g)
    if a.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS) or a.ref_attr_name:
        return
    if a.type in (AttributeProto.SPARSE_TENSORS, AttributeProto.TYPE_PROTOS):
        yield "content 0 0 00000000"
        return
    count, crc, tensors = attr_content(a)
    if a.type == AttributeProto.SPARSE_TENSOR:
        s = a.sparse_tensor
        dense = np.zeros(list(s.dims), numpy_helper.to_array(s.values).dtype)
        index = numpy_helper.to_array(s.indices)
        dense[np.unravel_index(index, dense.shape) if index.ndim == 1 else tuple(index.T)] = numpy_helper.to_array(s.values)
        tensors, a_type = [numpy_helper.from_array(dense)], AttributeProto.TENSOR
    else:
        a_type = a.type
    for t in tensors:
        yield tensor_line("value", a.name, t)
    yield f"content {a_type} {count} {crc:08x}"


def node_lines(nodes):
    for n in nodes:
        domain = "" if n.domain == "ai.onnx" else n.domain
        names = "|".join("".join(x + "," for x in side) for side in (n.input, n.output))
        yield f"node {domain}|{n.op_type}|{n.overload}|{n.name}|{names}"
        for a in n.attribute:
            yield from attr_lines(a)


def graph_lines(g):
    yield "graph"
    for t in g.initializer:
        yield tensor_line("initializer", t.name, t)
    for info in list(g.input) + list(g.output):
        yield port_line(info)
    yield from node_lines(g.node)


def model_lines(path):
    model = onnx.load(path)
    yield f"file {path}"
    for o in model.opset_import:
        yield f"opset {'' if o.domain == 'ai.onnx' else o.domain} {o.version}"
    yield from graph_lines(model.graph)
    for f in model.functions:
        yield "function"
        yield from node_lines(f.node)
    yield "ok "


def find_files(places):
    if not places:
        places = [pathlib.Path(onnx.__file__).parent]
    files = []
    for place in map(pathlib.Path, places):
        files += sorted(place.rglob("*.onnx")) if place.is_dir() else [place]
    return [str(f) for f in files]


def dump(program, files):
    """Lines of wire_dump, by file."""
    lines, found = {}, None
    for start in range(0, len(files), 100):
        run = subprocess.run([program, *files[start : start + 100]], capture_output=True, check=True)
        for line in run.stdout.decode("utf-8", "replace").splitlines():
            if line.startswith("file "):
                found = lines.setdefault(line[5:], [])
            found.append(line)
    return lines


def main():
    program, files = sys.argv[1], find_files(sys.argv[2:])
    if not files:
        print("no models found: a check of nothing")
        return 1
    seen, bad, refused = dump(program, files), 0, 0
    for path in files:
        got = seen.get(path, [])
        if got and got[-1].startswith("unsupported "):
            refused += 1
            print(path, got[-1])
            continue
        want = list(model_lines(path))
        if got != want:
            bad += 1
            print("\n".join(list(difflib.unified_diff(want, got, "protobuf", "alt", lineterm="", n=1))[:20]))
    print(f"{len(files) - bad - refused} models agree, {bad} differ, {refused} hold types that alt does not read")
    return 1 if bad or refused == len(files) else 0


if __name__ == "__main__":
    sys.exit(main())
