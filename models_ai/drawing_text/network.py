"""A line recogniser stored as ONNX, run in PyTorch so that it can be taught further, and written back into the same graph."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn
from torch.nn import functional

Node = tuple[str, list[str], str, dict[str, Any]]
HEAD = ("linear_8.w_0", "linear_8.b_0")
RUNNING = (".w_1", ".w_2")  # mean and variance of the batch normalisations, which stay as they are


class Graph(nn.Module):
    """The nodes of an ONNX graph as PyTorch operations; its constants are the weights. Gives the scores before the softmax."""

    def __init__(self, model: onnx.ModelProto) -> None:
        super().__init__()
        self.model = model
        self.constants: dict[str, np.ndarray[Any, Any]] = {}
        self.numbers: dict[str, int] = {}
        self.weights = nn.ParameterList()
        for item in model.graph.initializer:
            array = numpy_helper.to_array(item)
            if array.dtype == np.float32 and array.size > 1 and not item.name.endswith(RUNNING):
                self.numbers[item.name] = len(self.weights)
                self.weights.append(nn.Parameter(torch.from_numpy(array.copy())))
            else:
                self.constants[item.name] = array.copy()
        self.nodes = _simplified(model, set(self.numbers))

    def weight(self, name: str) -> nn.Parameter:
        """A weight by the name of its constant in the graph."""
        return self.weights[self.numbers[name]]

    def replace_head(self, rows: list[int]) -> None:
        """Keep only the given rows of the last layer, in that order."""
        for name in HEAD:
            kept = self.weight(name).detach()[..., rows].clone()
            self.weights[self.numbers[name]] = nn.Parameter(kept)

    def freeze_up_to(self, name: str) -> None:
        """Weights which come no later than the named one in the graph are not taught."""
        for one, number in self.numbers.items():
            self.weights[number].requires_grad_(False)
            if one == name:
                return
        raise ValueError(name)

    def forward(self, lines: torch.Tensor) -> torch.Tensor:
        values: dict[str, torch.Tensor] = {self.model.graph.input[0].name: lines}
        last = lines
        for kind, inputs, output, given in self.nodes:
            read = [self._value(values, name) for name in inputs if name]
            last = values[output] = _OPERATIONS[kind](read, given)
        return last

    def _value(self, values: dict[str, torch.Tensor], name: str) -> torch.Tensor:
        if name in values:
            return values[name]
        return (
            self.weights[self.numbers[name]]
            if name in self.numbers
            else torch.from_numpy(self.constants[name])
        )

    def write(self, path: Path, signs: list[str], notice: str) -> None:
        """Write the taught weights as ONNX in half precision; the runtime widens them when it loads."""
        model = onnx.ModelProto()
        model.CopyFrom(self.model)
        widened = []
        for item in model.graph.initializer:
            if item.name not in self.numbers:
                continue
            array = self.weight(item.name).detach().float().numpy().astype(np.float16)
            item.CopyFrom(numpy_helper.from_array(array, f"{item.name}.half"))
        for name in self.numbers:
            widened.append(onnx.helper.make_node("Cast", [f"{name}.half"], [name], to=onnx.TensorProto.FLOAT))
        nodes = list(model.graph.node)
        del model.graph.node[:]
        model.graph.node.extend(widened + nodes)
        model.graph.output[0].type.tensor_type.shape.dim[2].dim_value = len(signs) + 1
        del model.graph.value_info[:]
        del model.metadata_props[:]
        onnx.helper.set_model_props(model, {"signs": "".join(signs), "notice": notice})
        onnx.checker.check_model(model)
        onnx.save(model, str(path))


def _simplified(model: onnx.ModelProto, weights: set[str]) -> list[Node]:
    """The nodes without identities and without the last softmax; a bias goes with its convolution, five nodes are one GELU."""
    same = {node.output[0]: node.input[0] for node in model.graph.node if node.op_type == "Identity"}

    def source(name: str) -> str:
        while name in same:
            name = same[name]
        return name

    nodes: list[Node] = []
    for node in model.graph.node:
        if node.op_type != "Identity":
            given = {item.name: onnx.helper.get_attribute_value(item) for item in node.attribute}
            nodes.append((node.op_type, [source(name) for name in node.input], node.output[0], given))
    made = {node[2]: node for node in nodes}
    users: dict[str, list[Node]] = {}
    for node in nodes:
        for name in node[1]:
            users.setdefault(name, []).append(node)
    gone: set[str] = set()
    new: dict[str, Node] = {}
    for kind, inputs, output, given in nodes:
        if kind == "Erf":
            divided = made[inputs[0]]
            chain = [divided[2], output]
            for _ in range(3):
                chain.append(users[chain[-1]][0][2])
            gone |= set(chain[:-1])
            new[chain[-1]] = ("Gelu", [divided[1][0]], chain[-1], {})
        elif kind == "Conv" and len(inputs) == 2 and len(users[output]) == 1 and users[output][0][0] == "Add":
            total = users[output][0]
            bias = next(name for name in total[1] if name != output)
            if bias in weights:
                gone.add(output)
                new[total[2]] = ("Conv", [*inputs, bias], total[2], given)
    kept = [new.get(node[2], node) for node in nodes if node[2] not in gone]
    if kept[-1][0] != "Softmax":
        raise ValueError("the graph does not end with a softmax")
    return kept[:-1]


def _ints(tensor: torch.Tensor) -> list[int]:
    return [int(value) for value in tensor.reshape(-1).tolist()]


def _convolve(read: list[torch.Tensor], given: dict[str, Any]) -> torch.Tensor:
    picture, weight = read[0], read[1]
    bias = read[2].reshape(-1) if len(read) > 2 else None
    around = given.get("pads", [0, 0, 0, 0])[:2]
    if given.get("auto_pad") == b"SAME_UPPER":
        high, wide = weight.shape[2] - 1, weight.shape[3] - 1
        picture = functional.pad(picture, (wide // 2, wide - wide // 2, high // 2, high - high // 2))
        around = [0, 0]
    return functional.conv2d(picture, weight, bias, given["strides"], around, 1, given.get("group", 1))


def _largest(read: list[torch.Tensor], given: dict[str, Any]) -> torch.Tensor:
    picture = read[0]
    if given.get("auto_pad") == b"SAME_UPPER":
        picture = functional.pad(picture, (0, 1, 0, 1), value=float("-inf"))
    return functional.max_pool2d(picture, given["kernel_shape"], given["strides"])


def _shaped(read: list[torch.Tensor], _given: dict[str, Any]) -> torch.Tensor:
    wanted = [read[0].shape[place] if size == 0 else size for place, size in enumerate(_ints(read[1]))]
    return read[0].reshape(wanted)


def _sliced(read: list[torch.Tensor], _given: dict[str, Any]) -> torch.Tensor:
    part = read[0]
    starts, ends = _ints(read[1]), _ints(read[2])
    axes = _ints(read[3]) if len(read) > 3 else list(range(len(starts)))
    for start, end, axis in zip(starts, ends, axes, strict=True):
        size = part.shape[axis]
        start, end = (start + size if start < 0 else start), (end + size if end < 0 else min(end, size))
        part = part.narrow(axis, start, end - start)
    return part


def _squeezed(read: list[torch.Tensor], given: dict[str, Any]) -> torch.Tensor:
    return read[0].squeeze(given["axes"][0]) if "axes" in given else read[0].squeeze()


_OPERATIONS: dict[str, Callable[[list[torch.Tensor], dict[str, Any]], torch.Tensor]] = {
    "Conv": _convolve,
    "Gelu": lambda read, _given: functional.gelu(read[0]),
    "MaxPool": _largest,
    "AveragePool": lambda read, given: functional.avg_pool2d(
        read[0], given["kernel_shape"], given["strides"]
    ),
    "Relu": lambda read, _given: functional.relu(read[0]),
    "Sigmoid": lambda read, _given: torch.sigmoid(read[0]),
    "HardSigmoid": lambda read, given: torch.clamp(
        read[0] * given.get("alpha", 0.2) + given.get("beta", 0.5), 0, 1
    ),
    "Add": lambda read, _given: read[0] + read[1],
    "Sub": lambda read, _given: read[0] - read[1],
    "Mul": lambda read, _given: read[0] * read[1],
    "Div": lambda read, _given: read[0] / read[1],
    "Pow": lambda read, _given: read[0] ** float(read[1]),
    "Sqrt": lambda read, _given: read[0].sqrt(),
    "ReduceMean": lambda read, given: read[0].mean(
        dim=list(given["axes"]), keepdim=bool(given.get("keepdims", 1))
    ),
    "MatMul": lambda read, _given: read[0] @ read[1],
    "Concat": lambda read, given: torch.cat(read, dim=given["axis"]),
    "Reshape": _shaped,
    "Transpose": lambda read, given: read[0].permute(given["perm"]),
    "Squeeze": _squeezed,
    "Unsqueeze": lambda read, given: read[0].unsqueeze(given["axes"][0]),
    "Shape": lambda read, _given: torch.tensor(read[0].shape),
    "Slice": _sliced,
    "BatchNormalization": lambda read, given: functional.batch_norm(
        read[0], read[3], read[4], read[1], read[2], False, 0.0, given.get("epsilon", 1e-5)
    ),
    "Softmax": lambda read, given: functional.softmax(read[0], given.get("axis", -1)),
}
