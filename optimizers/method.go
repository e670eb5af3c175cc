package optimizers

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/gradflow/gradflow/internal/arena"
	"github.com/gradflow/gradflow/internal/kernels"
	"github.com/pkg/errors"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// method is what all optimizers here have in common: it finds the state of each
// parameter by its name, checks values and gradients, and applies a rule to one
// parameter after the other, in the order of their names. An optimizer is a
// method with its rule.
type method struct {
	name  string
	needs Needs

	vectors []float64 // the state vectors of a parameter, by their initial values
	numbers int       // how many single numbers of state a parameter has; they start at 0

	// rule updates one parameter in float64. float32 parameters go through it in
	// float64 as well, unless there is a rule for them and precise is not set.
	rule    func(*block[float64])
	rule32  func(*block[float32])
	precise bool // needs the exponents of a float64 whatever the gradients are
	squares bool // rule32 needs them for large gradients

	fullBatch bool // meant for full batches: warn otherwise

	// all updates all parameters in place of the rules, for methods that look at
	// more than one of them: it calls each (see below).
	all func() error

	batch    Batch
	warnings []string

	params  map[string]*param
	loads   int // how often params has been replaced by saved ones
	memory  arena.Arena
	active  []*param // those of this step, by name
	visit   uint64   // counts steps, to find a parameter that comes twice
	scratch struct{ w, g, to, h []float64 }
}

// block is one parameter in one step, as a rule sees it.
type block[F kernels.Float] struct {
	name string

	w  []F // value before the step, unless to is the same slice
	g  []F // gradient
	to []F // where the rule adds its update
	h  []F // curvature, if the method needs it

	s [][]F     // state vectors
	n []float64 // state numbers

	rows, cols int
	batch      *Batch
}

// param is a parameter that has been seen, with its state.
type param struct {
	name   string
	shape  tensor.Shape
	size   int
	single bool // float32

	block32 *block[float32] // one of the two: the state in the arithmetic of the rule
	block64 *block[float64]
	safe    float64 // the sum of the squares of elements up to this is at most wide²

	valueGrad gorgonia.ValueGrad
	w, g, to  view // of this step; to is w unless the update goes elsewhere
	h         view // curvature, if the method needs it
	visit     uint64
}

// wide is the gradient from which on float32 squares are avoided: from here to
// overflow, a sum of 10^8 squares has room.
const wide = 1e15

// narrowest is the smallest eps that hides the underflow of float32 squares.
const narrowest = 1e-16

// Step updates the parameters in place and sets the gradients to zero.
func (m *method) Step(params []gorgonia.ValueGrad) error { return stepAndClear(m, m.name, params) }

// Needs says what StepBatch has to be given.
func (m *method) Needs() Needs { return m.needs }

// StepBatch updates the parameters in place.
func (m *method) StepBatch(params []gorgonia.ValueGrad, b Batch) error {
	return m.Update(params, b, nil)
}

// Update adds the updates to the values of into, or to those of params if into
// is nil.
func (m *method) Update(params []gorgonia.ValueGrad, b Batch, into []gorgonia.Value) error {
	if err := m.begin(params, into); err != nil {
		return errors.Wrap(err, m.name)
	}
	if m.needs&NeedsGradient != 0 && b.Gradient == nil || m.needs&NeedsCurvature != 0 && b.Curvature == nil {
		return errors.Wrapf(ErrNeedsBatch, "%s needs %v", m.name, m.needs)
	}
	m.take(b)
	err := m.bindCurvatures()
	if err == nil {
		err = m.apply()
	}
	m.batch = Batch{}
	return errors.Wrap(err, m.name)
}

// take takes what the loop offers for a step.
func (m *method) take(b Batch) {
	if m.fullBatch && b.Size > 0 && !b.Full && m.warnings == nil {
		m.warnings = []string{m.name + " is a method for full batches: on mini-batches the signs of successive gradients " +
			"differ by chance, and what their magnitude tells is lost"}
	}
	m.batch = b
}

func (m *method) apply() error {
	if m.all != nil {
		return m.all()
	}
	for _, p := range m.active {
		if err := m.one(p); err != nil {
			return err
		}
	}
	return nil
}

