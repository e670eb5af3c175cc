package record

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pkg/errors"
)

// Plan is a study as far as its records need it: what it is called, and the runs that it
// stands for.
type Plan struct {
	Name    string
	About   string
	Configs []Config
}

// Results is a study directory, read.
type Results struct {
	Dir      string
	Spec     *Plan     // nil if study.yaml is missing or cannot be read
	Records  []*Record // in the order of the study
	Warnings []string  // what could not be read
}

// Open reads the records of a study directory; parse reads its study.yaml. What is damaged
// is left out, with a warning; Open returns an error if there are no records at all.
func Open(dir string, parse func(file string, text []byte) (*Plan, error)) (*Results, error) {
	r := &Results{Dir: dir}
	text, err := os.ReadFile(filepath.Join(dir, studyFile))
	if err == nil {
		r.Spec, err = parse(filepath.Join(dir, studyFile), text)
	}
	if err != nil {
		r.Spec = nil
		r.Warnings = append(r.Warnings, err.Error())
	}
	entries, err := os.ReadDir(filepath.Join(dir, runsDir))
	if err != nil {
		return nil, errors.Wrapf(err, "%s holds no study", dir)
	}
	for _, e := range entries {
		if !e.IsDir() || strings.HasPrefix(e.Name(), unfinished) {
			continue
		}
		record, warnings := readRecord(filepath.Join(dir, runsDir, e.Name()))
		r.Warnings = append(r.Warnings, warnings...)
		if record != nil {
			r.Records = append(r.Records, record)
		}
	}
	if len(r.Records) == 0 {
		message := dir + " holds no runs that can be read"
		if n := len(r.Warnings); n > 0 {
			message += fmt.Sprintf(" (%d warnings, the last: %s)", n, r.Warnings[n-1])
		}
		return nil, errors.New(message)
	}
	order := map[string]int{}
	if r.Spec != nil {
		for i, c := range r.Spec.Configs {
			order[c.Hash()] = i - len(r.Spec.Configs) // those of no study have 0: last
		}
	}
	slices.SortStableFunc(r.Records, func(a, b *Record) int {
		return cmp.Or(cmp.Compare(order[a.Hash], order[b.Hash]), strings.Compare(a.Hash, b.Hash))
	})
	return r, nil
}
