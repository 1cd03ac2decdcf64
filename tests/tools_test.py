#!/usr/bin/env python3
"""alt_run as a user calls it: what it prints, what it writes, how it ends.

Expected numbers come from NumPy and from ONNX Runtime, never from alt. Programs come from the build folder given as the
first argument.   usage: tools_test.py BUILD
"""
import hashlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

import closing

BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
MODELS = pathlib.Path(__file__).resolve().parent.parent / "samples" / "models"
DIGITS = MODELS / "digits.onnx"
WORKER = BUILD / "alt_worker"
QUICK = ("--runs", "2", "--quiet", "--tune", "off")
DONE, MISMATCH, USAGE, MODEL, RUN = 0, 1, 2, 3, 4


# No test reads or leaves anything in the cache of the user.
CACHE = tempfile.TemporaryDirectory()
os.environ["XDG_CACHE_HOME"] = CACHE.name


def alt_run(*arguments, timeout=120, **environment):
    return subprocess.run([BUILD / "alt_run", *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=timeout, env={**os.environ, **environment})


def model_file(folder, nodes, inputs, outputs, weights=(), opset=17, name="m.onnx"):
    """A model; inputs and outputs as (name, type, shape)."""
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info(*i) for i in inputs],
                              [helper.make_tensor_value_info(*o) for o in outputs],
                              [numpy_helper.from_array(w, n) for n, w in weights])
    path = pathlib.Path(folder) / name
    onnx.save(helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", opset)]), path)
    return path


class Case(unittest.TestCase):
    def setUp(self):
        held = tempfile.TemporaryDirectory()
        self.addCleanup(held.cleanup)
        self.folder = pathlib.Path(held.name)

    def ends(self, run, status):
        self.assertEqual(run.returncode, status, f"stdout: {run.stdout}\nstderr: {run.stderr}")
        return run

    def says(self, run, status, *words):
        """Ended so, with these words on stderr."""
        self.ends(run, status)
        for word in words:
            self.assertIn(word, run.stderr)
        return run

    def save(self, name, array):
        np.save(self.folder / name, array)
        return self.folder / name

    def outputs(self, model, *arguments):
        """The outputs of a run by file name."""
        into = self.folder / "out"
        self.ends(alt_run(model, *QUICK, "--save-outputs", into, *arguments), DONE)
        return {p.stem: np.load(p, allow_pickle=False) for p in into.glob("*.npy")}

    def adder(self):
        """c = a + b, both [n,3]."""
        return model_file(self.folder, [helper.make_node("Add", ["a", "b"], ["c"], "plus")],
                          [("a", TensorProto.FLOAT, ["n", 3]), ("b", TensorProto.FLOAT, ["n", 3])],
                          [("c", TensorProto.FLOAT, ["n", 3])])


class Running(Case):
    def test_default_run(self):
        run = self.ends(alt_run(DIGITS, "--runs", "5"), DONE)
        self.assertIn("5 runs", run.stdout)
        self.assertIn("p50", run.stdout)
        self.assertIn("probabilities: float32[1,10]", run.stdout)

    def test_quiet_says_nothing_on_stderr(self):
        self.assertEqual(self.ends(alt_run(DIGITS, "--runs", "2", "--quiet"), DONE).stderr, "")

    def test_seconds(self):
        start = time.monotonic()
        self.ends(alt_run(DIGITS, "--seconds", "0.3"), DONE)
        self.assertGreaterEqual(time.monotonic() - start, 0.3)

    def test_zero_seconds_is_one_run(self):
        run = self.ends(alt_run(DIGITS, "--seconds", "0", "--json"), DONE)
        self.assertEqual(json.loads(run.stdout)["default"]["runs"], 1)

    def test_both_bounds_hold(self):
        run = self.ends(alt_run(DIGITS, "--seconds", "60", "--runs", "4", "--json"), DONE)
        self.assertEqual(json.loads(run.stdout)["default"]["runs"], 4)

    def test_json(self):
        run = self.ends(alt_run(DIGITS, *QUICK, "--json", "--threads", "2", "--dim", "batch=3"), DONE)
        self.assertEqual(run.stdout.count("\n"), 1)
        answer = json.loads(run.stdout)
        for key in """alt model isa threads counters counters_why load_ms first_run_ms default current speedup warm swaps
                      rollbacks trials trials_failed tuning_s plateau_s worker_restarts peak_rss_mb outputs""".split():
            self.assertIn(key, answer)
        self.assertEqual(answer["threads"], 2)
        self.assertEqual(answer["counters"], "none")
        self.assertTrue(answer["counters_why"])
        self.assertEqual(answer["outputs"], [{"name": "probabilities", "dtype": "float32", "shape": [3, 10]}])
        self.assertEqual(answer["default"]["runs"], 2)
        self.assertGreater(answer["first_run_ms"], 0)
        self.assertLessEqual(answer["default"]["p50_ms"], answer["default"]["p99_ms"])
        self.assertGreater(answer["peak_rss_mb"], 1)

    def test_threads_are_the_cores_of_the_affinity_mask(self):
        before = os.sched_getaffinity(0)
        self.addCleanup(os.sched_setaffinity, 0, before)
        os.sched_setaffinity(0, {min(before)})  # what is started has it too
        self.assertEqual(json.loads(self.ends(alt_run(DIGITS, *QUICK, "--json"), DONE).stdout)["threads"], 1)
        self.ends(alt_run(DIGITS, *QUICK, "--threads", "4"), DONE)

    def test_ctrl_c_ends_with_the_summary(self):
        process = subprocess.Popen([BUILD / "alt_run", DIGITS, "--seconds", "100", "--json"], stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, text=True)
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        stdout, _ = process.communicate(timeout=30)
        self.assertEqual(process.returncode, DONE)
        self.assertGreater(json.loads(stdout)["default"]["runs"], 0)

    def test_full_disk_is_noticed(self):
        with open("/dev/full", "w") as full:
            run = subprocess.run([BUILD / "alt_run", DIGITS, *QUICK, "--json"], stdout=full, stderr=subprocess.PIPE)
        self.assertEqual(run.returncode, RUN)

    def test_the_model_file_is_not_changed(self):
        before = hashlib.sha256(DIGITS.read_bytes()).digest(), DIGITS.stat().st_mtime_ns
        self.ends(alt_run(DIGITS, *QUICK), DONE)
        self.assertEqual(before, (hashlib.sha256(DIGITS.read_bytes()).digest(), DIGITS.stat().st_mtime_ns))


class Profiling(Case):
    def trace(self, *arguments):
        file = self.folder / "trace.json"
        self.ends(alt_run(*arguments, "--quiet", "--tune", "off", "--profile", file), DONE)
        events = [e for e in json.loads(file.read_text())["traceEvents"] if e["ph"] == "X"]
        return [e for e in events if e["cat"] == "run"], [e for e in events if e["cat"] != "run"]

    def test_the_last_runs_step_by_step(self):
        runs, steps = self.trace(DIGITS, "--runs", "15", "--threads", "1")
        self.assertEqual([e["args"]["run"] for e in runs], list(range(6, 16)))
        self.assertEqual(sorted({e["name"] for e in steps} & {"conv_0+relu_2", "softmax"}), ["conv_0+relu_2", "softmax"])
        for run in runs:
            inside = [e for e in steps if run["ts"] <= e["ts"] and e["ts"] + e["dur"] <= run["ts"] + run["dur"] + 1e-4]
            self.assertEqual(len(inside), run["args"]["steps"])
            self.assertEqual(len({e["args"]["step"] for e in inside}), len(inside))
        # gemm_11: 64 to 10; maxpool_3: 16 channels of 8x8 to 4x4.
        self.assertEqual({e["args"]["flops"] for e in steps if e["name"] == "gemm_11"}, {2 * 64 * 10})
        self.assertEqual({e["args"]["bytes"] for e in steps if e["name"] == "maxpool_3"}, {4 * 16 * (64 + 16)})

    def test_a_loop_holds_the_steps_of_its_body(self):
        body = helper.make_graph(
            [helper.make_node("Identity", ["c"], ["c2"]), helper.make_node("Add", ["v", "v"], ["w"], "twice")], "body",
            [helper.make_tensor_value_info(*i) for i in (("i", TensorProto.INT64, []), ("c", TensorProto.BOOL, []),
                                                         ("v", TensorProto.FLOAT, ["n"]))],
            [helper.make_tensor_value_info("c2", TensorProto.BOOL, []), helper.make_tensor_value_info("w", TensorProto.FLOAT, ["n"])])
        model = model_file(self.folder, [helper.make_node("Loop", ["trips", "", "x"], ["y"], "again", body=body)],
                           [("trips", TensorProto.INT64, []), ("x", TensorProto.FLOAT, ["n"])], [("y", TensorProto.FLOAT, ["n"])])
        runs, steps = self.trace(model, "--runs", "1", "--input", "trips=value:4", "--dim", "n=3")
        loop = next(e for e in steps if e["name"] == "again")
        inner = [e for e in steps if e["name"] == "twice"]
        self.assertEqual((len(runs), len(inner)), (1, 4))
        for e in inner:
            self.assertEqual(e["cat"], "step of a subgraph")
            self.assertLessEqual(loop["ts"], e["ts"])
            self.assertLessEqual(e["ts"] + e["dur"], loop["ts"] + loop["dur"] + 1e-4)

    def test_a_file_that_cannot_be_written_is_named(self):
        self.says(alt_run(DIGITS, *QUICK, "--profile", self.folder / "no" / "t.json"), USAGE, "t.json", "No such file")
        self.says(alt_run(DIGITS, *QUICK, "--profile", "/dev/full"), RUN, "/dev/full", "No space left")

    def test_the_model_comes_first(self):
        file = self.folder / "kept.json"
        file.write_text("kept")
        self.says(alt_run(self.folder / "none.onnx", "--profile", file), MODEL, "none.onnx")
        self.assertEqual(file.read_text(), "kept")


class Inputs(Case):
    def test_npy_and_saved_outputs(self):
        images = np.load(MODELS / "digits_inputs.npy")
        expected = onnxruntime.InferenceSession(DIGITS).run(None, {"image": images})[0]
        saved = self.outputs(DIGITS, "--input", f"image={MODELS / 'digits_inputs.npy'}")
        np.testing.assert_allclose(saved["probabilities"], expected, rtol=1e-4, atol=1e-6)

    def test_pb(self):
        expected = numpy_helper.to_array(onnx.load_tensor(MODELS / "digits_data" / "output_0.pb"))
        saved = self.outputs(DIGITS, "--input", f"image={MODELS / 'digits_data' / 'input_0.pb'}")
        np.testing.assert_allclose(saved["probabilities"], expected, rtol=1e-4, atol=1e-6)

    def test_values_and_dims(self):
        saved = self.outputs(self.adder(), "--input", "a=value:1.5", "--input", "b=value:-4", "--dim", "n=2")
        np.testing.assert_array_equal(saved["c"], np.full((2, 3), -2.5, np.float32))

    def test_symbols_are_one_by_default(self):
        self.assertEqual(self.outputs(self.adder())["c"].shape, (1, 3))

    def test_shape_wins_over_dim(self):
        saved = self.outputs(self.adder(), "--shape", "a=5x3", "--shape", "b=5x3", "--dim", "n=2")
        self.assertEqual(saved["c"].shape, (5, 3))

    def test_a_file_settles_the_symbols_of_the_other_inputs(self):
        a = np.arange(12, dtype=np.float32).reshape(4, 3)
        saved = self.outputs(self.adder(), "--input", f"a={self.save('a.npy', a)}", "--input", "b=value:1")
        np.testing.assert_array_equal(saved["c"], a + 1)

    def test_random_is_repeated_by_its_seed(self):
        identity = model_file(self.folder, [helper.make_node("Identity", ["x"], ["y"])],
                              [("x", TensorProto.FLOAT, [100])], [("y", TensorProto.FLOAT, [100])])
        zero, again = self.outputs(identity)["y"], self.outputs(identity, "--input", "x=random:0")["y"]
        other = self.outputs(identity, "--input", "x=random:1")["y"]
        np.testing.assert_array_equal(zero, again)
        self.assertTrue(((zero >= 0) & (zero < 1)).all())
        self.assertFalse((zero == other).any())

    def test_random_integers_are_0_or_1(self):
        identity = model_file(self.folder, [helper.make_node("Identity", ["x"], ["y"])],
                              [("x", TensorProto.INT64, [100])], [("y", TensorProto.INT64, [100])])
        self.assertEqual(set(self.outputs(identity)["y"].tolist()), {0, 1})

    def test_default_values_of_the_model_are_used(self):
        nodes = [helper.make_node("Add", ["a", "b"], ["c"])]
        ports = [("a", TensorProto.FLOAT, [2]), ("b", TensorProto.FLOAT, [2])]
        model = model_file(self.folder, nodes, ports, [("c", TensorProto.FLOAT, [2])],
                           [("b", np.array([10, 20], np.float32))])
        np.testing.assert_array_equal(self.outputs(model, "--input", "a=value:1")["c"], [11, 21])
        np.testing.assert_array_equal(self.outputs(model, "--input", "a=value:1", "--input", "b=value:2")["c"], [3, 3])

    def test_names_of_outputs_become_safe_file_names(self):
        nodes = [helper.make_node("Identity", ["x"], ["a/b"]), helper.make_node("Neg", ["x"], ["a:b"])]
        model = model_file(self.folder, nodes, [("x", TensorProto.FLOAT, [1])],
                           [("a/b", TensorProto.FLOAT, [1]), ("a:b", TensorProto.FLOAT, [1])])
        saved = self.outputs(model, "--input", "x=value:3")
        self.assertEqual({k: v.tolist() for k, v in saved.items()}, {"a_b": [3.0], "a_b~2": [-3.0]})


class Checking(Case):
    def test_agreement(self):
        run = self.ends(alt_run(DIGITS, "--check", MODELS / "digits_data"), DONE)
        self.assertIn("1 of 1 outputs of 1 data set agree", run.stdout)

    def wrong_data(self, folder):
        folder.mkdir()
        expected = numpy_helper.to_array(onnx.load_tensor(MODELS / "digits_data" / "output_0.pb")).copy()
        expected[3, 4] += 0.01
        (folder / "output_0.pb").write_bytes(numpy_helper.from_array(expected, "probabilities").SerializeToString())
        (folder / "input_0.pb").write_bytes((MODELS / "digits_data" / "input_0.pb").read_bytes())

    def test_a_mismatch_is_found_and_named(self):
        self.wrong_data(self.folder / "bad")
        self.says(alt_run(DIGITS, "--check", self.folder / "bad"), MISMATCH, "probabilities", "1 of 160", "element 34")
        self.ends(alt_run(DIGITS, "--check", self.folder / "bad", "--atol", "0.02"), DONE)

    def test_every_data_set_of_a_folder_counts(self):
        (self.folder / "test_data_set_0").symlink_to(MODELS / "digits_data")
        self.wrong_data(self.folder / "test_data_set_1")
        run = self.says(alt_run(DIGITS, "--check", self.folder, "--json"), MISMATCH, "test_data_set_1")
        self.assertEqual(json.loads(run.stdout)["check"], {"sets": 2, "outputs": 2, "mismatches": 1})

    def test_nothing_to_check_is_no_success(self):
        self.says(alt_run(DIGITS, "--check", self.folder), USAGE, "no ONNX test data")
        self.says(alt_run(DIGITS, "--check", self.folder / "nowhere"), USAGE, "nowhere")
        (self.folder / "input_0.pb").write_bytes((MODELS / "digits_data" / "input_0.pb").read_bytes())
        self.says(alt_run(DIGITS, "--check", self.folder), USAGE, "output_")


class Refusing(Case):
    def test_no_such_input_or_dimension(self):
        self.says(alt_run(DIGITS, *QUICK, "--input", "img=value:1"), USAGE, "img", "image")
        self.says(alt_run(DIGITS, *QUICK, "--shape", "img=1x1x8x8"), USAGE, "img", "image")
        self.says(alt_run(DIGITS, *QUICK, "--dim", "b=1"), USAGE, "--dim b", "batch")

    def test_inputs_that_do_not_fit(self):
        wide = self.save("wide.npy", np.zeros((1, 1, 8, 8)))
        self.says(alt_run(DIGITS, *QUICK, "--input", f"image={wide}"), USAGE, "float32", "wide.npy")
        self.says(alt_run(DIGITS, *QUICK, "--shape", "image=1x1x8x9"), USAGE, "image", "8", "9")
        self.says(alt_run(DIGITS, *QUICK, "--shape", "image=1x8x8"), USAGE, "image", "4", "3")
        self.says(alt_run(DIGITS, *QUICK, "--input", f"image={self.folder / 'none.npy'}"), USAGE, "none.npy")
        self.says(alt_run(DIGITS, *QUICK, "--input", "image=what"), USAGE, "what", "random")

    def test_what_this_version_lacks_is_one_line(self):
        for option in (("--report", "r.html"), ("--bundle", "b"), ("--export-bundle", "b")):
            run = self.says(alt_run(DIGITS, *option), USAGE, option[0])
            self.assertEqual(run.stderr.count("\n"), 1)
            self.assertEqual(run.stdout, "")

    def test_models_that_cannot_be_read(self):
        self.says(alt_run(self.folder / "none.onnx"), MODEL, "none.onnx")
        (self.folder / "noise.onnx").write_bytes(bytes(range(256)) * 8)
        self.says(alt_run(self.folder / "noise.onnx"), MODEL, "noise.onnx")
        (self.folder / "cut.onnx").write_bytes(DIGITS.read_bytes()[:20000])
        self.says(alt_run(self.folder / "cut.onnx"), MODEL, "cut.onnx")

    def test_operators_that_are_not_supported_are_named(self):
        model = model_file(self.folder, [helper.make_node("Frobnicate", ["x"], ["y"], "froth", domain="example.com")],
                           [("x", TensorProto.FLOAT, [1])], [("y", TensorProto.FLOAT, [1])])
        held = onnx.load(model)
        held.opset_import.append(helper.make_opsetid("example.com", 3))
        onnx.save(held, model)
        self.says(alt_run(model), MODEL, "froth", "Frobnicate", "example.com")

    def test_an_input_too_small_names_node_and_option(self):
        weight = np.ones((1, 1, 3, 3), np.float32)
        model = model_file(self.folder, [helper.make_node("Conv", ["x", "w"], ["y"], "window")],
                           [("x", TensorProto.FLOAT, [1, 1, "h", "w"])], [("y", TensorProto.FLOAT, [1, 1, None, None])],
                           [("w", weight)])
        self.says(alt_run(model, *QUICK), RUN, "window", "--shape", "--dim")
        self.ends(alt_run(model, *QUICK, "--dim", "h=3", "--dim", "w=3"), DONE)


class Tuning(Case):
    def json(self, *arguments, **environment):
        return json.loads(self.ends(alt_run(*arguments, "--json", "--quiet", **environment), DONE).stdout)

    def wide(self):
        """A convolution with bias and ReLU that is worth a kernel of its own; its input and its weights."""
        rng = np.random.default_rng(1)
        weights = [("w", rng.normal(size=(64, 64, 3, 3)).astype(np.float32) / 24), ("b", rng.normal(size=64).astype(np.float32))]
        nodes = [helper.make_node("Conv", ["x", "w", "b"], ["c"], pads=[1, 1, 1, 1]), helper.make_node("Relu", ["c"], ["y"])]
        model = model_file(self.folder, nodes, [("x", TensorProto.FLOAT, [1, 64, 28, 28])],
                           [("y", TensorProto.FLOAT, [1, 64, 28, 28])], weights)
        return model, rng.normal(size=(1, 64, 28, 28)).astype(np.float32)

    def test_off_says_and_writes_nothing_of_it(self):
        cache = self.folder / "cache"
        run = self.ends(alt_run(DIGITS, "--runs", "3", "--tune", "off", "--cache", cache), DONE)
        for word in ("tun", "swap", "trial"):
            self.assertNotIn(word, run.stdout + run.stderr)
        self.assertFalse(cache.exists())
        answer = self.json(DIGITS, "--runs", "3", "--tune", "off")
        self.assertEqual((answer["current"], answer["speedup"], answer["plateau_s"]), (None, None, None))
        self.assertEqual((answer["swaps"], answer["trials"], answer["tuning_s"]), ([], 0, 0))

    def test_replay_of_nothing_is_the_default_plan(self):
        answer = self.json(DIGITS, "--runs", "3", "--tune", "replay", "--cache", self.folder / "cache")
        self.assertFalse(answer["warm"])
        self.assertEqual((answer["swaps"], answer["trials"], answer["worker_restarts"]), ([], 0, 0))
        self.assertEqual((answer["default"]["runs"], answer["current"]["runs"]), (3, 3))
        self.assertGreater(answer["speedup"], 0)

    def test_a_cache_that_cannot_be_used_is_told(self):
        (self.folder / "file").write_text("")
        run = self.ends(alt_run(DIGITS, "--runs", "3", "--tune", "replay", "--cache", self.folder / "file"), DONE)
        self.assertIn("limited", run.stdout)
        self.assertIn("3 runs", run.stdout)

    def test_without_helpers_it_answers(self):
        run = self.ends(alt_run(DIGITS, "--cache", "none", ALT_WORKER="/nonexistent/alt_worker"), DONE)
        self.assertIn("limited", run.stdout)
        self.assertIn("alt_worker", run.stdout)
        self.assertIn("probabilities: float32[1,10]", run.stdout)

    def test_bad_values_are_refused(self):
        self.says(alt_run(DIGITS, "--tune", "later"), USAGE, "--tune later", "online")
        self.says(alt_run(DIGITS, "--budget", "0"), USAGE, "--budget")
        self.says(alt_run(DIGITS, "--budget", "soon"), USAGE, "--budget soon")
        self.says(alt_run(DIGITS, "--cache", ""), USAGE, "--cache")

    @unittest.skipUnless(WORKER.exists(), "alt_worker was not built (no libgccjit)")
    def test_tuned_answers_are_right_and_remembered(self):
        model, x = self.wide()
        feed, cache = ("--input", f"x={self.save('x.npy', x)}"), ("--cache", self.folder / "cache")
        expected = onnxruntime.InferenceSession(model).run(None, {"x": x})[0]
        for budget in (20, 60, 180):  # a slow machine, or a sanitizer, may need longer for the first trial
            now = self.json(model, *feed, *cache, "--tune", "now", "--budget", str(budget), "--runs", "50")
            self.assertLessEqual(now["tuning_s"], 3 * budget)
            if now["trials"]:
                break
        self.assertGreater(now["trials"], 0)
        self.assertEqual(set(now["trials_failed"]) & {"compile", "crash", "wrong"}, {"compile", "crash", "wrong"})
        again = self.json(model, *feed, *cache, "--tune", "replay", "--runs", "50", "--save-outputs", self.folder / "out")
        np.testing.assert_allclose(np.load(self.folder / "out" / "y.npy"), expected, rtol=1e-3, atol=1e-4)
        self.assertEqual(again["warm"], bool(now["swaps"]))
        self.assertEqual([swap["evidence"] for swap in again["swaps"]], ["record"] if now["swaps"] else [])

    @unittest.skipUnless(WORKER.exists(), "alt_worker was not built (no libgccjit)")
    def test_ctrl_c_ends_tuning_too(self):
        model, _ = self.wide()
        process = subprocess.Popen([BUILD / "alt_run", model, "--cache", "none", "--json", "--quiet"],
                                   stdout=subprocess.PIPE, text=True)
        time.sleep(2)
        process.send_signal(signal.SIGINT)
        stdout, _ = process.communicate(timeout=10)
        self.assertEqual(process.returncode, DONE)
        self.assertGreater(json.loads(stdout)["tuning_s"], 0)


class Telling(Case):
    def test_list_ops(self):
        lines = self.ends(alt_run("--list-ops"), DONE).stdout.splitlines()
        self.assertEqual([line.split()[:2] for line in lines if " Conv " in line], [["ai.onnx", "Conv"]])
        self.assertEqual(lines, sorted(lines, key=lambda line: line.split()[:2]))

    def test_version(self):
        text = self.ends(alt_run("--version"), DONE).stdout
        for word in ("alt ", "isa: ", "counters: ", "alt_worker: ", "opsets: 1 to 27"):
            self.assertIn(word, text)

    def test_help_names_every_option(self):
        text = self.ends(alt_run("--help"), DONE).stdout
        for option in "input shape dim runs seconds threads tune budget cache numerics check rtol atol save-outputs profile json quiet".split():
            self.assertIn("--" + option, text)

    def test_inspect(self):
        text = self.ends(alt_run(DIGITS, "--inspect"), DONE).stdout
        for line in ("opset ai.onnx 17", "input image: float32[batch,1,8,8]", "output probabilities: float32[batch,10]",
                     "dimension batch (--dim batch=N)", "metadata producer_name: train_digits.py"):
            self.assertIn(line + "\n", text)
        self.assertRegex(text, r"nodes \d+, regions \d+, anchor [34567]")


class Dumping(Case):
    def dump(self, *arguments):
        return subprocess.run([BUILD / "alt_dump", *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=60)

    def test_graph(self):
        text = self.ends(self.dump(DIGITS, "--graph"), DONE).stdout
        for word in ("image", "probabilities", "Conv", "Gemm", "Softmax"):
            self.assertIn(word, text)

    def test_graph_after_one_pass(self):
        nodes = [helper.make_node("Neg", ["x"], ["unused"]), helper.make_node("Abs", ["x"], ["y"])]
        model = model_file(self.folder, nodes, [("x", TensorProto.FLOAT, [1])], [("y", TensorProto.FLOAT, [1])])
        self.assertIn("Neg", self.ends(self.dump(model, "--graph", "--pass", "infer"), DONE).stdout)
        self.assertNotIn("Neg", self.ends(self.dump(model, "--graph", "--pass", "dce"), DONE).stdout)
        self.says(self.dump(model, "--graph", "--pass", "nonsense"), USAGE, "nonsense", "infer", "dce")

    def test_plan(self):
        text = self.ends(self.dump(DIGITS, "--plan", "--dim", "batch=3"), DONE).stdout
        self.assertIn("conv_0", text)
        self.assertIn("3,16,8,8", text)
        self.says(self.dump(DIGITS, "--plan", "--dim", "b=3"), USAGE, "batch")

    def test_regions(self):
        text = self.ends(self.dump(DIGITS, "--regions"), DONE).stdout
        self.assertIn("anchor", text)

    def test_roofline(self):
        rows = self.ends(self.dump(DIGITS, "--roofline", "--dim", "batch=4", "--threads", "1"), DONE).stdout.splitlines()
        self.assertRegex(rows[0], r"^1 thread: [\d.]+ GFLOP/s of float32 multiply-adds \(\w+\), [\d.]+ GB/s from memory, [\d.]+ GB/s from a cache$")
        names = "step thr us time% GFLOP/s peak% MB GB/s memory% binds".split()
        self.assertEqual(rows[1].split()[:len(names)], names)
        steps = [dict(zip(names, row.split())) for row in rows[2:-1]]
        self.assertEqual([row.split()[-1] for row in rows[2:-1]][-1], "softmax")
        for step in steps:
            self.assertIn(step["binds"], ("compute", "memory", "overhead"))
            self.assertEqual(step["thr"], "1")
            self.assertGreater(float(step["us"]), 0)
        self.assertAlmostEqual(sum(float(step["time%"]) for step in steps), 100, delta=1)
        # conv_4: 3x3 from 16 to 32 channels on 4x4 pixels, and a comparison an output.
        conv = next(step for step, row in zip(steps, rows[2:]) if "conv_4" in row)
        flops = 4 * 32 * 16 * (2 * 16 * 9 + 1)
        self.assertAlmostEqual(float(conv["GFLOP/s"]) * float(conv["us"]) * 1e3 / flops, 1, delta=0.02)
        self.assertEqual(rows[-1].split()[0], "total")
        self.assertIn(f"{len(steps)} steps", rows[-1])

    def test_roofline_of_a_model_with_a_fault(self):
        self.says(self.dump(DIGITS, "--roofline", "--dim", "b=3"), USAGE, "batch")
        self.says(self.dump(DIGITS, "--roofline", "--threads", "none"), USAGE, "--threads")

    def test_usage(self):
        self.says(self.dump(), USAGE, "alt_dump")
        self.says(self.dump(DIGITS), USAGE, "--graph")
        self.says(self.dump(DIGITS, "--records"), USAGE, "--records", "--roofline")
        self.says(self.dump("nowhere.onnx", "--graph"), MODEL, "nowhere.onnx")


class Samples(Case):
    def sample(self, name, *arguments):
        return subprocess.run([BUILD / "samples" / name, *map(str, arguments)], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=120)

    def test_embed(self):
        text = self.ends(self.sample("embed", DIGITS, MODELS / "digits_data" / "input_0.pb"), DONE).stdout
        self.assertIn("input image: float32[batch,1,8,8]", text)
        answer = next(line for line in text.splitlines() if line.startswith("answer probabilities:")).split()[2:12]
        expected = numpy_helper.to_array(onnx.load_tensor(MODELS / "digits_data" / "output_0.pb"))[0]
        np.testing.assert_allclose(np.array(answer, float), expected, atol=1e-4)
        self.ends(self.sample("embed", DIGITS), DONE)
        self.ends(self.sample("embed", self.folder / "none.onnx"), 1)

    def test_digits(self):
        text = self.ends(self.sample("digits", DIGITS, MODELS / "digits_data" / "input_0.pb",
                                     MODELS / "digits_labels.txt"), DONE).stdout
        images = np.load(MODELS / "digits_inputs.npy")
        answers = onnxruntime.InferenceSession(DIGITS).run(None, {"image": images})[0].argmax(1)
        shown = [line.split() for line in text.splitlines() if line.startswith("digit ")]
        self.assertEqual([int(words[3]) for words in shown], answers.tolist())
        self.assertEqual([words[1] for words in shown], (MODELS / "digits_labels.txt").read_text().split())
        self.assertIn("us (median of 2000 runs", text)

    def test_digits_without_helpers(self):
        os.environ["ALT_WORKER"] = "/nonexistent/alt_worker"
        self.addCleanup(os.environ.pop, "ALT_WORKER")
        os.environ["XDG_CACHE_HOME"] = str(self.folder)
        self.addCleanup(os.environ.__setitem__, "XDG_CACHE_HOME", CACHE.name)
        text = self.ends(self.sample("digits", DIGITS, MODELS / "digits_data" / "input_0.pb",
                                     MODELS / "digits_labels.txt"), DONE).stdout
        self.assertRegex(text, "tuning is limited: .*alt_worker")


if __name__ == "__main__":
    closing.main()
