"""An engine beside convcheck, in a process of its own: started by peers.py, it waits for its turns on standard input.

So threads that spin, and memory that is kept, are nobody else's. A turn is a line of JSON, and so is the answer: the
samples, or why there are none.
"""

import gc
import json
import os
import sys
import time

import torch
from peers_models import MODELS
from torch import nn

WARM_UP = (3, 0.5)  # steps and seconds at least, as in src/bench.rs
CLOSE = 1e-3  # of the largest score
ONNX = "model.onnx"


def samples(run, count):
    """Wall time of each step, and CPU time of all together: that of all threads, also of those that spin."""

    def timed():
        start = time.perf_counter()
        run()
        return time.perf_counter() - start

    start, steps = time.perf_counter(), 0
    while steps < WARM_UP[0] or time.perf_counter() - start < WARM_UP[1]:
        timed()
        steps += 1
    start = time.process_time()
    seconds = [timed() for _ in range(count)]
    return {"seconds": seconds, "cpu_seconds": time.process_time() - start}


def pytorch(turn, channels_last=False, compiled=False):
    """A step of a network, as src/bench/workload.rs takes it."""
    shape, batch = turn["shape"], turn["batch"]
    form = torch.channels_last if channels_last else torch.contiguous_format
    model = MODELS[turn["model"]]().eval().to(memory_format=form)
    x = (torch.rand(batch, *shape) * 2 - 1).contiguous(memory_format=form)
    with torch.inference_mode():
        classes = model(x[:1]).shape[1]
    model.train(turn["step"] == "training")
    torch._dynamo.reset()
    network = torch.compile(model, dynamic=False) if compiled else model

    def infer():
        with torch.inference_mode():
            network(x)

    labels = torch.arange(batch) % classes
    descent = torch.optim.SGD(model.parameters(), lr=1e-4, momentum=0.9, fused=True)

    def learn():
        descent.zero_grad()
        nn.functional.cross_entropy(network(x), labels).backward()
        descent.step()

    return torch.__version__, learn if turn["step"] == "training" else infer


def onnx_runtime(turn):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = turn["threads"], 1
    path = os.path.join(turn["exported"], ONNX)
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name, x = session.get_inputs()[0].name, exported(turn, "x")

    def infer():
        return session.run(None, {name: x})[0]

    return onnxruntime.__version__, agreeing(infer, turn)


def openvino(turn):
    import openvino

    options = {
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": turn["threads"],
        "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY",
    }
    model = openvino.Core().compile_model(os.path.join(turn["exported"], ONNX), "CPU", options)
    request, x = model.create_infer_request(), exported(turn, "x")

    def infer():
        return request.infer([x], share_inputs=True, share_outputs=True)[0]

    return openvino.__version__.split("-")[0], agreeing(infer, turn)


def agreeing(infer, turn):
    """The step, if it computes what PyTorch does: in fewer digits it would be another step."""
    right = exported(turn, "y")
    off = abs(infer() - right).max() / abs(right).max()
    if not off <= CLOSE:
        raise ValueError(f"its scores are {off:.1g} of the largest one off")
    return infer


def export(turn):
    """Leaves a network for those who read ONNX, a batch, and what PyTorch says to it."""
    import numpy

    model = MODELS[turn["model"]]().eval()
    x = torch.rand(turn["batch"], *turn["shape"]) * 2 - 1
    with torch.no_grad():
        y = model(x)
    for name, numbers in (("x", x), ("y", y)):
        numpy.save(os.path.join(turn["exported"], name + ".npy"), numbers.numpy())
    torch.onnx.export(model, (x,), os.path.join(turn["exported"], ONNX), dynamo=True, external_data=False)


def exported(turn, name):
    import numpy

    return numpy.load(os.path.join(turn["exported"], name + ".npy"))


ENGINES = {
    "pytorch": pytorch,
    "pytorch-channels-last": lambda turn: pytorch(turn, channels_last=True),
    "pytorch-compiled": lambda turn: pytorch(turn, channels_last=True, compiled=True),
    "onnx-runtime": onnx_runtime,
    "openvino": openvino,
}


def why(error):
    """In a line."""
    said = [line.strip() for line in str(error).splitlines() if line.strip()]
    return said[0] if said else type(error).__name__


def main():
    engine = sys.argv[1]
    # libraries print too
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    of, version, run = None, None, None
    for line in sys.stdin:
        turn = json.loads(line)
        try:
            if engine == "export":
                answer = export(turn) or {}
            else:
                count = turn.pop("samples")
                if turn != of:
                    # made, and compiled, in its first turn
                    of = run = None
                    gc.collect()
                    torch.set_num_threads(turn["threads"])
                    version, run = ENGINES[engine](turn)
                    of = turn
                answer = {"engine": engine, "version": version, **samples(run, count)}
        except Exception as error:
            answer = {"missing": why(error)}
        answers.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
