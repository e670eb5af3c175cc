package optimizers

import (
	"github.com/gradflow/gradflow/catalogue"
	"github.com/pkg/errors"
	"gorgonia.org/gorgonia"
)

// Links has the links of a chain that text can ask for by name.
var Links = catalogue.New("link",
	catalogue.Row("clip-value", "each element to at most limit in magnitude", NewClipValue),
	catalogue.Row("clip-norm", "each parameter's gradient to a norm of at most limit", NewClipNorm),
	catalogue.Row("clip-global-norm", "all gradients together to a norm of at most limit", NewClipGlobalNorm),
	catalogue.Row("clip-adaptive", "each unit's gradient to a share of the norm of its weights", NewClipAdaptive),
	catalogue.Row("noise", "adds Gaussian noise that fades", NewNoise),
	catalogue.Row("centralize", "takes the mean off each unit's gradient", NewCentralize),
	catalogue.Row("weight-decay", "adds rate w", NewWeightDecay),
	catalogue.Row("schedule", "multiplies by a factor that changes with the steps", NewScheduled),
	catalogue.Row("scale", "multiplies by a factor for the parameter's name", NewScale),
	catalogue.Row("scale-by-depth", "multiplies by a power of how far the layer is from the last", NewScaleByDepth),
	catalogue.Row("scale-by-norm", "brings the measured norms of all parameters together", NewScaleByNorm),
)

// link is what the links here have in common: the checks, the order and the
// state of a method, and a rule that changes the gradient p.g of a parameter in
// place.
type link struct {
	method
	step    int
	prepare func() error // before the rule, when all parameters of a step are known
}

func newLink(name string, rule func(l *link, p *param)) *link {
	l := &link{method: method{name: name}}
	l.all = func() error {
		for _, p := range l.active {
			rule(l, p)
		}
		return nil
	}
	return l
}

// Apply changes the gradients in place.
func (l *link) Apply(step int, params []gorgonia.ValueGrad) error {
	l.step = step
	err := l.begin(params, nil)
	if err == nil && l.prepare != nil {
		err = l.prepare()
	}
	if err == nil {
		err = l.all()
	}
	return errors.Wrap(err, l.name)
}

// WeightDecayConfig has the settings of [NewWeightDecay].
type WeightDecayConfig struct {
	Rate float64 `json:"rate" default:"0.0001" range:"(0,]" doc:"share of w that is added"`
	catalogue.Given
}

// NewWeightDecay returns the link weight-decay: g <- g + rate w. Before the
// optimizer it is the gradient of rate ‖w‖²/2; after it, decoupled weight decay:
// each step takes rate w off w, whatever the optimizer's own rate is.
func NewWeightDecay(c WeightDecayConfig) (Link, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	return newLink("weight-decay", func(l *link, p *param) { p.w.addTo(p.g, c.Rate) }), nil
}

// ScheduledConfig has the settings of [NewScheduled].
type ScheduledConfig struct {
	Schedule Schedule `json:"schedule" doc:"gives the factor of each step"`
}

// NewScheduled returns the link schedule: it multiplies by the factor of the
// step. After the optimizer that is a schedule of its rate.
func NewScheduled(c ScheduledConfig) (Link, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	return newLink("schedule", func(l *link, p *param) { p.g.scale(c.Schedule.Factor(l.step)) }), nil
}
