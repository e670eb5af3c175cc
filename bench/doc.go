// Package bench has the studies that run as Go benchmarks, over the packages below
// it: tasks (data), probe (what is measured), study (grids, runs, records), stats,
// report and sweep (learning rates). stress has the unit tests of optimizers, which need
// no networks.
//
//	go test -bench . -benchtime 1x ./bench
//	go test -bench Optimizers -benchtime 1x -count 10 ./bench | tee new.txt; benchstat new.txt
//
// Each benchmark is a whole training run; its name has the factors, such as
//
//	BenchmarkDepth/activation=tanh/depth=30
//	BenchmarkOptimizers/activation=softplus/depth=10/optimizer=smorms3
//
// and its metrics are
//
//	val-acc          validation accuracy after the last step (of a diverged run: before)
//	steps-to-target  first evaluated step with the target's accuracy; left out if none had it
//	grad-decades     log10 of the pre-activation gradient's norm in the last layer over
//	                 that in the first, before the first step; left out if the first is 0
//	diverged         1 if the run diverged, else 0
//
// With -count, each repetition has the next seed, so that the samples differ as they
// do in a study; sec/op is the time of a run with its evaluations.
package bench
