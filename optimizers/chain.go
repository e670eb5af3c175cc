package optimizers

import (
	"fmt"
	"slices"

	"github.com/gradflow/gradflow/catalogue"
	"github.com/pkg/errors"
	"gorgonia.org/gorgonia"
)

// ChainConfig has the settings of [NewChain].
type ChainConfig struct {
	Before    []*Link         `json:"before" default:"[]" doc:"links applied to the gradients, in order"`
	Optimizer gorgonia.Solver `json:"optimizer" doc:"turns the gradients into steps"`
	After     []*Link         `json:"after" default:"[]" doc:"links applied to the steps, in order"`
}

// Chain puts links before and after an optimizer:
//
//	chain(before=[centralize,clip-global-norm(limit=1)],
//	      optimizer=smorms3,
//	      after=[weight-decay(rate=0.0001),schedule(schedule=cosine(steps=1000))])
//
// Gradients are copied, and pass through the links before the optimizer; so does
// the second gradient, if the optimizer takes one. Links see parameters in the
// order of their names.
//
// The optimizer may be any solver: one that is not an [Updater], such as Gorgonia's own, is
// asked for its update as [AsUpdater] says.
type Chain struct {
	ChainConfig
	updater Updater // the optimizer
	check   table
	steps   int
	counts  map[string]int // steps of each parameter that is stepped by itself
	loaded  int            // steps when the state was loaded: no parameter has made fewer
	grads   proxies
	updates proxies
	info    StepInfo             // of this step
	params  []gorgonia.ValueGrad // with the gradients that links change
	into    []gorgonia.Value     // the updates

	outer, second func() (float64, error)
}

var (
	_ Updater  = (*Chain)(nil)
	_ Preparer = (*Chain)(nil)
	_ Warner   = (*Chain)(nil)
)

// NewChain returns an optimizer with links before and after it.
func NewChain(c ChainConfig) (*Chain, error) {
	if isNil(c.Optimizer) {
		return nil, catalogue.Invalid("optimizer", "is required")
	}
	for name, links := range map[string][]*Link{"before": c.Before, "after": c.After} {
		for i, l := range links {
			if l == nil {
				return nil, catalogue.Invalid(fmt.Sprintf("%s[%d]", name, i), "is nil")
			}
			if l.t.Steps && name == "before" {
				return nil, catalogue.Invalid(fmt.Sprintf("%s[%d]", name, i), "%s compares steps with gradients: it goes after the optimizer", l.name)
			}
		}
	}
	o := &Chain{ChainConfig: c, updater: AsUpdater(c.Optimizer), check: table{name: "chain"},
		counts: make(map[string]int), grads: make(proxies), updates: make(proxies)}
	if IsAverager(c.Optimizer) && len(c.After) > 0 {
		return nil, catalogue.Invalid("after", "changes steps, but the optimizer averages those that it makes itself: put links before it, or use its settings")
	}
	o.second = o.secondGradient
	return o, nil
}

// Step makes one step and sets the gradients to zero.
func (o *Chain) Step(params []gorgonia.ValueGrad) error { return stepAndClear(o, "chain", params) }

// Needs is what the optimizer and the links need.
func (o *Chain) Needs() Needs {
	needs := o.updater.Needs()
	for _, links := range [][]*Link{o.Before, o.After} {
		for _, l := range links {
			needs |= l.t.Needs
		}
	}
	return needs
}

// StepWith makes one step.
func (o *Chain) StepWith(params []gorgonia.ValueGrad, info StepInfo) error {
	return o.Update(params, info, nil)
}

// Update tells the step without making it.
func (o *Chain) Update(params []gorgonia.ValueGrad, info StepInfo, into []gorgonia.Value) error {
	err := o.update(params, info, into)
	o.info = StepInfo{}
	if err != nil {
		return errors.Wrap(err, "chain")
	}
	o.steps++
	for _, p := range o.check.active {
		o.counts[p.name] = o.steps
	}
	return nil
}

func (o *Chain) update(params []gorgonia.ValueGrad, info StepInfo, into []gorgonia.Value) error {
	if err := o.check.begin(params, into); err != nil {
		return err
	}
	o.info = info
	active := o.check.active
	o.params, o.into = o.params[:0], o.into[:0]
	for _, p := range active {
		o.params = append(o.params, o.grads.of(p))
		move := o.updates.of(p)
		move.data.zero()
		o.into = append(o.into, move.grad)
	}
	if err := o.apply(o.Before, o.grads); err != nil {
		return err
	}
	if info.Gradient != nil {
		o.outer, info.Gradient = info.Gradient, o.second
	}
	if into == nil && len(o.After) == 0 {
		return o.updater.Update(o.params, info, nil)
	}
	if err := o.updater.Update(o.params, info, o.into); err != nil {
		return err
	}
	for _, p := range active {
		scaleView(o.updates[p.name].data, -1) // what is added becomes what is subtracted
	}
	if err := o.apply(o.After, o.updates); err != nil {
		return err
	}
	for _, p := range active {
		if err := o.checkMove(p); err != nil {
			return err
		}
	}
	for _, p := range active {
		o.updates[p.name].data.addTo(p.to, -1)
	}
	return nil
}

