package optimizers

import (
	"fmt"
	"path"
	"strings"

	"github.com/gradflow/gradflow/catalogue"
	"github.com/pkg/errors"
	"gorgonia.org/gorgonia"
)

// PartitionRule gives the parameters whose names match a pattern an optimizer.
type PartitionRule struct {
	Pattern   string          `json:"pattern" doc:"path.Match pattern: layer0*/weight"`
	Optimizer gorgonia.Solver `json:"optimizer" doc:"steps the parameters that match"`
}

// PartitionConfig has the settings of [NewPartition].
type PartitionConfig struct {
	Rules []PartitionRule `json:"rules" doc:"the first rule that matches a parameter's name applies"`
}

// Partition gives each parameter its own optimizer, by its name. The first rule
// whose pattern matches is the parameter's; patterns are those of path.Match,
// where * does not match a slash: */bias is the bias of every layer, */* all
// that have one slash. In a study:
//
//	partition(rules=[{pattern=layer00/*,optimizer=smorms3},{pattern=*/*,optimizer=sgd(rate=0.1)}])
//
// A parameter without a rule, and a rule without a parameter, are errors of
// Prepare, or of the first step before it changes anything.
//
// At most one of the optimizers may need a second gradient. It steps first; the
// others then step by the first gradient.
type Partition struct {
	check   table    // sees all parameters first
	groups  []*group // in the order of the rules
	turns   []*group // in the order in which they step
	groupOf map[string]*group
	needs   Needs
	copies  proxies // nil unless an optimizer needs a second gradient
}

type group struct {
	PartitionRule
	updater Updater
	matched bool
	params  []gorgonia.ValueGrad
	into    []gorgonia.Value
}

var (
	_ Updater  = (*Partition)(nil)
	_ Preparer = (*Partition)(nil)
	_ Warner   = (*Partition)(nil)
)

// NewPartition returns an optimizer that gives each parameter to one of others.
func NewPartition(c PartitionConfig) (*Partition, error) {
	if len(c.Rules) == 0 {
		return nil, catalogue.Invalid("rules", "needs at least one rule")
	}
	o := &Partition{check: table{name: "partition"}, groupOf: make(map[string]*group)}
	for i, r := range c.Rules {
		at := fmt.Sprintf("rules[%d]", i)
		if _, err := path.Match(r.Pattern, ""); err != nil || r.Pattern == "" {
			return nil, catalogue.Invalid(at+".pattern", "%q is not a pattern of path.Match", r.Pattern)
		}
		if isNil(r.Optimizer) {
			return nil, catalogue.Invalid(at+".optimizer", "is required")
		}
		g, n := &group{PartitionRule: r, updater: AsUpdater(r.Optimizer)}, NeedsOf(r.Optimizer)
		if n&o.needs&NeedsGradient != 0 {
			return nil, catalogue.Invalid(at+".optimizer", "is the second that needs a second gradient, "+
				"which would be taken where the first has changed parameters already: give both patterns to one optimizer")
		}
		o.needs |= n
		o.groups = append(o.groups, g)
		if n&NeedsGradient != 0 {
			o.copies = make(proxies)
			o.turns = append([]*group{g}, o.turns...)
		} else {
			o.turns = append(o.turns, g)
		}
	}
	return o, nil
}

// Step lets each optimizer step its parameters and sets the gradients to zero.
func (o *Partition) Step(params []gorgonia.ValueGrad) error {
	return stepAndClear(o, "partition", params)
}

// Needs is what one of the optimizers needs.
func (o *Partition) Needs() Needs { return o.needs }

// StepWith lets each optimizer step its parameters.
func (o *Partition) StepWith(params []gorgonia.ValueGrad, b StepInfo) error {
	return o.Update(params, b, nil)
}

// Update lets each optimizer tell its update.
func (o *Partition) Update(params []gorgonia.ValueGrad, b StepInfo, into []gorgonia.Value) error {
	if err := o.check.begin(params, into); err != nil {
		return errors.Wrap(err, "partition")
	}
	if err := o.deal(params, into); err != nil {
		return errors.Wrap(err, "partition")
	}
	for _, g := range o.turns {
		if len(g.params) == 0 {
			continue
		}
		target := g.into
		if into == nil {
			target = nil
		}
		if err := g.updater.Update(g.params, b, target); err != nil {
			return errors.Wrapf(err, "partition, pattern %s", g.Pattern)
		}
	}
	return nil
}

// Prepare checks that every parameter has a rule and every rule a parameter, and
// prepares the optimizers.
func (o *Partition) Prepare(params []gorgonia.ValueGrad) error {
	if err := o.check.Prepare(params); err != nil {
		return err
	}
	if err := o.deal(params, nil); err != nil {
		return errors.Wrap(err, "partition")
	}
	for _, g := range o.groups {
		if err := Prepare(g.Optimizer, g.params); err != nil {
			return errors.Wrapf(err, "partition, pattern %s", g.Pattern)
		}
	}
	return nil
}

// deal sorts the parameters into groups.
func (o *Partition) deal(params []gorgonia.ValueGrad, into []gorgonia.Value) error {
	for _, g := range o.groups {
		g.params, g.into = g.params[:0], g.into[:0]
	}
	for i, vg := range params {
		name := vg.(gorgonia.Namer).Name() // checked before
		g, err := o.group(name)
		if err != nil {
			return err
		}
		if o.copies != nil && g.updater.Needs()&NeedsGradient == 0 {
			vg = o.copies.of(o.check.params[name])
		}
		g.params = append(g.params, vg)
		if into != nil {
			g.into = append(g.into, into[i])
		}
	}
	for _, g := range o.groups {
		if !g.matched {
			return errors.Errorf("pattern %s is the rule of no parameter (of %s): the first rule that matches counts", g.Pattern, names(params))
		}
	}
	return nil
}

func (o *Partition) group(name string) (*group, error) {
	if g := o.groupOf[name]; g != nil {
		return g, nil
	}
	for _, g := range o.groups {
		if ok, _ := path.Match(g.Pattern, name); ok {
			g.matched = true
			o.groupOf[name] = g
			return g, nil
		}
	}
	return nil, errors.Errorf("no rule for parameter %s: end with one whose pattern is %s for the rest", name, rest(name))
}

// rest is a pattern for all names with as many slashes.
func rest(name string) string { return strings.Repeat("*/", strings.Count(name, "/")) + "*" }

func names(params []gorgonia.ValueGrad) string {
	all := make([]string, len(params))
	for i, p := range params {
		all[i] = p.(gorgonia.Namer).Name()
	}
	if len(all) > 6 {
		all = append(append(all[:3:3], "..."), all[len(all)-2:]...)
	}
	return strings.Join(all, ", ")
}

// Warnings are those of the optimizers.
func (o *Partition) Warnings() []string {
	var all []string
	for _, g := range o.groups {
		all = append(all, warnings(g.Optimizer)...)
	}
	return all
}

// MarshalBinary saves the state of all optimizers.
func (o *Partition) MarshalBinary() ([]byte, error) { return saveParts("partition", 0, o.parts()) }

// UnmarshalBinary loads what MarshalBinary saved.
func (o *Partition) UnmarshalBinary(data []byte) error {
	_, err := loadParts("partition", data, o.parts())
	return err
}

func (o *Partition) parts() (parts []any) {
	for _, g := range o.groups {
		parts = append(parts, g.Optimizer)
	}
	return parts
}
