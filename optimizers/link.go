package optimizers

import (
	"maps"
	"math"
	"slices"

	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/internal/kernels"
	"github.com/pkg/errors"
	"gorgonia.org/gorgonia"
)

// Links lists the links of a chain that a study or a flag can name.
var Links = catalogue.New("link",
	catalogue.Row("clip-value", "clips each element to at most limit in magnitude", NewClipValue),
	catalogue.Row("clip-norm", "clips each parameter's gradient to a norm of at most limit", NewClipNorm),
	catalogue.Row("clip-global-norm", "clips the norm of all gradients together to at most limit", NewClipGlobalNorm),
	catalogue.Row("clip-adaptive", "clips each unit's gradient relative to the norm of its weights", NewClipAdaptive),
	catalogue.Row("noise", "adds decaying Gaussian noise", NewNoise),
	catalogue.Row("centralize", "subtracts the mean of each unit's gradient", NewCentralize),
	catalogue.Row("weight-decay", "adds rate·w", NewWeightDecay),
	catalogue.Row("schedule", "multiplies by a factor that depends on the step", NewScheduled),
	catalogue.Row("scale", "multiplies by a factor chosen by the parameter's name", NewScale),
	catalogue.Row("scale-by-depth", "multiplies by base^k, k the number of layers above", NewScaleByDepth),
	catalogue.Row("scale-by-gradient", "equalises the measured gradients of all layers", NewScaleByGradient),
	catalogue.Row("scale-by-chi", "compensates the measured decay of the error through the layers", NewScaleByChi),
	catalogue.Row("cautious", "masks the parts of a step that oppose the gradient", NewCautious),
	catalogue.Row("scale-by-norm", "equalises the measured gradient norms of all parameters", NewScaleByNorm),
)

// Transform defines a link of a [Chain]: how it changes a gradient before the optimizer sees it,
// or a step before it is applied. [NewLink] does the rest. A complete transform:
//
//	optimizers.NewLink(optimizers.Transform{
//		Name: "sign",
//		Change: func(b *optimizers.Block[float64], step int) {
//			for i, g := range b.G {
//				if g != 0 {
//					b.G[i] = math.Copysign(1, g)
//				}
//			}
//		},
//	})
type Transform struct {
	Name string // lower-case, hyphenated

	// The state of each parameter, as in [Rule].
	Vectors []float64
	Numbers int

	// Needs is what the training loop must provide besides gradients: nothing, or NeedsLayers.
	Needs Needs
	// Steps says that the link compares steps with gradients, and so must follow an
	// optimizer: Block.Gradient is the gradient of the loss.
	Steps bool

	// Change changes Block.G, the gradient of one parameter; after the optimizer, G is the step
	// about to be subtracted from the value. W is the value, To is nil. step counts the
	// steps of the chain from 0; it repeats for the second gradient that some optimizers ask
	// for. Without Change32, float32 parameters are widened.
	Change   func(b *Block[float64], step int)
	Change32 func(b *Block[float32], step int)

	// Measure, if not nil, sees all gradients before any is changed. The chain is then not
	// separable.
	Measure func(ps *Parameters, step int) error

	// Names, if not nil, is called with the names of all parameters, sorted: by Prepare, and
	// again when new parameters appear.
	Names func(names []string) error
}

// Link is a part of a [Chain]: a [Transform] with its state, for all parameters.
type Link struct {
	table
	t    Transform
	all  Parameters
	told int // how many names Transform.Names was told
}

// NewLink returns the link that a transform defines.
func NewLink(t Transform) (*Link, error) {
	switch {
	case t.Name == "":
		return nil, errors.New("a transform needs a name")
	case t.Change == nil:
		return nil, errors.Errorf("transform %s: want Change", t.Name)
	case t.Needs&^NeedsLayers != 0:
		return nil, errors.Errorf("transform %s: needs %v, but links can only have %v", t.Name, t.Needs, NeedsLayers)
	case t.Needs != 0 && (t.Change32 != nil || t.Measure == nil):
		return nil, errors.Errorf("transform %s: needs %v, which Measure sees, in float64: leave Change32 out", t.Name, t.Needs)
	case t.Numbers < 0:
		return nil, errors.Errorf("transform %s: %d numbers", t.Name, t.Numbers)
	}
	l := &Link{t: t, table: table{name: t.Name, vectors: t.Vectors, numbers: t.Numbers, narrow: t.Change32 != nil}}
	l.all.l = l
	return l, nil
}

// Apply changes the gradients of params in place; a chain works on its own copies.
// The values are not changed. step counts from 0.
// A link that compares steps with gradients, or needs more, works only in a chain.
func (l *Link) Apply(step int, params []gorgonia.ValueGrad) error {
	if l.t.Steps || l.t.Needs != 0 {
		return errors.Wrapf(ErrNeedsMore, "%s works only in a chain", l.name)
	}
	err := l.begin(params, nil)
	if err == nil {
		err = l.change(step)
	}
	return errors.Wrap(err, l.name)
}

