package cmd

import (
	"strconv"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/gradflow/gradflow/bench/tasks"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/normalization"
	"github.com/pkg/errors"
	"github.com/spf13/cobra"
)

// networkFlags are the flags that describe one network.
type networkFlags struct {
	config study.Config
	counts counts
	names  []string
	reads  []func() error // read the choices
}

// add adds the flags to a command, with the defaults of the sizes.
func (n *networkFlags) add(c *cobra.Command, depth, width, batch int) {
	n.config.DType = "float32"
	choiceFlag(n, c, tasks.Catalogue, &n.config.Task, "task", "digits", "task that the network is for")
	choiceFlag(n, c, models.Catalogue, &n.config.Model, "model", "mlp", "architecture")
	choiceFlag(n, c, activations.Catalogue, &n.config.Activation, "activation", "tanh", "activation, such as tanh, scaled(of=tanh,a=1.5) or a formula")
	choiceFlag(n, c, initializers.Catalogue, &n.config.Initializer, "initializer", "glorot-normal", "initialiser of the weights")
	choiceFlag(n, c, normalization.Catalogue, &n.config.Normalization, "normalization", "none", "normalisation")
	f := c.Flags()
	n.counts.add(c, &n.config.Depth, atLeast(1, study.Depth), depth, "hidden layers")
	n.reads = append(n.reads, widthFlag(c, &n.config, width))
	n.counts.add(c, &n.config.Batch, study.Batch, batch, "examples in a batch")
	f.Uint64Var(&n.config.Seed, "seed", 1, "seed of the weights and of the order of examples")
	n.names = append(n.names, "depth", "width", "batch", "seed")
}

// widthFlag adds the flag of the widths, and returns what reads it into a configuration.
func widthFlag(c *cobra.Command, into *study.Config, width int) (read func() error) {
	axis, _ := study.AxisOf(study.Width.Key)
	text := c.Flags().String(axis.Key, strconv.Itoa(width), `units of each: a number, a list such as 64,32,16, or a rule such as "16,4 alternating"`)
	return func() error {
		if err := axis.ReadText(into, *text); err != nil {
			return useError{err}
		}
		return nil
	}
}

// choiceFlag adds a flag whose text is a choice from a catalogue.
func choiceFlag[T any](n *networkFlags, c *cobra.Command, from *catalogue.Catalogue[T], into *catalogue.Choice, flag, value, usage string) {
	text := c.Flags().String(flag, value, usage)
	complete(c, flag, from.Names())
	n.names = append(n.names, flag)
	n.reads = append(n.reads, func() (err error) {
		*into, err = readComplete(from, "--"+flag, *text)
		return err
	})
}

// read reads the choices and checks the sizes.
func (n *networkFlags) read() error {
	for _, read := range n.reads {
		if err := read(); err != nil {
			return err
		}
	}
	n.config.FlushToZero = n.config.FlushByDefault()
	if err := n.counts.check(); err != nil {
		return err
	}
	return sizeError(study.CheckSize(n.config))
}

// given returns the first of the flags that the user has given, "" if there is none.
func (n *networkFlags) given(c *cobra.Command) string {
	for _, name := range n.names {
		if c.Flags().Changed(name) {
			return name
		}
	}
	return ""
}

// readComplete reads a choice from a flag, with its defaults filled in.
func readComplete[T any](c *catalogue.Catalogue[T], flag, text string) (catalogue.Choice, error) {
	choice, err := readChoice(c, flag, text)
	if err != nil {
		return choice, err
	}
	full, err := c.Complete(choice)
	if err != nil {
		return choice, useError{errors.Wrap(err, flag)}
	}
	return full, nil
}
