// Package weights keeps the parameters of a network in files that other programs
// read: safetensors, the format of Hugging Face, for which there are libraries in
// Python, Rust and others.
//
//	err := weights.Save("net.safetensors", network.Parameters, nil)
//	...
//	metadata, err := weights.Load("net.safetensors", other.Parameters)
//
// A file holds every parameter under its name, such as layer01/weight, in the element
// type of the network, little-endian and row-major. Nothing is converted or rounded: a
// network that loads the file has the same output to the last bit. What a network is
// (its layers, its activation) is not in the file; the one that loads it must have been
// built with parameters of the same names, shapes and type.
//
// # PyTorch
//
// A layer here is y = f(x·W + b) with W of shape (inputs, units). PyTorch's Linear has
// the transpose, (units, inputs), and dots in names. For a Sequential whose modules are
// named layer01, ..., output,
//
//	from safetensors.torch import load_file
//	net.load_state_dict({k.replace("/", "."): v.T if k.endswith("/weight") else v for k, v in load_file("net.safetensors").items()})
//
// and back
//
//	from safetensors.torch import save_file
//	save_file({k.replace(".", "/"): v.T.contiguous() if k.endswith(".weight") else v for k, v in net.state_dict().items()}, "net.safetensors")
//
// # The format
//
// Eight bytes are the length n of the header, little-endian; n bytes are the header in
// JSON, padded with spaces; the rest are the values:
//
//	{"__metadata__": {"layout": "..."},
//	 "layer01/weight": {"dtype": "F32", "shape": [64, 32], "data_offsets": [0, 8192]}, ...}
//
// Offsets count from the end of the header; the values of all parameters follow each
// other without a gap. See https://github.com/huggingface/safetensors.
package weights
