package optimizers

import (
	"encoding"
	"fmt"

	"github.com/gradflow/gradflow/catalogue"
	"github.com/pkg/errors"
	"gorgonia.org/gorgonia"
)

// Link is a part of a [Chain]: it changes gradients before the optimizer sees
// them, or the optimizer's steps before they are made.
//
// Apply changes the gradients of params in place; they are the chain's own, and
// behind the optimizer they are what is about to be subtracted from the values.
// The values are the real ones and must not be changed. step counts from 0; it
// repeats for the second gradient that some optimizers ask for.
//
// A link with state is saved with the chain if it is an
// encoding.BinaryMarshaler and BinaryUnmarshaler; a [Preparer] is prepared.
type Link interface {
	Apply(step int, params []gorgonia.ValueGrad) error
}

// ChainConfig has the settings of [NewChain].
type ChainConfig struct {
	Before    []Link          `json:"before" default:"[]" doc:"what is done to the gradients, in order"`
	Optimizer gorgonia.Solver `json:"optimizer" doc:"makes steps of them"`
	After     []Link          `json:"after" default:"[]" doc:"what is done to the steps, in order"`
}

// Chain puts links before and after an optimizer:
//
//	chain(before=[centralize,clip-global-norm(limit=1)],
//	      optimizer=smorms3,
//	      after=[weight-decay(rate=0.0001),schedule(schedule=cosine(steps=1000))])
//
// Gradients are copied, and pass through the links before the optimizer; so does
// the second gradient, if the optimizer takes one. With links after it, the
// optimizer has to be an [Updater], as all here are. Links see parameters in the
// order of their names.
type Chain struct {
	ChainConfig
	check   method
	steps   int
	grads   proxies
	updates proxies
	params  []gorgonia.ValueGrad // with the gradients that links change
	moves   []gorgonia.ValueGrad // with the updates
	into    []gorgonia.Value     // the updates alone

	outer, second func() (float64, error)
}

var (
	_ Updater  = (*Chain)(nil)
	_ Preparer = (*Chain)(nil)
	_ Warner   = (*Chain)(nil)
)

// NewChain returns an optimizer with links before and after it.
func NewChain(c ChainConfig) (*Chain, error) {
	if c.Optimizer == nil {
		return nil, catalogue.Invalid("optimizer", "is required")
	}
	if _, ok := c.Optimizer.(Updater); !ok && len(c.After) > 0 {
		return nil, catalogue.Invalid("after", "needs an optimizer that is an optimizers.Updater, which %T is not", c.Optimizer)
	}
	for name, links := range map[string][]Link{"before": c.Before, "after": c.After} {
		for i, l := range links {
			if l == nil {
				return nil, catalogue.Invalid(fmt.Sprintf("%s[%d]", name, i), "is nil")
			}
		}
	}
	o := &Chain{ChainConfig: c, check: method{name: "chain"}, grads: make(proxies), updates: make(proxies)}
	o.second = o.secondGradient
	return o, nil
}

// Step makes one step and sets the gradients to zero.
func (o *Chain) Step(params []gorgonia.ValueGrad) error { return stepAndClear(o, "chain", params) }

// Needs is what the optimizer needs.
func (o *Chain) Needs() Needs { return needs(o.Optimizer) }

// StepBatch makes one step.
func (o *Chain) StepBatch(params []gorgonia.ValueGrad, b Batch) error {
	return o.Update(params, b, nil)
}

// Update tells the step without making it.
func (o *Chain) Update(params []gorgonia.ValueGrad, b Batch, into []gorgonia.Value) error {
	if err := o.update(params, b, into); err != nil {
		return errors.Wrap(err, "chain")
	}
	o.steps++
	return nil
}

func (o *Chain) update(params []gorgonia.ValueGrad, b Batch, into []gorgonia.Value) error {
	if err := o.check.begin(params, into); err != nil {
		return err
	}
	o.params, o.moves, o.into = o.params[:0], o.moves[:0], o.into[:0]
	for _, p := range o.check.active {
		o.params = append(o.params, o.grads.of(p))
		move := o.updates.of(p)
		move.data.zero()
		o.moves, o.into = append(o.moves, move), append(o.into, move.grad)
	}
	if err := o.apply(o.Before, o.params); err != nil {
		return err
	}
	if b.Gradient != nil {
		o.outer, b.Gradient = b.Gradient, o.second
	}
	if into == nil && len(o.After) == 0 {
		return stepBatch(o.Optimizer, o.params, b, nil)
	}
	if err := stepBatch(o.Optimizer, o.params, b, o.into); err != nil {
		return err
	}
	for _, p := range o.check.active {
		o.updates[p.name].data.scale(-1) // what is added becomes what is subtracted
	}
	if err := o.apply(o.After, o.moves); err != nil {
		return err
	}
	for _, p := range o.check.active {
		o.updates[p.name].data.addTo(p.to, -1)
	}
	return nil
}

func (o *Chain) apply(links []Link, params []gorgonia.ValueGrad) error {
	for _, l := range links {
		if err := l.Apply(o.steps, params); err != nil {
			return err
		}
	}
	return nil
}

// secondGradient stands in for Batch.Gradient.
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
	return loss, o.apply(o.Before, o.params)
}

// Prepare prepares the optimizer and the links.
func (o *Chain) Prepare(params []gorgonia.ValueGrad) error {
	if err := o.check.Prepare(params); err != nil {
		return err
	}
	for _, l := range append(o.Before[:len(o.Before):len(o.Before)], o.After...) {
		if p, ok := l.(Preparer); ok {
			if err := p.Prepare(params); err != nil {
				return errors.Wrap(err, "chain")
			}
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
	return err
}

func (o *Chain) parts() []any {
	parts := []any{o.Optimizer}
	for _, links := range [][]Link{o.Before, o.After} {
		for _, l := range links {
			if _, ok := l.(encoding.BinaryMarshaler); ok {
				parts = append(parts, l)
			}
		}
	}
	return parts
}
