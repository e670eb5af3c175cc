package vm_test

import (
	"fmt"
	"testing"

	"github.com/gradflow/gradflow/ops"
	"github.com/gradflow/gradflow/vm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// BenchmarkLayers reports the time per layer of building a graph, of gorgonia.Grad
// and of Compile. Those of building and compiling are independent of the depth;
// gorgonia.Grad looks for each new node of its own among all.
func BenchmarkLayers(b *testing.B) {
	for _, depth := range []int{100, 1000, 10000} {
		for _, stage := range []string{"build", "grad", "compile"} {
			b.Run(fmt.Sprintf("stage=%s/depth=%d", stage, depth), func(b *testing.B) {
				for b.Loop() {
					at := func(s string) {
						if s == stage {
							b.StartTimer()
						} else {
							b.StopTimer()
						}
					}
					at("build")
					n := newNet(tensor.Float32)
					x := n.input("x", 2, 3)
					cost := loss(n.layers(x, depth))
					at("grad")
					wanted := n.gradients(cost, x)
					at("compile")
					compile(b, n.g, wanted...)
					b.StartTimer()
				}
				b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(depth), "us/layer")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// BenchmarkRun reports the time per operation of a run with next to nothing to
// compute, of a machine for the loss and the gradients.
func BenchmarkRun(b *testing.B) {
	n, wanted := thinLayers()
	benchmarkRun(b, compile(b, n.g, wanted...))
}

// BenchmarkRunWhole is BenchmarkRun of a machine for the whole graph.
func BenchmarkRunWhole(b *testing.B) {
	n, _ := thinLayers()
	benchmarkRun(b, compile(b, n.g))
}

func thinLayers() (*net, G.Nodes) {
	n := newNet(tensor.Float32)
	x, target := n.input("x", 1, 1), n.input("t", 1, 1)
	return n, n.gradients(must(ops.MeanSquaredError(n.layers(x, 1000), target)), x, target)
}

func benchmarkRun(b *testing.B, m *vm.Machine) {
	run(b, m)
	b.ReportAllocs()
	for b.Loop() {
		run(b, m)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(m.Steps()), "ns/step")
}
