package probe

import (
	"math"
	"slices"
	"strings"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/internal/kernels"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/train"
	"github.com/gradflow/gradflow/vm"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Sample has the measurements of one step: a row for each layer, with a number for each
// quantity.
type Sample struct {
	Step   int // updates before it
	Layers [][]float64

	quantities []Quantity
}

// At returns a quantity of a layer; NaN if it was not measured.
func (s *Sample) At(layer int, q Quantity) float64 {
	if i := slices.Index(s.quantities, q); i >= 0 {
		return s.Layers[layer][i]
	}
	return math.NaN()
}

// Probe measures a network's layers at the steps of a schedule.
type Probe struct {
	Layers     []string   // their names
	Quantities []Quantity // what is measured, in the order of Catalogue
	Samples    []Sample   // one for each measured step

	layers []layer
	at     [sources][]measurement
	spare  []Sample // memory allocated for samples
	now    Sample   // the sample that the next run fills
	values Values

	spectra func() ([]Spectrum, error)
}

// measurement is a quantity measured of a source.
type measurement struct {
	quantity int
	value    func(*Values) float64
	memory   func(examples, units int) int
	adds     bool // to what was measured of another source
	also     bool // of the pre-activations
}

type layer struct {
	weight     *G.Node
	before     *tensor.Dense // a copy of W before the step
	first      int           // the first layer with the same weight, as time steps share one
	regions    []activations.Interval
	saturates  bool // regions are defined
	weightNorm float64
	linear     bool        // the activations are the pre-activations
	follows    bool        // the gradient comes from the next layer
	gradient   float64     // norm of ∂L/∂z in this step; NaN: not known yet
	memory     [][]float64 // of each quantity
}

// New makes a probe of the training machine m of a network. Saturation is given for the name of
// an activation; the output layer is never saturated. samples is the number of samples to
// allocate memory for, so that measuring allocates nothing. All quantities of Catalogue are
// measured; those on request only if asked for.
func New(n *models.Network, m *vm.Machine, saturation map[string][]activations.Interval, samples int, request ...Quantity) (*Probe, error) {
	p := &Probe{Samples: make([]Sample, 0, samples)}
	if err := p.choose(request); err != nil {
		return nil, err
	}
	first := map[*G.Node]int{}
	for i, l := range n.Layers {
		p.Layers = append(p.Layers, l.Name)
		own := layer{weight: l.Weight, first: i, linear: l.Activation == l.PreActivation, gradient: math.NaN()}
		own.follows = i+1 < len(n.Layers) && follows(l.Name, n.Layers[i+1].Name)
		own.regions, own.saturates = saturation[l.Function]
		own.saturates = own.saturates || l.Function == ""
		if k, shared := first[l.Weight]; shared {
			own.first = k
		} else {
			first[l.Weight] = i
			own.before = l.Weight.Value().(*tensor.Dense).Clone().(*tensor.Dense)
		}
		p.remember(&own, l.PreActivation.Shape())
		p.layers = append(p.layers, own)
		d := l.PreActivation.Deriv()
		if d == nil {
			return nil, errors.Errorf("probe: %s has no gradient: build the network for training", l.Name)
		}
		err := m.Observe(l.PreActivation, func(v G.Value) { p.forward(i, v) })
		if err == nil && !own.linear {
			err = m.Observe(l.Activation, func(v G.Value) { p.measure(i, Activations, v) })
		}
		if err == nil {
			err = m.Observe(d, func(v G.Value) { p.measure(i, PreActivationGradients, v) })
		}
		if err != nil {
			return nil, errors.Wrapf(err, "probe: %s", l.Name)
		}
	}
	for range samples + 1 {
		p.spare = append(p.spare, p.empty())
	}
	p.open()
	return p, nil
}

// follows reports whether the gradient of a layer comes from the one that is listed next: not
// from the last time step of a recurrent layer to the first of the next.
func follows(name, next string) bool {
	layer, _, step := strings.Cut(name, "/t")
	above, _, stepAbove := strings.Cut(next, "/t")
	return !step || !stepAbove || layer == above
}

// remember allocates the memory of a layer's quantities, and room for their sums.
func (p *Probe) remember(l *layer, z tensor.Shape) {
	elements, examples := z.TotalSize(), 1
	if len(z) > 1 {
		examples = z[0]
	}
	units := elements / max(examples, 1)
	p.values.spread.fit(elements, units)
	l.memory = make([][]float64, len(p.Quantities))
	for _, at := range p.at {
		for _, m := range at {
			if m.memory != nil {
				l.memory[m.quantity] = make([]float64, m.memory(examples, units))
			}
		}
	}
}

// choose makes the measured quantities of the catalogue.
func (p *Probe) choose(request []Quantity) error {
	for _, q := range request {
		if _, err := Catalogue.Make(catalogue.Choice{Name: string(q)}); err != nil {
			return errors.Wrap(err, "probe")
		}
	}
	for _, name := range Catalogue.Names() {
		m, err := Catalogue.Make(catalogue.Choice{Name: name})
		if err == nil && m.OnRequest && !slices.Contains(request, Quantity(name)) {
			continue
		}
		k := len(p.Quantities)
		switch {
		case err != nil:
			return errors.Wrap(err, "probe")
		case m.Value == nil || len(m.Of) == 0 || !slices.IsSorted(m.Of) || m.Of[0] < 0 || m.Of[len(m.Of)-1] >= sources:
			return errors.Errorf("probe: quantity %s: want Value and Of, with Of in the order of a step", name)
		}
		p.Quantities = append(p.Quantities, Quantity(name))
		for i, s := range m.Of {
			p.at[s] = append(p.at[s], measurement{k, m.Value, m.Memory, i > 0, slices.Contains(m.Of, PreActivations)})
		}
	}
	return nil
}

func (p *Probe) empty() Sample {
	s := Sample{Layers: make([][]float64, len(p.Layers)), quantities: p.Quantities}
	rows := make([]float64, len(p.Layers)*len(p.Quantities))
	for i := range s.Layers {
		s.Layers[i], rows = rows[:len(p.Quantities):len(p.Quantities)], rows[len(p.Quantities):]
	}
	return s
}

// Measures reports whether a quantity of a source is measured.
func (p *Probe) Measures(s Source) bool { return len(p.at[s]) > 0 }

// SetSpectra sets what measures the Jacobians from the layers to the last hidden one, with the
// parameters as they are before a step: one spectrum for each layer.
func (p *Probe) SetSpectra(f func() ([]Spectrum, error)) { p.spectra = f }

// Hook returns the hook that measures at the steps of a schedule. No other hook may
// observe the same nodes.
func (p *Probe) Hook(when train.Schedule) train.Hook {
	selects := func(step int) bool {
		chosen := when == nil || when(step)
		if chosen {
			p.values.step = step
		}
		return chosen
	}
	return train.Hook{When: selects, Observe: true, Before: p.beforeStep, After: p.afterStep, Memory: p}
}

// open prepares the next sample for the observers.
func (p *Probe) open() {
	if len(p.spare) == 0 {
		p.spare = append(p.spare, p.empty())
	}
	last := len(p.spare) - 1
	p.now, p.spare = p.spare[last], p.spare[:last]
}

// measure measures the quantities of a source in layer i.
func (p *Probe) measure(i int, s Source, x G.Value) {
	l, v := &p.layers[i], &p.values
	v.set(x)
	v.regions, v.saturates, v.weightNorm = l.regions, l.saturates, l.weightNorm
	v.above = math.NaN()
	if s == PreActivationGradients && l.follows {
		v.above = p.layers[i+1].gradient
	}
	for _, m := range p.at[s] {
		p.keep(i, m)
	}
	if s == PreActivationGradients {
		l.gradient = v.Norm()
	}
}

func (p *Probe) keep(i int, m measurement) {
	at := &p.now.Layers[i][m.quantity]
	p.values.memory = p.layers[i].memory[m.quantity]
	if value := m.value(&p.values); m.adds {
		*at += value
	} else {
		*at = value
	}
}

// forward measures the pre-activations, which in a linear layer are also the activations.
func (p *Probe) forward(i int, x G.Value) {
	p.measure(i, PreActivations, x)
	if p.layers[i].linear {
		for _, m := range p.at[Activations] {
			if !m.also { // counted already
				p.keep(i, m)
			}
		}
	}
}

// share copies the measurements of a source from the first layer with the same weight. Sums are
// counted only there.
func (p *Probe) share(i int, s Source) {
	for _, m := range p.at[s] {
		if !m.adds {
			p.now.Layers[i][m.quantity] = p.now.Layers[p.layers[i].first][m.quantity]
		}
	}
}

// beforeStep measures the gradients of the weights, and keeps the weights.
func (p *Probe) beforeStep(s *train.State) error {
	p.now.Step = s.Step
	for i := range p.layers {
		l := &p.layers[i]
		if l.first < i {
			p.share(i, WeightGradients)
			p.share(i, Weights)
			continue
		}
		grad, err := l.weight.Grad()
		if err != nil {
			return errors.Wrapf(err, "probe: %s", p.Layers[i])
		}
		p.measure(i, WeightGradients, grad)
		w := l.weight.Value().(*tensor.Dense)
		p.measure(i, Weights, w)
		l.weightNorm = p.values.Norm()
		if w.Dtype() == tensor.Float32 {
			copy(l.before.Float32s(), w.Float32s())
		} else {
			copy(l.before.Float64s(), w.Float64s())
		}
	}
	return p.measureSpectra()
}

// measureSpectra measures the quantities of the Jacobian, if there are any.
func (p *Probe) measureSpectra() error {
	if !p.Measures(Spectra) {
		return nil
	}
	if p.spectra == nil {
		return errors.New("probe: quantities of the Jacobian need SetSpectra")
	}
	list, err := p.spectra()
	if err != nil {
		return errors.Wrap(err, "probe")
	}
	if len(list) != len(p.layers) {
		return errors.Errorf("probe: %d spectra for %d layers", len(list), len(p.layers))
	}
	for i := range p.layers {
		p.values.spectrum = list[i]
		for _, m := range p.at[Spectra] {
			p.keep(i, m)
		}
	}
	return nil
}

// afterStep compares the weights with those before the step, and keeps the sample.
func (p *Probe) afterStep(*train.State) error {
	for i := range p.layers {
		l := &p.layers[i]
		if l.first < i {
			p.share(i, Updates)
			continue
		}
		if w := l.weight.Value().(*tensor.Dense); w.Dtype() == tensor.Float32 {
			kernels.Axpy(l.before.Float32s(), w.Float32s(), -1)
		} else {
			kernels.Axpy(l.before.Float64s(), w.Float64s(), -1)
		}
		p.measure(i, Updates, l.before)
	}
	for i := range p.layers {
		p.layers[i].gradient = math.NaN()
	}
	p.Samples = append(p.Samples, p.now)
	p.open()
	return nil
}

// Look keeps the sample of a run without an update, as by train.Loop.Look: quantities of updates
// are NaN.
func (p *Probe) Look() {
	for i := range p.layers {
		for _, m := range p.at[Updates] {
			if !m.adds {
				p.now.Layers[i][m.quantity] = math.NaN()
			}
		}
		p.layers[i].gradient = math.NaN()
	}
	p.Samples = append(p.Samples, p.now)
	p.open()
}

// Decades returns how many powers of ten the norm of a gradient loses from the last
// layer to the first, log10 ‖last‖ - log10 ‖first‖: +Inf where the first is 0, NaN
// where both are, or something in either layer is not finite. q is WeightGradient or
// PreActivationGradient.
func (s *Sample) Decades(q Quantity) float64 {
	if len(s.Layers) == 0 {
		return math.NaN()
	}
	last := len(s.Layers) - 1
	if s.At(0, NonFinite) > 0 || s.At(last, NonFinite) > 0 {
		return math.NaN()
	}
	return s.At(last, q) - s.At(0, q)
}