// one applies the rule to one parameter.
func (m *method) one(p *param) error {
	if p.block32 == nil {
		return m.each(p, m.rule)
	}
	b := p.block32
	b.w, b.g, b.to, b.batch = p.w.f32, p.g.f32, p.to.f32, &m.batch
	m.rule32(b)
	return nil
}

// each applies a rule to one parameter in float64.
func (m *method) each(p *param, rule func(*block[float64])) error {
	b := p.block64
	b.batch = &m.batch
	apart := p.into()
	if p.single {
		b.w, b.g, b.to = m.scratch.w[:p.size], m.scratch.g[:p.size], m.scratch.w[:p.size]
		p.w.widen(b.w)
		p.g.widen(b.g)
		if apart {
			b.to = m.scratch.to[:p.size]
			p.to.widen(b.to)
		}
	} else {
		b.w, b.g, b.to = p.w.f64, p.g.f64, p.to.f64
	}
	if m.needs&NeedsCurvature != 0 {
		b.h = p.h.f64
		if p.single {
			b.h = m.scratch.h[:p.size]
			p.h.widen(b.h)
		}
	}
	rule(b)
	for i := range p.to.f32 {
		p.to.f32[i] = float32(b.to[i])
	}
	return nil
}

// into tells whether the update goes elsewhere than to the value.
func (p *param) into() bool {
	if p.single {
		return &p.to.f32[0] != &p.w.f32[0]
	}
	return &p.to.f64[0] != &p.w.f64[0]
}

// bindCurvatures binds the present curvatures, if the method needs them, and checks
// them, so that a step that fails changes nothing.
func (m *method) bindCurvatures() error {
	if m.needs&NeedsCurvature == 0 {
		return nil
	}
	for _, p := range m.active {
		v := m.batch.Curvature(p.name)
		if v == nil {
			return errors.Wrapf(ErrNeedsBatch, "no curvature of %s", p.name)
		}
		h, err := viewOf(v)
		if err != nil {
			return errors.Wrapf(err, "curvature of %s", p.name)
		}
		if !v.Shape().Eq(p.shape) || h.single() != p.single {
			return errors.Errorf("curvature of %s is %v of %v, its value %v of %v", p.name, v.Shape(), v.Dtype(), p.shape, p.dtype())
		}
		if !finite(h.squaredSum()) {
			return errors.Wrapf(ErrNonFinite, "curvature of %s", p.name)
		}
		p.h = h
	}
	return nil
}

func (p *param) dtype() tensor.Dtype {
	if p.single {
		return tensor.Float32
	}
	return tensor.Float64
}

// begin checks everything and binds it, so that what follows cannot fail halfway.
func (m *method) begin(params []gorgonia.ValueGrad, into []gorgonia.Value) error {
	m.visit++
	m.active = m.active[:0]
	if into != nil && len(into) != len(params) {
		return errors.Errorf("%d parameters and %d updates", len(params), len(into))
	}
	for i, vg := range params {
		p, err := m.find(vg)
		if err != nil {
			return err
		}
		if p.to = p.w; into != nil {
			if p.to, err = p.like(into[i], "update"); err != nil {
				return err
			}
		}
		if err := m.bindGradient(p); err != nil {
			return err
		}
		m.active = append(m.active, p)
	}
	// The order of names makes sums over parameters independent of the order in
	// which they are given.
	if !slices.IsSortedFunc(m.active, byName) {
		slices.SortFunc(m.active, byName)
	}
	return nil
}

// bindGradient binds the present gradient of p and checks it.
func (m *method) bindGradient(p *param) error {
	g, err := p.valueGrad.Grad()
	if err != nil {
		return errors.Wrapf(err, "parameter %s", p.name)
	}
	if p.g, err = p.like(g, "gradient"); err != nil {
		return err
	}
	return m.check(p)
}

// check checks the present gradient of p.
func (m *method) check(p *param) error {
	if p.g.maxAbs() <= p.safe {
		return nil
	}
	sum := p.g.squaredSum()
	if !finite(sum) {
		return notFinite(p)
	}
	if m.squares && p.block32 != nil && sum > wide*wide {
		p.promote()
	}
	return nil
}

func byName(a, b *param) int { return cmp.Compare(a.name, b.name) }

func finite(x float64) bool { return x-x == 0 }

