// Package arena gives out memory for the numbers of a network: parameters, results,
// the state of optimizers. An [Arena] takes it from large pieces, one after the other,
// each aligned to a cache line. On Linux the pieces are made of huge pages where the
// system offers them (transparent_hugepage "madvise" or "always"): a training step reads
// all of a network's memory, and with pages of 4 KiB a deep network's is more than the
// processor's translation buffers cover.
//
// Memory is the garbage collector's: a piece lives as long as something of it is used.
package arena
