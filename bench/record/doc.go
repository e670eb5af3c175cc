// Package record is what a run leaves: its [Config], the [Record] of what happened, and the
// files that hold it in the directory of a study:
//
//	study.yaml                 the study as it was run
//	runs/<hash>/config.json    what was run
//	runs/<hash>/metrics.jsonl  losses and scores, one line for each evaluation
//	runs/<hash>/layers.npy     what the probes measured, one row for each layer and probed step
//	runs/<hash>/learned.jsonl  what the layers' activations learned, if they learn
//	runs/<hash>/summary.json   how the run ended, on which kernels and versions; checksums
//	runs/<hash>/timing.json    how long it took, the only file that differs between two runs
//
// where hash is that of the configuration. The directory of a run appears when it is
// complete.
//
// # Damage
//
// summary.json has the size and the SHA-256 of config.json, metrics.jsonl, layers.npy and
// learned.jsonl, and of itself: its field checksum is the SHA-256 of the file with that
// field empty. timing.json has a checksum of itself and the hash of its run. A record
// counts only if all of that is right; otherwise a [Damage] names the file and what is
// wrong with it, the run is left out of everything that is said, and running the study
// makes it again. Nothing asks for memory before the size of a file is checked. Files that a
// record does not have, such as notes, are not read; run the study only if they may go, as
// they do with a damaged record.
//
// # Schema
//
// config.json, summary.json and timing.json have the number of their [Schema]; files of
// schema 1 have none. Records of older schemas stay readable, and their hashes are
// computed by their own rule:
//
//   - Schema 1 hashes all fields of Config that it has. Its files have no checksums: they
//     are checked to be complete and to agree with each other. Its runs flushed denormals
//     only where the configuration says so.
//   - Schema 2 hashes the number of the schema, too, and leaves out flush_to_zero where it is
//     the default of the number type: see [Config.FlushByDefault].
//
// A field that is added to Config has the tag omitzero, and its zero value means what runs
// did before there was the field: so all hashes stay what they are. A new number is needed
// only if a default changes its meaning. The columns of layers.npy are found by name (see
// [LayerTable]), and a field that this version does not know is passed over in
// summary.json, timing.json and the lines of metrics and learned values; what a file lacks
// reads as NaN, not as 0.
package record

// Schema is the number of the schema that records are written in.
const Schema = 2