func notFinite(p *param) error {
	at, what := 0, "too large to be squared"
	for i := range p.size {
		x := 0.
		if p.single {
			x = float64(p.g.f32[i])
		} else {
			x = p.g.f64[i]
		}
		if !finite(x) {
			return &NonFiniteError{p.name, fmt.Sprintf("element %d of %d is %g", i, p.size, x)}
		}
		if math.Abs(x) > 1e150 {
			at = i
		}
	}
	return &NonFiniteError{p.name, fmt.Sprintf("element %d of %d is %s", at, p.size, what)}
}

// Prepare checks the parameters and allocates their state.
func (m *method) Prepare(params []gorgonia.ValueGrad) error {
	m.visit++
	for _, vg := range params {
		if _, err := m.find(vg); err != nil {
			return errors.Wrap(err, m.name)
		}
	}
	return nil
}

// find returns the parameter with its value bound, made anew if necessary.
func (m *method) find(vg gorgonia.ValueGrad) (*param, error) {
	name, err := nameOf(vg)
	if err != nil {
		return nil, err
	}
	value := vg.Value()
	p := m.params[name]
	if p == nil {
		w, err := viewOf(value)
		if err != nil {
			return nil, errors.Wrapf(err, "parameter %s: its value", name)
		}
		if w.len() == 0 {
			return nil, errors.Errorf("parameter %s is empty", name)
		}
		p = m.add(name, value.Shape().Clone(), w.len(), w.single())
	}
	if p.visit == m.visit {
		return nil, errors.Errorf("two parameters are called %q", name)
	}
	if p.w, err = p.like(value, "value"); err != nil {
		return nil, err
	}
	p.visit, p.valueGrad = m.visit, vg
	return p, nil
}

func nameOf(vg gorgonia.ValueGrad) (string, error) {
	n, ok := vg.(gorgonia.Namer)
	if !ok || n.Name() == "" {
		return "", errors.Errorf("a parameter (%T) has no name: give it one, with gorgonia.WithName if it is a node", vg)
	}
	return n.Name(), nil
}

// like returns the data of v, which has to have the shape and type of p.
func (p *param) like(v gorgonia.Value, what string) (view, error) {
	data, err := viewOf(v)
	if err != nil {
		return data, errors.Wrapf(err, "parameter %s: its %s", p.name, what)
	}
	if !v.Shape().Eq(p.shape) || data.single() != p.single {
		return data, errors.Errorf("parameter %s: its %s has shape %v of %v where %v of %v was expected",
			p.name, what, v.Shape(), v.Dtype(), p.shape, p.dtype())
	}
	return data, nil
}

func (m *method) add(name string, shape tensor.Shape, size int, single bool) *param {
	p := &param{name: name, shape: shape, size: size, single: single}
	if single && m.rule32 != nil && !m.precise {
		p.block32 = newBlock[float32](m, p)
	} else {
		p.block64 = newBlock[float64](m, p)
	}
	m.insert(p)
	return p
}

func (m *method) insert(p *param) {
	if m.params == nil {
		m.params = make(map[string]*param)
	}
	m.params[p.name] = p
	p.safe = wide / math.Sqrt(float64(p.size))
	if s := &m.scratch; p.single && len(s.w) < p.size {
		s.w, s.g, s.to, s.h = make([]float64, p.size), make([]float64, p.size), make([]float64, p.size), make([]float64, p.size)
	}
}

func newBlock[F kernels.Float](m *method, p *param) *block[F] {
	b := &block[F]{name: p.name, s: make([][]F, len(m.vectors)), n: make([]float64, m.numbers)}
	b.rows, b.cols = rowsCols(p.shape, p.size)
	for i, initial := range m.vectors {
		b.s[i] = arena.Make[F](&m.memory, p.size)
		if initial != 0 {
			for j := range b.s[i] {
				b.s[i][j] = F(initial)
			}
		}
	}
	return b
}

// promote continues a float32 parameter in float64.
func (p *param) promote() {
	b := p.block32
	w := &block[float64]{name: b.name, s: make([][]float64, len(b.s)), n: b.n, rows: b.rows, cols: b.cols}
	for i, s := range b.s {
		w.s[i] = make([]float64, p.size)
		view{f32: s}.widen(w.s[i])
	}
	p.block32, p.block64 = nil, w
}

// Warnings tells what was found odd about the optimizer's use.
func (m *method) Warnings() []string { return m.warnings }