// applyTo changes data that belong to parameters of a chain.
func (l *Link) applyTo(step int, ps []*param, of proxies, info *StepInfo) error {
	if l.t.Needs != 0 && info.Layer == nil {
		return errors.Wrapf(ErrNeedsMore, "%s needs %v", l.name, l.t.Needs)
	}
	l.active = l.active[:0]
	for _, p := range ps {
		q, err := l.of(p, of[p.name].data)
		if err == nil && l.t.Needs != 0 {
			err = q.bindProducts(info.Layer(q.name))
		}
		if err != nil {
			return errors.Wrap(err, l.name)
		}
		l.active = append(l.active, q)
	}
	return errors.Wrap(l.change(step), l.name)
}

// of returns the link's own parameter of a chain's, bound to the data that are changed.
func (l *Link) of(p *param, g view) (*param, error) {
	q := l.params[p.name]
	if q == nil {
		q = l.add(p.name, p.shape, p.size, p.single)
	}
	if q.single != p.single || !q.shape.Eq(p.shape) {
		return nil, errors.Errorf("parameter %s has shape %v of %v where %v of %v was expected", p.name, p.shape, p.dtype(), q.shape, q.dtype())
	}
	q.w, q.g, q.gradient = p.w, g, p.g
	return q, nil
}

// change changes the active parameters.
func (l *Link) change(step int) error {
	if err := l.tell(); err != nil {
		return err
	}
	if l.t.Measure != nil {
		if err := l.t.Measure(&l.all, step); err != nil {
			return err
		}
	}
	for _, p := range l.active {
		l.one(p, step)
	}
	return nil
}

// tell tells the names of all parameters that were ever seen, if there are new ones.
func (l *Link) tell() error {
	if l.t.Names == nil || l.told == len(l.params) {
		return nil
	}
	if err := l.t.Names(slices.Sorted(maps.Keys(l.params))); err != nil {
		return err
	}
	l.told = len(l.params)
	return nil
}

// one changes one parameter.
func (l *Link) one(p *param, step int) {
	if b := p.block32; b != nil {
		b.W, b.G, b.Gradient = p.w.f32, p.g.f32, p.gradient.f32
		l.t.Change32(b, step)
		return
	}
	b := p.block64
	if !p.single {
		b.W, b.G, b.Gradient = p.w.f64, p.g.f64, p.gradient.f64
		l.t.Change(b, step)
		return
	}
	b.W, b.G = l.scratch.w[:p.size], l.scratch.g[:p.size]
	p.w.widen(b.W)
	p.g.widen(b.G)
	if l.t.Steps {
		b.Gradient = l.scratch.h[:p.size]
		p.gradient.widen(b.Gradient)
	}
	l.t.Change(b, step)
	for i, g := range b.G {
		p.g.f32[i] = float32(g)
	}
}

// Prepare checks the parameters, allocates their state and tells their names.
func (l *Link) Prepare(params []gorgonia.ValueGrad) error {
	if err := l.table.Prepare(params); err != nil {
		return err
	}
	return errors.Wrap(l.tell(), l.name)
}

// Separable reports whether the link changes each parameter by itself.
func (l *Link) Separable() bool { return l.t.Measure == nil }

// WeightDecayConfig has the settings of [NewWeightDecay].
type WeightDecayConfig struct {
	Rate float64 `json:"rate" default:"0.0001" range:"(0,]" doc:"share of w that each step adds"`
	catalogue.Given
}

// NewWeightDecay returns the link weight-decay: g <- g + rate w. Before the
// optimizer it is the gradient of rate ‖w‖²/2; after it, decoupled weight decay:
// each step subtracts rate·w, whatever the optimizer's own rate.
func NewWeightDecay(c WeightDecayConfig) (*Link, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	return NewLink(Transform{Name: "weight-decay", Change: decay[float64](c.Rate), Change32: decay[float32](c.Rate)})
}

func decay[F Float](rate float64) func(*Block[F], int) {
	return func(b *Block[F], _ int) { kernels.Axpy(b.G, b.W, F(rate)) }
}

// ScheduledConfig has the settings of [NewScheduled].
type ScheduledConfig struct {
	Schedule Schedule `json:"schedule" doc:"the factor of each step"`
}

// NewScheduled returns the link schedule, which multiplies by the factor of the
// step. After the optimizer, it schedules the learning rate.
func NewScheduled(c ScheduledConfig) (*Link, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	return NewLink(Transform{Name: "schedule", Change: scheduled[float64](c.Schedule), Change32: scheduled[float32](c.Schedule)})
}

func scheduled[F Float](s Schedule) func(*Block[F], int) {
	return func(b *Block[F], step int) { scale(b.G, s.Factor(step)) }
}

// scale multiplies x by a, which may be outside the range of x's type.
func scale[F Float](x []F, a float64) {
	if _, single := any(F(0)).(float32); single && a != 0 && (math.Abs(a) > 1e38 || math.Abs(a) < 1e-37) {
		for i, v := range x {
			x[i] = F(a * float64(v))
		}
		return
	}
	kernels.Scale(x, x, F(a))
}
