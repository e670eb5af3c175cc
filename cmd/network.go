package cmd

import (
	"slices"

	"github.com/gradflow/gradflow/bench/study"
	"github.com/gradflow/gradflow/models"
	"github.com/pkg/errors"
	"github.com/spf13/cobra"
)

// axisFlags are flags that set the axes of a configuration: one for each row of study.Axes
// that a command takes, under its key and with its documentation.
type axisFlags struct {
	config study.Config
	limits []study.Count // narrower than those of a study
	flags  []*axisFlag
}

// axisFlag is the flag of one axis, which has text until it is read.
type axisFlag struct {
	axis  study.Axis
	text  string
	given bool // by the user, or as the command's default
	user  bool // by the user
}

// ofNetwork reports whether an axis says something of a network, or of how it is trained, that
// is not the length of its training: this is each command's own.
func ofNetwork(a study.Axis) bool { return !a.Once && a.Key != study.Steps.Key }

// add adds a flag for each axis that is wanted, with defaults by key; those that are not there
// are a study's.
func (l *axisFlags) add(c *cobra.Command, wanted func(study.Axis) bool, defaults map[string]string) {
	l.config = study.Defaults()
	for _, a := range study.Axes {
		if !wanted(a) {
			continue
		}
		text, given := defaults[a.Key]
		if !given {
			text = a.Default
		}
		f := &axisFlag{axis: a, text: text, given: given}
		l.flags = append(l.flags, f)
		c.Flags().Var(f, a.Key, a.Doc)
		if a.Kind == "true or false" {
			c.Flags().Lookup(a.Key).NoOptDefVal = "true"
		}
		if a.Words != nil {
			complete(c, a.Key, a.Words())
		}
	}
}

// Set implements pflag.Value. The text is read later, with all others, so that what is wrong
// with it is said as in a study.
func (f *axisFlag) Set(text string) error {
	f.text, f.given, f.user = text, true, true
	return nil
}

// String implements pflag.Value.
func (f *axisFlag) String() string { return f.text }

// Type implements pflag.Value. It is what the help shows.
func (f *axisFlag) Type() string {
	switch f.axis.Kind {
	case "whole number":
		return "int"
	case "true or false":
		return "bool"
	}
	return "string"
}

// ownActivation gives a model that has a nonlinearity of its own this one, where the user has
// not asked for another.
func (l *axisFlags) ownActivation() {
	var model, activation *axisFlag
	for _, f := range l.flags {
		switch f.axis.Key {
		case "model":
			model = f
		case "activation":
			activation = f
		}
	}
	if model == nil || activation == nil || activation.user {
		return
	}
	c := study.Defaults()
	if model.axis.ReadText(&c, model.text) != nil {
		return // said where it is read
	}
	a, err := models.Catalogue.Make(c.Model)
	if own, ok := a.(models.OwnActivation); ok && err == nil {
		activation.text, activation.given = own.OwnActivation(), true
	}
}

// read reads what is given, in the order of the axes, into the configuration.
func (l *axisFlags) read() error {
	l.ownActivation()
	for _, f := range l.flags {
		if !f.given {
			continue
		}
		if err := f.axis.ReadText(&l.config, f.text); err != nil {
			return useError{err}
		}
		if l.config.FlushToZero && !l.config.FlushByDefault() {
			return useError{errors.Errorf("--flush-to-zero: %s never flushes; leave it out", l.config.DType)}
		}
		for _, limit := range l.limits {
			if n, ok := f.axis.Value(l.config).(int); ok && limit.Key == f.axis.Key {
				if err := limit.Check(n); err != nil {
					return useError{errors.Errorf("--%v", err)}
				}
			}
		}
	}
	return nil
}

// grid returns the values of a study's grid, without those of the axes left out.
func (l *axisFlags) grid(without ...string) study.Grid {
	l.ownActivation()
	g := study.Grid{}
	for _, f := range l.flags {
		if f.given && !slices.Contains(without, f.axis.Key) {
			g[f.axis.Key] = f.axis.OfText(f.text)
		}
	}
	return g
}

// networkFlags are the flags that describe one network.
type networkFlags struct {
	axisFlags
	counts counts
}

// add adds the flags to a command, with the defaults of the sizes. Without an optimizer the
// network is only looked at.
func (n *networkFlags) add(c *cobra.Command, depth, width, batch, optimizer string) {
	n.limits = []study.Count{atLeast(1, study.Depth)}
	defaults := map[string]string{
		"task": "digits", "model": "mlp", "activation": "tanh", "initializer": "glorot-normal", "normalization": "none",
		"depth": depth, "width": width, "batch": batch,
	}
	if optimizer != "" {
		defaults["optimizer"] = optimizer
	}
	n.axisFlags.add(c, func(a study.Axis) bool { return ofNetwork(a) && (optimizer != "" || !a.Training) }, defaults)
	uintFlag(c.Flags(), &n.config.Seed, "seed", 1, "seed of the weights and of the order of examples")
}

// read reads the flags and checks the sizes.
func (n *networkFlags) read() error {
	if err := n.axisFlags.read(); err != nil {
		return err
	}
	if err := n.counts.check(); err != nil {
		return err
	}
	return sizeError(study.CheckSize(n.config))
}

// changed returns the first of the flags that the user has given, "" if there is none.
func (n *networkFlags) changed(c *cobra.Command) string {
	for _, f := range n.flags {
		if c.Flags().Changed(f.axis.Key) {
			return f.axis.Key
		}
	}
	if c.Flags().Changed("seed") {
		return "seed"
	}
	return ""
}
