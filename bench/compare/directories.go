package compare

import (
	"fmt"
	"slices"

	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/gradflow/gradflow/internal/texttab"
	"github.com/pkg/errors"
)

// Directories compares the runs of one or several recorded studies. Seeds pair across
// directories, and a run that several have, of one hash, counts once. What they compare is
// what o says; where it doesn't, what the studies say if they agree, or the default. where
// may be nil.
func Directories(list []*record.Results, o Options, where *study.Condition) (*Comparison, error) {
	if len(list) == 0 {
		return nil, errors.New("compare: no directory is given")
	}
	own, agree := Of(list[0]), true
	var records []*record.Record
	seen := map[string]bool{}
	twice := 0
	var warnings []string
	environments := map[record.Environment]bool{}
	for i, r := range list {
		if i > 0 {
			other := Of(r)
			if r.Spec == nil || list[0].Spec == nil || !sameQuestion(list[0].Spec.Comparison, r.Spec.Comparison) {
				agree, own.By, own.Baseline, own.Name = false, nil, "", nil
			} else if mine, theirs := own.Name, other.Name; mine != nil && agree {
				own.Name = func(c record.Config) (string, bool) {
					if name, ok := mine(c); ok {
						return name, ok
					}
					return theirs(c)
				}
			}
			own.Planned = append(own.Planned, other.Planned...)
			switch mine, theirs := own.Plain, other.Plain; {
			case mine == nil:
				own.Plain, own.Chosen = theirs, other.Chosen
			case theirs != nil:
				own.Plain = func(c record.Config) (record.Config, int) {
					if plain, tried := mine(c); tried > 0 {
						return plain, tried
					}
					return theirs(c)
				}
			}
		}
		for _, record := range r.Records {
			if seen[record.Hash] {
				twice++
				continue
			}
			seen[record.Hash] = true
			records = append(records, record)
			environments[record.Summary.Environment] = true
		}
		for _, w := range r.Warnings {
			if len(list) > 1 {
				w = r.Dir + ": " + w
			}
			warnings = append(warnings, w)
		}
	}
	if twice > 0 {
		warnings = append(warnings, fmt.Sprintf("%s in several directories: equal ones count once", texttab.Count(twice, "run")))
	}
	if len(environments) > 1 {
		warnings = append(warnings, fmt.Sprintf("the runs were done in %d different environments: their last bits, and with them whole runs, may differ for that alone", len(environments)))
	}
	if len(o.By) > 0 {
		own.By, own.Baseline, own.Name = o.By, "", nil
	}
	if o.Baseline != "" {
		own.Baseline = o.Baseline
	}
	if where != nil {
		var configs []record.Config
		for _, r := range records {
			configs = append(configs, r.Config)
		}
		if err := where.Check(configs); err != nil {
			return nil, errors.Wrap(err, "where")
		}
		own.Where = where.Holds
	}
	own.Nuisance, own.Tried = o.Nuisance, o.Tried
	c, err := Runs(records, own)
	if err != nil {
		return nil, err
	}
	c.Warnings = append(c.Warnings, warnings...)
	return c, nil
}

// sameQuestion reports whether two studies compare the same things by the same names.
func sameQuestion(a, b record.Comparison) bool {
	for setup, name := range b.Variant {
		if other, both := a.Variant[setup]; both && other != name {
			return false
		}
	}
	return slices.Equal(a.By, b.By) && a.Baseline == b.Baseline && slices.Equal(a.Variants, b.Variants)
}

// Planned is the comparison of a study before it is run: things, facets and seeds, and what
// they can show, without scores.
func Planned(s *study.Spec) (*Comparison, error) {
	var records []*record.Record
	for _, c := range s.Configs {
		records = append(records, &record.Record{Hash: c.Hash(), Config: c})
	}
	c, err := Study(&record.Results{Records: records, Spec: &record.Plan{Name: s.Name, Configs: s.Configs, Comparison: s.Comparison}})
	if err != nil {
		return nil, err
	}
	c.Answer, c.Shares, c.Interactions = "", nil, []string{}
	return c, nil
}