func (o *Chain) apply(links []*Link, data proxies) error {
	for _, l := range links {
		if err := l.applyTo(o.steps, o.check.active, data, &o.info); err != nil {
			return err
		}
	}
	return nil
}

// checkMove finds a step that links made infinite, before it is made.
func (o *Chain) checkMove(p *param) error {
	g := p.g
	p.g = o.updates[p.name].data
	err := o.check.check(p)
	p.g = g
	return err
}

// secondGradient stands in for StepInfo.Gradient.
func (o *Chain) secondGradient() (float64, error) {
	loss, err := o.outer()
	if err != nil {
		return loss, err
	}
	for _, p := range o.check.active {
		if err := o.check.bindGradient(p); err != nil {
			return loss, err
		}
		o.grads.of(p)
	}
	return loss, o.apply(o.Before, o.grads)
}

// Separable reports whether the optimizer and all links step each parameter by itself.
func (o *Chain) Separable() bool {
	for _, links := range [][]*Link{o.Before, o.After} {
		for _, l := range links {
			if !l.Separable() {
				return false
			}
		}
	}
	return IsSeparable(o.Optimizer)
}

// Bind returns the step of one parameter.
func (o *Chain) Bind(vg gorgonia.ValueGrad, gradient, into gorgonia.Value) (func(StepInfo) error, error) {
	if !o.Separable() {
		return nil, errors.New("chain: a part of it does not step each parameter by itself")
	}
	step, err := o.bind(vg, gradient, into)
	if err != nil {
		return nil, errors.Wrap(err, "chain")
	}
	return func(info StepInfo) error { return errors.Wrap(step(info), "chain") }, nil
}

func (o *Chain) bind(vg gorgonia.ValueGrad, gradient, into gorgonia.Value) (func(StepInfo) error, error) {
	b, err := o.check.bind(vg, gradient, into)
	if err != nil {
		return nil, err
	}
	p := b.p
	p.g = b.g
	grad, move := o.grads.of(p), o.updates.of(p)
	changed, target := grad.grad, move.grad
	seen := gorgonia.ValueGrad(grad)
	if len(o.Before) == 0 { // nothing changes the gradient: no copy is needed
		changed, seen = gradient, vg
	}
	if len(o.After) == 0 {
		target = into
	}
	inner, err := o.Optimizer.(SeparableSolver).Bind(seen, changed, target)
	if err != nil {
		return nil, err
	}
	for _, links := range [][]*Link{o.Before, o.After} {
		for _, l := range links { // which allocate what they keep
			if _, err := l.of(p, grad.data); err != nil {
				return nil, err
			}
			if err := l.tell(); err != nil {
				return nil, err
			}
		}
	}
	return func(info StepInfo) error {
		err := b.refresh()
		if err != nil {
			return err
		}
		p, step := b.p, o.count(b.p.name)
		if err := o.check.check(p); err != nil {
			return err
		}
		if len(o.Before) > 0 {
			p.g.copyTo(grad.data)
			if err := change(o.Before, p, grad.data, step); err != nil {
				return err
			}
		}
		if len(o.After) == 0 {
			return inner(info)
		}
		move.data.zero()
		if err := inner(info); err != nil {
			return err
		}
		scaleView(move.data, -1)
		if err := change(o.After, p, move.data, step); err != nil {
			return err
		}
		if err := o.checkMove(p); err != nil {
			return err
		}
		move.data.addTo(p.to, -1)
		return nil
	}, nil
}

// change has links change the data of one parameter.
func change(links []*Link, p *param, data view, step int) error {
	for _, l := range links {
		q, err := l.of(p, data)
		if err == nil {
			err = l.tell()
		}
		if err != nil {
			return errors.Wrap(err, l.name)
		}
		l.one(q, step)
	}
	return nil
}

// count returns the number of the step that a parameter makes by itself. It agrees with that
// of steps of all together, which may come in between; a parameter that was left out has
// skipped its steps.
func (o *Chain) count(name string) int {
	step := max(o.counts[name], o.steps-1, o.loaded)
	o.counts[name] = step + 1
	o.steps = max(o.steps, step+1)
	return step
}

// Prepare prepares the optimizer and the links.
func (o *Chain) Prepare(params []gorgonia.ValueGrad) error {
	if err := o.check.Prepare(params); err != nil {
		return err
	}
	for _, l := range slices.Concat(o.Before, o.After) {
		if err := l.Prepare(params); err != nil {
			return errors.Wrap(err, "chain")
		}
	}
	return errors.Wrap(Prepare(o.Optimizer, params), "chain")
}

// Warnings are those of the optimizer.
func (o *Chain) Warnings() []string { return warnings(o.Optimizer) }

// MarshalBinary saves the state of the optimizer and of the links.
func (o *Chain) MarshalBinary() ([]byte, error) { return saveParts("chain", o.steps, o.parts()) }

// UnmarshalBinary loads what MarshalBinary saved.
func (o *Chain) UnmarshalBinary(data []byte) (err error) {
	o.steps, err = loadParts("chain", data, o.parts())
	o.loaded = o.steps
	clear(o.counts)
	return err
}

func (o *Chain) parts() []any {
	parts := []any{o.Optimizer}
	for _, l := range slices.Concat(o.Before, o.After) {
		parts = append(parts, l)
	}
	return parts
}
