package study

import (
	"context"
	"os"

	"github.com/goccy/go-yaml"
	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/pkg/errors"
)

// Choice is a name from a catalogue with its settings.
type Choice = catalogue.Choice

// Config is one run, complete: no default is left to be filled in.
type Config = record.Config

// Open reads the records of a study directory: see [record.Open].
func Open(ctx context.Context, dir string) (*record.Results, error) {
	return OpenWith(ctx, dir, record.Read)
}

// OpenWith is [Open] with another way to read the record in a run's directory: see
// [record.OpenWith].
func OpenWith(ctx context.Context, dir string, read func(dir string) (*record.Record, error)) (*record.Results, error) {
	return record.OpenWith(dir, func(file string, text []byte) (*record.Plan, error) {
		s, err := parseRecorded(ctx, file, text)
		if err != nil {
			return nil, err
		}
		plan := &record.Plan{Name: s.Name, About: s.About, Configs: s.Configs, Comparison: s.Comparison}
		if s.Tune != nil {
			plan.Resolve = s.Resolve
		}
		return plan, nil
	}, read)
}

// Recorded reads a study that has been run from its file. Nothing is made or tried, as its parts
// need not be linked into this program: the runs are those that the text names.
func Recorded(ctx context.Context, file string) (*Spec, error) {
	info, err := os.Stat(file) // first: opening a FIFO would wait
	if err != nil {
		return nil, errors.Wrap(err, "read the study")
	}
	if !info.Mode().IsRegular() || info.Size() > MaxFileBytes {
		return nil, errors.Errorf("%s: is not the file of a study", file)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, errors.Wrap(err, "read the study")
	}
	return parseRecorded(ctx, file, text)
}

func parseRecorded(ctx context.Context, file string, text []byte) (*Spec, error) {
	root, places, err := document(ctx, file, text)
	if err != nil {
		return nil, err
	}
	r := &reader{ctx: ctx, root: root, places: places, parts: catalogues(), recorded: true}
	return r.read(file, text)
}

// ErrAnotherStudy says that a directory holds the records of a study of another name.
var ErrAnotherStudy = errors.New("give another directory with --out")

// continues returns what refuses a directory that holds a study of another name. A study of
// the same name may have changed.
func (s *Spec) continues(dir string) func(before []byte) error {
	return func(before []byte) error {
		// The name is enough: the text may be damaged, or use parts that are not linked in.
		var study struct {
			Name string `yaml:"name"`
		}
		if err := yaml.Unmarshal(before, &study); err != nil || study.Name == "" || study.Name == s.Name {
			return nil
		}
		return errors.Wrapf(ErrAnotherStudy, "%s holds the study %q, not %q", dir, study.Name, s.Name)
	}
}
