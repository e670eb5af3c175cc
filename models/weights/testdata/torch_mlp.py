"""Writes torch_mlp.safetensors and torch_mlp.json: a network of PyTorch, an input and
its output. The file is written by hand, by the format's description, so that it does not
depend on a library:

    python3 torch_mlp.py        (PyTorch 1.13.1)
"""
import collections
import json
import struct

import torch
from torch.nn import Linear, Sequential, Tanh

torch.manual_seed(1)
net = Sequential(collections.OrderedDict(
    layer01=Linear(5, 4), f01=Tanh(), layer02=Linear(4, 4), f02=Tanh(), output=Linear(4, 3))).double()
x = torch.randn(2, 5, dtype=torch.float64)

tensors = {k.replace(".", "/"): v.T.contiguous() if k.endswith(".weight") else v for k, v in net.state_dict().items()}
header, data = {"__metadata__": {"format": "pt"}}, b""
for name in sorted(tensors, reverse=True):  # an order of its own
    v = tensors[name]
    values = struct.pack("<%dd" % v.numel(), *v.flatten().tolist())
    header[name] = {"dtype": "F64", "shape": list(v.shape), "data_offsets": [len(data), len(data) + len(values)]}
    data += values
text = json.dumps(header).encode()
with open("torch_mlp.safetensors", "wb") as f:
    f.write(struct.pack("<Q", len(text)) + text + data)
with open("torch_mlp.json", "w") as f:
    json.dump({"x": x.flatten().tolist(), "y": net(x).flatten().tolist()}, f)
