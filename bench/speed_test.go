package bench_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gradflow/gradflow/bench/speed"
	"github.com/gradflow/gradflow/catalogue"
)

// BenchmarkStep times the training step by depth, width, batch and optimizer, one
// factor at a time around a network of 50 layers of 64 units and batches of 32.
func BenchmarkStep(b *testing.B) {
	type factors struct {
		depth, width, batch int
		optimizer           string
	}
	list := []factors{}
	for _, d := range []int{1, 10, 50, 200, 1000} {
		list = append(list, factors{d, 64, 32, "sgd"})
	}
	for _, w := range []int{16, 256, 1024} {
		list = append(list, factors{50, w, 32, "sgd"})
	}
	for _, n := range []int{1, 8, 128, 512} {
		list = append(list, factors{50, 64, n, "sgd"})
	}
	for _, o := range []string{"rmsprop", "adam", "smorms3", "irprop-minus", "vsgd-fd"} {
		list = append(list, factors{50, 64, 32, o})
	}
	for _, f := range list {
		name := fmt.Sprintf("depth=%d/width=%d/batch=%d/optimizer=%s", f.depth, f.width, f.batch, f.optimizer)
		b.Run(name, func(b *testing.B) {
			c := speed.Config{Depth: f.depth, Width: f.width, Batch: f.batch, Steps: 1, DType: "float32",
				Optimizer: catalogue.Choice{Name: f.optimizer}, Activation: catalogue.Choice{Name: "tanh"}}
			step, flops, err := speed.Step(c)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := step(); err != nil {
					b.Fatal(err)
				}
			}
			ns := float64(b.Elapsed().Nanoseconds()) / float64(b.N)
			b.ReportMetric(flops/ns, "GFLOP/s")
			b.ReportMetric(ns/1000/float64(f.depth), "µs/layer")
		})
	}
}

// BenchmarkSaturatedStep reports how many times as long a step of 60 sigmoid layers, whose
// gradient falls through the range of the denormals, takes as one of tanh layers, step
// about. Flushed, it should be little more than 1; on many processors it is 30 otherwise.
func BenchmarkSaturatedStep(b *testing.B) {
	for _, width := range []int{64, 256} {
		for _, keep := range []bool{false, true} {
			b.Run(fmt.Sprintf("width=%d/flush-to-zero=%v", width, !keep), func(b *testing.B) {
				var took [2][]float64
				var steps [2]func() error
				for i, name := range []string{"tanh", "sigmoid"} {
					var err error
					steps[i], _, err = speed.Step(speed.Config{Depth: 60, Width: width, Batch: 32, Steps: 1, DType: "float32", KeepDenormals: keep,
						Optimizer: catalogue.Choice{Name: "sgd"}, Activation: catalogue.Choice{Name: name}})
					if err != nil {
						b.Fatal(err)
					}
				}
				for b.Loop() {
					for i, step := range steps {
						begin := time.Now()
						if err := step(); err != nil {
							b.Fatal(err)
						}
						took[i] = append(took[i], float64(time.Since(begin)))
					}
				}
				slices.Sort(took[0])
				slices.Sort(took[1])
				b.ReportMetric(took[1][len(took[1])/2]/took[0][len(took[0])/2], "sigmoid/tanh-x")
			})
		}
	}
}

// BenchmarkWorkers reports how many times as many steps two networks make side by side as
// one alone, and how many times as fast one is whose large products are divided over two
// cores.
func BenchmarkWorkers(b *testing.B) {
	for _, width := range []int{64, 256} {
		c := speed.Config{Depth: 50, Width: width, Batch: width / 2, Steps: 100_000 / width, DType: "float32",
			Optimizer: catalogue.Choice{Name: "sgd"}, Activation: catalogue.Choice{Name: "tanh"}}
		b.Run(fmt.Sprintf("width=%d", width), func(b *testing.B) {
			var side, split float64
			for b.Loop() {
				var err error
				if side, err = speed.Workers(b.Context(), c, 2); err != nil {
					b.Fatal(err)
				}
				if split, err = speed.SplitSpeedup(b.Context(), c, 2); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(side, "side-by-side-x")
			b.ReportMetric(split, "split-x")
			b.ReportMetric(0, "ns/op")
		})
	}
}
