package probe_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/bench/probe"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/models/train"
	"github.com/gradflow/gradflow/optimizers"
	"gorgonia.org/tensor"
)

// once gives its batch in the first step only: the batch stays.
type once struct{ given bool }

func (o *once) Next64(x, t []float64) error { return nil }
func (o *once) Next32(x, t []float32) error {
	if !o.given {
		o.given = true
		return fill(x, t)
	}
	return nil
}

// BenchmarkProbe reports what probing costs runs 50 layers deep, in percent of the run's time:
// the median over pairs of runs with probes and without. The schedules are those that studies of
// as many steps have by default, and every step.
func BenchmarkProbe(b *testing.B) {
	for _, c := range []struct{ steps, perDecade int }{{400, 2}, {1000, 7}, {3000, 8}, {100, 1000}} {
		b.Run(fmt.Sprintf("steps=%d/probe=%d", c.steps, c.perDecade), func(b *testing.B) { benchmarkProbe(b, c.steps, c.perDecade) })
	}
}

func benchmarkProbe(b *testing.B, steps, perDecade int) {
	loop := func(hook bool) *train.Loop {
		params, err := models.NewParameters(tensor.Float32, 1)
		if err != nil {
			b.Fatal(err)
		}
		n, err := models.Build(models.MLP{Depth: 50, Width: 64, Activation: activations.Tanh(), Initializer: initializers.LeCunNormal(1)},
			models.Shape{Inputs: 784, Outputs: 10, Batch: 32, Loss: models.CrossEntropy}, params, true)
		if err != nil {
			b.Fatal(err)
		}
		s, err := optimizers.NewSGD(optimizers.SGDConfig{Rate: 1e-3})
		if err != nil {
			b.Fatal(err)
		}
		l, err := train.New(n, &once{}, s, steps)
		if err != nil {
			b.Fatal(err)
		}
		if hook {
			p, err := probe.New(n, l.Machine, map[string][]activations.Interval{"tanh": activations.Saturation(activations.Tanh())}, steps)
			if err != nil {
				b.Fatal(err)
			}
			l.Hooks = append(l.Hooks, p.Hook(train.LogSpaced(perDecade)))
		}
		return l
	}
	plain, probed := loop(false), loop(true)
	run := func(l *train.Loop) time.Duration {
		begin := time.Now()
		if _, err := l.Run(context.Background()); err != nil {
			b.Fatal(err)
		}
		return time.Since(begin)
	}
	run(plain)
	run(probed)
	var ratios []float64
	for b.Loop() {
		with, without := run(probed), run(plain)
		ratios = append(ratios, 100*(float64(with)/float64(without)-1))
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "%")
	b.ReportMetric(0, "ns/op")
}
