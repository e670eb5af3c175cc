package probe

import (
	"math"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/internal/kernels"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/train"
	"github.com/gradflow/gradflow/vm"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Quantity is one of the things measured of a layer in a step.
type Quantity int

const (
	// WeightGradient is log10 of the norm of ∂L/∂W; -Inf where it is 0.
	WeightGradient Quantity = iota
	// PreActivationGradient is log10 of the norm of ∂L/∂z over the batch.
	PreActivationGradient
	// Update is log10 of the ratio of the norms of the step's change of W and of W.
	Update
	// PreActivationMean and PreActivationDeviation are those of z over units and batch.
	PreActivationMean
	PreActivationDeviation
	// ActivationMean and ActivationDeviation are those of y = f(z).
	ActivationMean
	ActivationDeviation
	// Saturated is the share of units in saturation (see activations.Saturation), 0 to 1.
	Saturated
	// ZeroGradient is the share of elements of ∂L/∂z that are exactly 0.
	ZeroGradient
	// DenormalGradient is the share of elements of ∂L/∂z that are denormal.
	DenormalGradient
	// NonFinite is the number of elements of z, y, ∂L/∂z and ∂L/∂W that are NaN or
	// infinite.
	NonFinite
	// WeightNorm is log10 of the norm of W before the update.
	WeightNorm
	quantities
)

// Names are the names of the quantities, in their order.
var Names = [quantities]string{
	"weight-gradient", "pre-activation-gradient", "update",
	"pre-activation-mean", "pre-activation-deviation",
	"activation-mean", "activation-deviation",
	"saturated", "zero-gradient", "denormal-gradient", "non-finite", "weight-norm",
}

func (q Quantity) String() string { return Names[q] }

// Sample has the measurements of one step: a row for each layer.
type Sample struct {
	Step   int // updates before it
	Layers [][quantities]float64
}

// Probe measures a network's layers at the steps of a schedule.
type Probe struct {
	Layers  []string // their names
	Samples []Sample // one for each step measured

	layers []layer
	spare  []Sample // memory prepared for samples
	now    Sample   // the sample that the next run fills
}

type layer struct {
	weight  *G.Node
	before  any // a copy of W from before the step
	first   int // the first layer with the same weight, as time steps share one
	regions []activations.Interval
}

// New makes a probe of the training machine m of a network whose hidden layers have
// activations by the name that saturation is given for; the output layer is never
// saturated. samples is the number of samples to prepare memory for, so that
// measuring allocates nothing.
func New(n *models.Network, m *vm.Machine, saturation map[string][]activations.Interval, samples int) (*Probe, error) {
	p := &Probe{Samples: make([]Sample, 0, samples)}
	rows := make([][quantities]float64, (samples+1)*len(n.Layers))
	for range samples + 1 {
		p.spare = append(p.spare, Sample{Layers: rows[:len(n.Layers):len(n.Layers)]})
		rows = rows[len(n.Layers):]
	}
	p.open()
	first := map[*G.Node]int{}
	for i, l := range n.Layers {
		p.Layers = append(p.Layers, l.Name)
		w := l.Weight.Value().(*tensor.Dense)
		own := layer{weight: l.Weight, regions: saturation[l.Function], first: i}
		if k, shared := first[l.Weight]; shared {
			own.first = k
		} else if first[l.Weight] = i; w.Dtype() == tensor.Float32 {
			own.before = make([]float32, len(w.Float32s()))
		} else {
			own.before = make([]float64, len(w.Float64s()))
		}
		p.layers = append(p.layers, own)
		d := l.PreActivation.Deriv()
		if d == nil {
			return nil, errors.Errorf("probe: %s has no gradient: build the network for training", l.Name)
		}
		err := m.Observe(l.PreActivation, func(v G.Value) { p.preActivation(i, v) })
		if err == nil && l.Activation != l.PreActivation {
			err = m.Observe(l.Activation, func(v G.Value) { p.activation(i, v) })
		}
		if err == nil {
			err = m.Observe(d, func(v G.Value) { p.gradient(i, v) })
		}
		if err != nil {
			return nil, errors.Wrapf(err, "probe: %s", l.Name)
		}
	}
	return p, nil
}

// Hook returns the hook that measures at the steps of a schedule. No other hook may
// observe the same nodes.
func (p *Probe) Hook(when train.Schedule) train.Hook {
	return train.Hook{When: when, Observe: true, Before: p.beforeStep, After: p.afterStep}
}

// open makes the next sample ready for the observers.
func (p *Probe) open() {
	if len(p.spare) == 0 {
		p.spare = append(p.spare, Sample{Layers: make([][quantities]float64, len(p.layers))})
	}
	last := len(p.spare) - 1
	p.now, p.spare = p.spare[last], p.spare[:last]
}

func (p *Probe) preActivation(i int, v G.Value) {
	row := &p.now.Layers[i]
	row[NonFinite] = 0
	if x, ok := float32s(v); ok {
		preActivation(row, x, p.layers[i].regions)
	} else {
		preActivation(row, float64s(v), p.layers[i].regions)
	}
}

func preActivation[F kernels.Float](row *[quantities]float64, z []F, regions []activations.Interval) {
	row[PreActivationMean], row[PreActivationDeviation] = moments(row, z)
	row[ActivationMean], row[ActivationDeviation] = row[PreActivationMean], row[PreActivationDeviation]
	row[Saturated] = float64(within(z, regions)) / float64(len(z))
}

func (p *Probe) activation(i int, v G.Value) {
	row := &p.now.Layers[i]
	if y, ok := float32s(v); ok {
		row[ActivationMean], row[ActivationDeviation] = moments(row, y)
	} else {
		row[ActivationMean], row[ActivationDeviation] = moments(row, float64s(v))
	}
}

func (p *Probe) gradient(i int, v G.Value) {
	row := &p.now.Layers[i]
	if d, ok := float32s(v); ok {
		gradient(row, d)
	} else {
		gradient(row, float64s(v))
	}
}

func gradient[F kernels.Float](row *[quantities]float64, d []F) {
	row[PreActivationGradient] = norm(row, d)
	row[ZeroGradient] = float64(kernels.Zeros(d)) / float64(len(d))
	row[DenormalGradient] = float64(kernels.Denormals(d)) / float64(len(d))
}

// beforeStep reads the gradients of the weights, and keeps the weights.
func (p *Probe) beforeStep(s *train.State) error {
	p.now.Step = s.Step
	for i := range p.layers {
		l, row := &p.layers[i], &p.now.Layers[i]
		if l.first < i {
			row[WeightGradient] = p.now.Layers[l.first][WeightGradient]
			continue
		}
		grad, err := l.weight.Grad()
		if err != nil {
			return errors.Wrapf(err, "probe: %s", p.Layers[i])
		}
		if w, ok := float32s(l.weight.Value()); ok {
			d, _ := float32s(grad)
			row[WeightGradient] = norm(row, d)
			copy(l.before.([]float32), w)
		} else {
			row[WeightGradient] = norm(row, float64s(grad))
			copy(l.before.([]float64), float64s(l.weight.Value()))
		}
	}
	return nil
}

// afterStep compares the weights with what they were, and keeps the sample.
func (p *Probe) afterStep(*train.State) error {
	for i := range p.layers {
		l, row := &p.layers[i], &p.now.Layers[i]
		if l.first < i {
			row[WeightNorm], row[Update] = p.now.Layers[l.first][WeightNorm], p.now.Layers[l.first][Update]
		} else if w, ok := float32s(l.weight.Value()); ok {
			row[WeightNorm], row[Update] = update(w, l.before.([]float32))
		} else {
			row[WeightNorm], row[Update] = update(float64s(l.weight.Value()), l.before.([]float64))
		}
	}
	p.Samples = append(p.Samples, p.now)
	p.open()
	return nil
}

// update returns log10 of ‖before‖ and of ‖w - before‖/‖before‖. It uses before up.
func update[F kernels.Float](w, before []F) (size, ratio float64) {
	var unused [quantities]float64
	size = norm(&unused, before)
	kernels.Axpy(before, w, -1)
	return size, norm(&unused, before) - size
}

// Decades returns how many powers of ten the norm of a gradient loses from the last
// layer to the first, log10 ‖last‖ - log10 ‖first‖: +Inf where the first is 0, NaN
// where both are, or something in either layer is not finite. q is WeightGradient or
// PreActivationGradient.
func (s *Sample) Decades(q Quantity) float64 {
	if len(s.Layers) == 0 {
		return math.NaN()
	}
	first, last := s.Layers[0], s.Layers[len(s.Layers)-1]
	if first[NonFinite] > 0 || last[NonFinite] > 0 {
		return math.NaN()
	}
	return last[q] - first[q]
}
