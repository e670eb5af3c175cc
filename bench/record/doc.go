// Package record is what a run leaves: its [Config], the [Record] of what happened, and the
// files that hold it in the directory of a study:
//
//	study.yaml                 the study as it was run
//	runs/<hash>/config.json    what was run, complete with every default
//	runs/<hash>/metrics.jsonl  losses and scores, one line for each evaluation
//	runs/<hash>/layers.npy     what the probes measured: see LayerColumns
//	runs/<hash>/learned.jsonl  what the layers' activations learned, if they learn
//	runs/<hash>/summary.json   how the run ended, on which kernels and versions
//	runs/<hash>/timing.json    how long it took, the only file that differs between two runs
//
// where hash is that of the configuration. The directory of a run appears when it is
// complete.
package record
