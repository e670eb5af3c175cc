package cmd

import (
	"github.com/gradflow/gradflow/bench/study"
	"github.com/pkg/errors"
	"github.com/spf13/cobra"
)

// counts are a command's integer flags with their ranges: values out of range are refused
// before anything is computed or allocated.
type counts []countFlag

type countFlag struct {
	count study.Count
	value *int
}

// add adds a flag to a command, with the name and range of the count.
func (l *counts) add(c *cobra.Command, into *int, count study.Count, value int, usage string) {
	intFlag(c.Flags(), into, count.Key, value, usage)
	*l = append(*l, countFlag{count, into})
}

// check rejects the first flag that is out of range.
func (l counts) check() error {
	for _, f := range l {
		if err := f.count.Check(*f.value); err != nil {
			return useError{errors.Errorf("--%v", err)}
		}
	}
	return nil
}

// atLeast returns a count with another lower bound.
func atLeast(least int, c study.Count) study.Count {
	c.Least = least
	return c
}

// sizeError makes the error of a network that can't be made one of the flags'.
func sizeError(err error) error {
	var size *study.SizeError
	if errors.As(err, &size) {
		return useError{errors.Errorf("--%s: %v", size.Key, err)}
	}
	if err != nil {
		return useError{err}
	}
	return nil
}
