package bench_test

import (
	"testing"

	"github.com/gradflow/gradflow/bench"
)

// depthStudy asks how deep each activation can be trained by tuned-by-hand SGD from
// an ordinary start, and how many decades its gradient loses before that.
const depthStudy = `
name: depth
about: How deep can each activation be, from an ordinary start?
task: digits
target: 0.8
budget: {steps: 200, batch: 64, evaluate: 20}
seeds: 1
probe: 1
grid:
  activation: [tanh, scaled-tanh, sigmoid, softplus, gaussian, relu]
  depth: [1, 3, 10, 30]
  width: 64
  initializer: glorot-normal
  optimizer: {name: sgd, rate: 0.1}
`

func BenchmarkDepth(b *testing.B) { bench.Study(b, depthStudy) }
