package study

import (
	"context"

	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/catalogue"
)

// Choice is a name from a catalogue with its settings.
type Choice = catalogue.Choice

// Config is one run, complete: no default is left to be filled in.
type Config = record.Config

// Open reads the records of a study directory: see [record.Open].
func Open(ctx context.Context, dir string) (*record.Results, error) {
	return record.Open(dir, func(file string, text []byte) (*record.Plan, error) {
		s, err := Parse(ctx, file, text)
		if err != nil {
			return nil, err
		}
		return &record.Plan{Name: s.Name, About: s.About, Configs: s.Configs}, nil
	})
}
