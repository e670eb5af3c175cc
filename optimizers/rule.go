package optimizers

import (
	"github.com/pkg/errors"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Float is an element type.
type Float interface{ float32 | float64 }

// Rule is what makes an optimizer that optimizer: what it keeps of each parameter, and how it
// updates one. [New] does the rest. A rule in full:
//
//	func NewSignSGD(rate float64) (*optimizers.Optimizer, error) {
//		return optimizers.New(optimizers.PartitionRule{
//			Name: "signsgd",
//			Update: func(b *optimizers.Block[float64]) {
//				for i, g := range b.G {
//					if g != 0 {
//						b.To[i] -= math.Copysign(rate, g)
//					}
//				}
//			},
//		})
//	}
type Rule struct {
	Name string // lower-case, hyphenated
	// Needs is what Block has to hold besides the gradient.
	Needs Needs

	// The state of each parameter: vectors of its size, by the values that all their elements
	// have at first, and single numbers, which are 0 at first. It is saved and loaded.
	Vectors []float64
	Numbers int
	// Own, if not nil, gives the lengths of further vectors of state that a parameter of a
	// shape has, which are 0 at first.
	Own func(tensor.Shape) []int

	// Average, if not nil, returns the values at which a parameter is to be evaluated, a vector
	// of its state, if they are not those at which it is trained; nil before the first step.
	// See [Averager].
	Average func(*Block[float64]) []float64

	// Update updates one parameter. float32 parameters are widened for it, and their state is
	// float64, unless there is Update32 for them. An update has to be of the parameter by
	// itself, in whatever order parameters come.
	Update   func(*Block[float64])
	Update32 func(*Block[float32])
	// Squares says that Update32 squares gradients: a parameter then continues in float64 from
	// its first gradient on whose square is too large for float32.
	Squares bool

	// Together takes the place of Update where a rule looks at several parameters, or
	// asks for a second gradient.
	Together func(*Parameters) error

	// FullBatch says that the method is meant for full batches: it warns if it is given others.
	FullBatch bool
}

// Block is one parameter in one step, as a rule sees it. Slices hold until the rule returns;
// a matrix is row-major.
type Block[F Float] struct {
	Name   string
	Shape  tensor.Shape
	Single bool // the parameter is float32, whatever F is
	// Rows and Cols are those of a matrix: inputs and units of a layer. A vector is a row, a
	// scalar 1x1; of a tensor of more dimensions the first counts the rows.
	Rows, Cols int

	W  []F // value before the step, unless To is the same slice: read W[i] before To[i] changes
	G  []F // gradient
	To []F // where the rule adds its update

	Curvature []F // with NeedsCurvature: diagonal Gauss-Newton approximation of the second derivatives
	// With NeedsLayers: of each product x·W of which the parameter is the factor W, the inputs
	// x, batch times Rows, and the gradient by the product, batch times Cols. A layer's weights
	// are in one product, recurrent ones in one for each time step, biases in none.
	Inputs, OutputGradients [][]F

	// Of a link behind the optimizer, where G is the step: the gradient of the loss.
	Gradient []F

	State   [][]F // as Rule.Vectors
	Numbers []float64
	Own     [][]float64 // as Rule.Own

	Info *StepInfo
}

// Optimizer applies a [Rule] to all parameters, in the order of their names. It finds their
// state by name and checks values and gradients; see the package's documentation. It is a
// [SeparableSolver].
type Optimizer struct {
	table
	rule     Rule
	info     StepInfo
	together Parameters
	warnings []string
}

// New returns the optimizer of a rule.
func New(r Rule) (*Optimizer, error) {
	switch {
	case r.Name == "":
		return nil, errors.New("a rule needs a name")
	case (r.Update == nil) == (r.Together == nil):
		return nil, errors.Errorf("rule %s: want either Update or Together", r.Name)
	case r.Update32 != nil && r.Update == nil:
		return nil, errors.Errorf("rule %s: Update32 needs Update, for parameters of float64", r.Name)
	case r.Needs&NeedsGradient != 0 && r.Together == nil:
		return nil, errors.Errorf("rule %s: a second gradient covers all parameters: want Together", r.Name)
	case r.Needs&(NeedsCurvature|NeedsLayers) != 0 && r.Update32 != nil:
		return nil, errors.Errorf("rule %s: needs %v, which only rules in float64 are given: leave Update32 out", r.Name, r.Needs)
	case r.Average != nil && r.Update32 != nil:
		return nil, errors.Errorf("rule %s: an average is one in float64: leave Update32 out", r.Name)
	case r.Numbers < 0:
		return nil, errors.Errorf("rule %s: %d numbers", r.Name, r.Numbers)
	}
	o := &Optimizer{rule: r, table: table{
		name: r.Name, vectors: r.Vectors, numbers: r.Numbers, own: r.Own, narrow: r.Update32 != nil, squares: r.Squares}}
	o.together.o = o
	return o, nil
}

// Step updates the parameters in place and sets the gradients to zero.
func (o *Optimizer) Step(params []gorgonia.ValueGrad) error { return stepAndClear(o, o.name, params) }

// Needs says what StepWith has to be given.
func (o *Optimizer) Needs() Needs { return o.rule.Needs }

// StepWith updates the parameters in place.
func (o *Optimizer) StepWith(params []gorgonia.ValueGrad, info StepInfo) error {
	return o.Update(params, info, nil)
}

// Update adds the updates to the values of into, or to those of params if into
// is nil.
func (o *Optimizer) Update(params []gorgonia.ValueGrad, info StepInfo, into []gorgonia.Value) error {
	err := o.begin(params, into)
	if err == nil {
		o.take(info)
		err = o.needed()
	}
	if err == nil {
		err = o.apply()
	}
	o.info = StepInfo{}
	return errors.Wrap(err, o.name)
}

// take takes what the loop offers for a step.
func (o *Optimizer) take(info StepInfo) {
	if o.rule.FullBatch && info.Size > 0 && !info.Full && o.warnings == nil {
		o.warnings = []string{"it is a method for full batches: on mini-batches the signs of successive gradients " +
			"differ by chance, and what their magnitude tells is lost"}
	}
	o.info = info
}

// needed binds what the rule needs besides the gradients, and checks it, so that a step that
// fails changes nothing.
func (o *Optimizer) needed() error {
	needs := o.rule.Needs
	for _, n := range []struct {
		flag Needs
		none bool
	}{{NeedsGradient, o.info.Gradient == nil}, {NeedsCurvature, o.info.Curvature == nil}, {NeedsLayers, o.info.Layer == nil}} {
		if needs&n.flag != 0 && n.none {
			return errors.Wrapf(ErrNeedsMore, "needs %v", needs)
		}
	}
	for _, p := range o.active {
		if needs&NeedsCurvature != 0 {
			v := o.info.Curvature(p.name)
			if v == nil {
				return errors.Wrapf(ErrNeedsMore, "no curvature of %s", p.name)
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
		if needs&NeedsLayers != 0 {
			if err := p.bindProducts(o.info.Layer(p.name)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (o *Optimizer) apply() error {
	if o.rule.Together != nil {
		return o.rule.Together(&o.together)
	}
	for _, p := range o.active {
		o.one(p)
	}
	return nil
}

// one applies the rule to one parameter.
func (o *Optimizer) one(p *param) {
	b := p.block32
	if b == nil {
		o.wide(p, o.rule.Update)
		return
	}
	b.W, b.G, b.To, b.Info = p.w.f32, p.g.f32, p.to.f32, &o.info
	o.rule.Update32(b)
}

// wide applies a rule to one parameter in float64.
func (o *Optimizer) wide(p *param, rule func(*Block[float64])) {
	b := p.block64
	b.Info = &o.info
	if p.single {
		b.W, b.G, b.To = o.scratch.w[:p.size], o.scratch.g[:p.size], o.scratch.w[:p.size]
		p.w.widen(b.W)
		p.g.widen(b.G)
		if p.into() {
			b.To = o.scratch.to[:p.size]
			p.to.widen(b.To)
		}
	} else {
		b.W, b.G, b.To = p.w.f64, p.g.f64, p.to.f64
	}
	if o.rule.Needs&NeedsCurvature != 0 {
		b.Curvature = p.h.f64
		if p.single {
			b.Curvature = o.scratch.h[:p.size]
			p.h.widen(b.Curvature)
		}
	}
	rule(b)
	for i := range p.to.f32 {
		p.to.f32[i] = float32(b.To[i])
	}
}

// bindProducts gives the block of p the data of its products.
func (p *param) bindProducts(inputs, gradients []gorgonia.Value) error {
	if len(inputs) != len(gradients) {
		return errors.Errorf("products of %s: %d inputs and %d gradients", p.name, len(inputs), len(gradients))
	}
	b := p.block64
	for len(b.Inputs) < len(inputs) {
		b.Inputs, b.OutputGradients = append(b.Inputs, nil), append(b.OutputGradients, nil)
	}
	b.Inputs, b.OutputGradients = b.Inputs[:len(inputs)], b.OutputGradients[:len(inputs)]
	for i := range inputs {
		rows := 0
		for _, s := range []struct {
			v    gorgonia.Value
			to   *[]float64
			cols int
			what string
		}{{inputs[i], &b.Inputs[i], b.Rows, "inputs"}, {gradients[i], &b.OutputGradients[i], b.Cols, "output gradients"}} {
			data, err := viewOf(s.v)
			if err != nil {
				return errors.Wrapf(err, "%s of %s", s.what, p.name)
			}
			if data.single() != p.single || data.len()%s.cols != 0 || rows > 0 && data.len() != rows*s.cols {
				return errors.Errorf("%s of %s are %v of %v: want rows of %d, of %v", s.what, p.name, s.v.Shape(), s.v.Dtype(), s.cols, p.dtype())
			}
			rows = data.len() / s.cols
			if !finite(data.squaredSum()) {
				return errors.Wrapf(ErrNonFinite, "%s of %s", s.what, p.name)
			}
			if !p.single {
				*s.to = data.f64
				continue
			}
			if cap(*s.to) < data.len() {
				*s.to = make([]float64, data.len())
			}
			*s.to = (*s.to)[:data.len()]
			data.widen(*s.to)
		}
	}
	return nil
}

// Warnings tells what was found odd about the optimizer's use.
func (o *Optimizer) Warnings() []string { return o.warnings }

// Separable reports whether the rule is applied to each parameter by itself, with
// nothing but its gradient and the loss.
func (o *Optimizer) Separable() bool {
	return o.rule.Together == nil && o.rule.Needs&^NeedsLoss == 0
}

// Bind returns the step of one parameter.
func (o *Optimizer) Bind(vg gorgonia.ValueGrad, gradient, into gorgonia.Value) (func(StepInfo) error, error) {
	if !o.Separable() {
		return nil, errors.Errorf("%s does not step each parameter by itself", o.name)
	}
	b, err := o.bind(vg, gradient, into)
	if err != nil {
		return nil, errors.Wrap(err, o.name)
	}
	return func(info StepInfo) error {
		err := b.refresh()
		if err == nil {
			err = o.check(b.p)
		}
		if err != nil {
			return errors.Wrap(err, o.name)
		}
		o.take(info)
		o.one(b.p)
		o.info = StepInfo{}
		return nil
	}, nil
}

// bound is a parameter whose value, gradient and target stay where they are.
type bound struct {
	t         *table
	vg        gorgonia.ValueGrad
	p         *param
	w, g, to  view
	loads     int
	gradient  gorgonia.Value
	elsewhere gorgonia.Value // nil: the update goes to the value
}

// bind finds a parameter for steps of its own.
func (t *table) bind(vg gorgonia.ValueGrad, gradient, into gorgonia.Value) (*bound, error) {
	b := &bound{t: t, vg: vg, gradient: gradient, elsewhere: into}
	return b, b.find()
}

func (b *bound) find() (err error) {
	b.t.visit++
	if b.p, err = b.t.find(b.vg); err != nil {
		return err
	}
	b.loads, b.w = b.t.loads, b.p.w
	if b.g, err = b.p.like(b.gradient, "gradient"); err != nil {
		return err
	}
	if b.to = b.w; b.elsewhere != nil {
		b.to, err = b.p.like(b.elsewhere, "update")
	}
	return err
}

// refresh makes the parameter's views those that were bound: others may have used it, and a
// state may have been loaded.
func (b *bound) refresh() error {
	if b.loads != b.t.loads {
		if err := b.find(); err != nil {
			return err
		}
	}
	b.p.w, b.p.g, b.p.to = b.w, b.g, b.to
	return nil
}

var (
	_ Updater         = (*Optimizer)(nil)
	_ Preparer        = (*Optimizer)(nil)
	_ Warner          = (*Optimizer)(nil)
	_ SeparableSolver = (*Optimizer)(nil)
)
