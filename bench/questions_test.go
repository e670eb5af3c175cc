package bench_test

import (
	"testing"

	"github.com/gradflow/gradflow/bench"
	"github.com/gradflow/gradflow/bench/study"
)

// A benchmark for each thing that the question names. All of them with -benchtime 1x, one run
// of each setup, take about three minutes on one core:
//
//	go test -run - -bench . -benchtime 1x ./bench
//
// One run of each shows little. For a comparison, count ten seeds and let benchstat test:
//
//	go test -run - -bench Starts -benchtime 1x -count 10 ./bench | tee starts.txt
//	benchstat -col /initializer -row /activation starts.txt
//
// test-acc is the accuracy on the test part, reached the share of runs that came to the
// target, steps-to-target the mean of those that did, grad-decades by how many powers of ten the
// gradient falls from the last layer to the first at the start, and diverged the share that
// did. Benchstat takes -filter '.unit:test-acc' for one of them.

// activationsStudy is of networks that differ in f alone.
const activationsStudy = `
name: activations
about: Which nonlinearity can be twenty layers deep, from an ordinary start and from a critical one?
task: digits
target: 0.8
budget: {steps: 200, batch: 64, evaluate: 20}
seeds: 10
probe: 1
compare: activation
grid:
  activation: [tanh, scaled-tanh, erf, arctan, softsign, sine, sigmoid, gaussian, softplus, relu]
  depth: 20
  width: 64
  initializer: [glorot-normal, gain]
  optimizer: {name: adam, rate: 0.001}
`

// BenchmarkActivations asks which nonlinearity can be twenty layers deep. 20 runs, about 20 s.
// benchstat -col /activation -row /initializer.
func BenchmarkActivations(b *testing.B) { bench.Study(b, activationsStudy) }

// startsStudy is of networks that differ in their first weights alone.
const startsStudy = `
name: starts
about: Which first weights keep the signal of twenty layers alive?
task: digits
target: 0.8
budget: {steps: 200, batch: 64, evaluate: 20}
seeds: 10
probe: 1
compare: initializer
grid:
  activation: [tanh, sigmoid, gaussian]
  depth: 20
  width: 64
  initializer: [glorot-normal, glorot-uniform, lecun-normal, gain, critical, {name: critical, orthogonal: true}, orthogonal, lsuv]
  optimizer: {name: adam, rate: 0.001}
`

// BenchmarkStarts asks which first weights keep the signal alive. 24 runs, about 20 s.
// benchstat -col /initializer -row /activation.
func BenchmarkStarts(b *testing.B) { bench.Study(b, startsStudy) }

// normsStudy is of networks that differ in their normalisation alone. The norms before f start
// where f is steep, unless gamma is small; the working point chooses gamma and beta.
const normsStudy = `
name: norms
about: Which norm, before or after f, keeps the signal of twenty layers alive?
task: digits
target: 0.8
budget: {steps: 200, batch: 64, evaluate: 20}
seeds: 10
probe: 1
compare: normalization
grid:
  activation: [sigmoid, gaussian]
  depth: 20
  width: 64
  initializer: glorot-normal
  normalization:
    - none
    - batch-norm
    - {name: batch-norm, working-point: true}
    - {name: batch-norm, placement: after}
    - layer-norm
    - {name: layer-norm, placement: after}
    - {name: rms-norm, placement: after}
    - weight-norm
  optimizer: {name: adam, rate: 0.001}
`

// BenchmarkNorms asks which norm keeps the signal alive, and whether batch norm does for
// Gaussians. 16 runs, about 20 s. benchstat -col /normalization -row /activation.
func BenchmarkNorms(b *testing.B) { bench.Study(b, normsStudy) }

// BenchmarkShortcuts trains fifty tanh layers from an ordinary start, plain and with
// shortcuts. 10 runs, about 30 s. benchstat -col /model.
func BenchmarkShortcuts(b *testing.B) { bench.Study(b, "studies/deep-highway.yaml") }

// BenchmarkOptimizers asks which optimizers move the first layers of deep saturating
// networks. 26 runs, about 30 s. benchstat -col /optimizer -row /activation.
func BenchmarkOptimizers(b *testing.B) { bench.Study(b, "studies/optimizers.yaml") }

// BenchmarkRBF asks how deep networks of radial basis functions can be. 12 runs, about 15 s.
// benchstat -col /normalization -row /depth.
func BenchmarkRBF(b *testing.B) { bench.Study(b, "studies/rbf.yaml") }

// BenchmarkRecurrent asks which cell carries a sum over 50 steps, and with which f. The score is
// a loss. 9 runs, about 30 s. benchstat -col /model -row /activation.
// studies/adding-lstm.yaml is the same over 100 steps.
func BenchmarkRecurrent(b *testing.B) { bench.Study(b, "studies/recurrent.yaml") }

// depthStudy asks how deep each activation can be trained by SGD tuned by hand from an
// ordinary start, and how many decades its gradient loses before that.
const depthStudy = `
name: depth
about: How deep can each activation be, from an ordinary start?
task: digits
target: 0.8
budget: {steps: 200, batch: 64, evaluate: 20}
seeds: 10
probe: 1
compare: activation
grid:
  activation: [tanh, scaled-tanh, sigmoid, softplus, gaussian, relu]
  depth: [1, 3, 10, 30]
  width: 64
  initializer: glorot-normal
  optimizer: {name: sgd, rate: 0.1}
`

// BenchmarkDepth asks how deep each nonlinearity can be without a remedy. 24 runs, about
// 10 s. benchstat -col /activation -row /depth.
func BenchmarkDepth(b *testing.B) { bench.Study(b, depthStudy) }

// TestQuestions checks that the studies of the benchmarks can be read.
func TestQuestions(t *testing.T) {
	for _, text := range []string{activationsStudy, startsStudy, normsStudy, depthStudy} {
		if _, err := study.Parse(t.Context(), "benchmark", []byte(text)); err != nil {
			t.Error(err)
		}
	}
}
