package report_test

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/gradflow/gradflow/bench/probe"
	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/models/train"
)

// The records here are made up; they have the shapes of real ones: a gradient that falls
// by the same factor in each layer, and optimizers that do or don't see its size.

// net is a problem.
type net struct {
	activation string
	depth      int
	decay      float64 // decades that the gradient falls in a layer
}

// rule is an optimizer.
type rule struct {
	name     string
	settings map[string]any
	speed    float64 // 1/steps, where the gradient arrives
	blind    bool    // to the gradient's size
	fails    float64 // share of runs that diverge
}

var (
	nets = []net{{"softplus", 10, 0.35}, {"sigmoid", 5, 0.7}, {"tanh", 30, 0.02}, {"sigmoid", 20, 0.95}}
	// The baseline first.
	rules = []rule{
		{"sgd", map[string]any{"rate": 0.1}, 0.02, false, 0},
		{"rmsprop", map[string]any{"decay": 0.99, "rate": 0.001}, 0.012, true, 0},
		{"smorms3", map[string]any{"rate": 0.001}, 0.025, true, 0},
		{"irprop-minus", map[string]any{"rate": 0.01}, 0.03, true, 0.5},
		{"vsgd-fd", nil, 0.006, false, 0},
		{"adam", map[string]any{"rate": 0.001}, 0.02, true, 0},
	}
)

type synthetic struct {
	nets       []net
	rules      []rule
	seeds      int
	steps      int
	regression bool
}

var whole = synthetic{nets: nets, rules: rules, seeds: 5, steps: 400}

func (s synthetic) results() *record.Results {
	r := &record.Results{Dir: "nowhere", Spec: &record.Plan{Name: "synthetic", About: "Made-up records: <b>nothing</b> here was trained."}}
	for _, n := range s.nets {
		for _, o := range s.rules {
			for seed := range s.seeds {
				record := s.record(n, o, uint64(seed+1))
				r.Spec.Configs = append(r.Spec.Configs, record.Config)
				r.Records = append(r.Records, record)
			}
		}
	}
	return r
}

func (s synthetic) record(n net, o rule, seed uint64) *record.Record {
	c := record.Config{
		Task: catalogue.Choice{Name: "digits"}, Depth: n.depth, Width: 64,
		Activation: catalogue.Choice{Name: n.activation}, Initializer: catalogue.Choice{Name: "glorot-normal"},
		Optimizer: catalogue.Choice{Name: o.name, Settings: o.settings}, DType: "float32",
		Batch: 64, Steps: s.steps, Evaluate: 20, Probe: 8, Target: 0.8, Seed: seed,
	}
	if s.regression {
		c.Task.Name, c.Target = "teacher-student", 0.3
	}
	rng := rand.New(rand.NewPCG(seed, uint64(n.depth)))
	own := rand.New(rand.NewPCG(seed, uint64(len(o.name)*100+n.depth)))
	r := &record.Record{Hash: c.Hash(), Config: c, Layers: &record.LayerTable{}, Timing: record.Timing{Seconds: 1.5}}

	// Progress is logistic in the steps, after a delay for those that see a small gradient.
	total := n.decay * float64(n.depth)
	delay := 20 + 10*rng.Float64()
	if !o.blind {
		delay += 60 * total * total
	}
	progress := func(step float64) float64 {
		return 1 / (1 + math.Exp(-(step-delay-2/o.speed)*o.speed*(1.6+0.2*own.Float64())))
	}
	diverges := n.depth <= 10 && own.Float64() < o.fails
	end := s.steps
	if diverges {
		end = s.steps / 3
	}

	nan := record.Number(math.NaN())
	sum := &r.Summary
	*sum = record.Summary{Status: train.Done, Steps: end, Best: nan, TestLoss: nan, TestAccuracy: nan, StepsToTarget: nan,
		Target: record.Number(c.Target), Parameters: 12345, LayerColumns: record.LayerColumns,
		Environment: record.Environment{Kernel: "avx2", CPU: "Example <CPU> 3000", Platform: "linux/amd64", Go: "go1.26.0",
			Gradflow: "v1.0.0", Gorgonia: "v0.9.18", Tensor: "v0.9.24"}}
	for step := 0; step <= end; step += c.Evaluate {
		p := progress(float64(step))
		m := record.Metric{Step: step, TrainLoss: record.Number(2.3*(1-p) + 0.02 + 0.01*own.Float64()),
			ValidationLoss: record.Number(2.3*(1-p) + 0.1), ValidationAccuracy: record.Number(0.1 + 0.85*p)}
		if step == 0 {
			m.TrainLoss = nan
		}
		reached := m.ValidationAccuracy >= sum.Target
		if s.regression {
			m.ValidationAccuracy, reached = nan, m.ValidationLoss <= sum.Target
		}
		if reached && sum.StepsToTarget.IsNaN() {
			sum.StepsToTarget = record.Number(step)
		}
		r.Metrics = append(r.Metrics, m)
	}
	sum.Final = r.Metrics[len(r.Metrics)-1]
	if diverges {
		sum.Status, sum.Reason, sum.Layer = train.Diverged, "the loss is NaN", "layer02"
	}
	for i := range n.depth {
		sum.LayerNames = append(sum.LayerNames, fmt.Sprintf("layer%02d", i+1))
	}
	sum.LayerNames = append(sum.LayerNames, "output")

	spaced := train.LogSpaced(c.Probe)
	start := make([]float64, n.depth+1)
	for i := range start {
		start[i] = 0.1 * rng.NormFloat64()
	}
	for step := range end {
		if !spaced(step) && step != end-1 {
			continue
		}
		p := progress(float64(step))
		for i := range n.depth + 1 {
			q := map[probe.Quantity]float64{}
			below := float64(n.depth - i)
			gradient := -1 - 1.5*p - below*n.decay*(1-0.85*p) + start[i] + 0.05*own.NormFloat64()
			if gradient < -30 {
				gradient = math.Inf(-1)
			}
			q[probe.PreActivationGradient] = gradient
			q[probe.WeightGradient] = gradient - 0.3
			q[probe.Update] = -3 + 0.1*own.NormFloat64()
			if !o.blind {
				q[probe.Update] = gradient - 1
			}
			q[probe.Saturated] = math.Min(1, 0.02+0.3*p*below/float64(n.depth))
			if i == n.depth {
				q[probe.Saturated] = 0
			}
			if diverges && step == end-1 && i < 3 {
				q[probe.NonFinite], q[probe.PreActivationGradient] = 64, math.Inf(1)
			}
			row := []float64{float64(step), float64(i)}
			for _, name := range record.LayerColumns[2:] {
				row = append(row, q[probe.Quantity(name)])
			}
			r.Layers.Rows = append(r.Layers.Rows, row)
		}
	}
	steps := len(r.Layers.Steps())
	m := r.Layers.Quantity(probe.PreActivationGradient)
	sum.DecadesFirst = record.Number(m[0][n.depth] - m[0][0])
	sum.DecadesLast = record.Number(m[steps-1][n.depth] - m[steps-1][0])
	return r
}
