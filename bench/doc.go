// Package bench runs studies as Go benchmarks, for anyone's parts:
//
//	func TestMain(m *testing.M) { os.Exit(bench.Main(m)) }
//
//	func BenchmarkMine(b *testing.B) { bench.Study(b, "mine.yaml") }
//
// It builds on the packages below it: tasks (data), probe (what is measured), study
// (grids, runs), record (what a run leaves), stats, report and sweep (learning rates).
// stress has the unit tests of optimizers, which need no networks. The project's own
// benchmarks run the studies of the directory studies:
//
//	go test -bench . -benchtime 1x ./bench
//	go test -bench Optimizers -benchtime 1x -count 10 ./bench | tee new.txt; benchstat new.txt
//
// Each benchmark is a whole training run; its name has the axes that differ in the study,
// such as
//
//	BenchmarkDepth/activation=tanh/depth=30
//	BenchmarkOptimizers/activation=softplus/depth=10/optimizer=smorms3
//
// and its metrics are
//
//	val-acc          validation accuracy after the last step (of a diverged run: before);
//	                 val-loss in its place where the task's score is an error
//	test-acc         the same on the test part, or test-loss; left out if a run diverged. Where
//	                 a study tunes, this is what was not chosen on
//	reached          share of the runs that reached the target
//	steps-to-target  first evaluated step at the target; left out if a run missed it. With
//	                 -count, compare it only where reached is 1: elsewhere it would be that
//	                 of the survivors
//	grad-decades     log10 of the pre-activation gradient's norm in the last layer over
//	                 that in the first, before the first step; left out if the first is 0
//	diverged         share of the runs that diverged
//
// With -count, each repetition has the next seed, so that the samples differ as they
// do in a study; sec/op is the time of a run with its evaluations.
package bench
