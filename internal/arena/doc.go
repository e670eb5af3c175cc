// Package arena allocates memory for the numbers of a network: parameters, results, the state of
// optimizers. An [Arena] cuts it from large pieces, each aligned to a cache line. On Linux the
// pieces use huge pages if the system offers them (transparent_hugepage "madvise" or "always"):
// a training step reads all of a network's memory, and with pages of 4 KiB that of a deep
// network exceeds what the processor's translation buffers cover.
//
// The garbage collector owns the memory: a piece lives as long as any part of it is used.
package arena
