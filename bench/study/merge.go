package study

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/internal/texttab"
	"github.com/pkg/errors"
)

// Merged is what [Merge] did.
type Merged struct {
	Copied    int // records that the study's directory did not have
	Present   int // that it had already
	Damaged   []*record.Damage
	Different []string // how the records' environments differ
	// Missing are the runs of the study that are recorded nowhere, as far as they are known, and
	// Failures what is known of those that ended with an error.
	Missing  []Config
	Failures []record.Failure
	Waiting  bool // the choice of settings is not complete: more runs follow from it
}

// unmerged returns why a study that is split can't be run as a whole, nil if it can.
func unmerged(dir string) error {
	n := 0
	for _, shard := range ShardDirectories(dir) {
		hashes, _ := record.Runs(shard)
		for _, h := range hashes {
			if _, err := os.Lstat(record.RunDirectory(dir, h)); err != nil {
				n++
			}
		}
	}
	if n > 0 {
		return fmt.Errorf("%s: %s of the study's shards not merged: run gradflow merge %s first, or %w", dir, texttab.Count(n, "record"), dir, ErrAnotherStudy)
	}
	return nil
}

// Merge brings records of a study together in its directory: those of its shards, if from is
// empty, else those of the directories given. Each record is read and checked, and copied
// byte for byte. What the directory has already stays, so that merging again changes
// nothing.
//
// It is an error, before anything is copied, if the studies are not the same, if two records
// of one run differ in their results, or, unless mixed is true, if the runs were done by
// different versions or kernels, as their last bits then differ.
func Merge(ctx context.Context, dir string, from []string, mixed bool) (Merged, error) {
	var m Merged
	if len(from) == 0 {
		if from = ShardDirectories(dir); len(from) == 0 {
			return m, errors.Errorf("%s has no shards, and no other directory is given", dir)
		}
	}
	text, err := os.ReadFile(filepath.Join(from[0], "study.yaml"))
	if err != nil {
		return m, errors.Wrap(err, "merge")
	}
	for _, other := range append(from[1:len(from):len(from)], dir) {
		its, err := os.ReadFile(filepath.Join(other, "study.yaml"))
		if err != nil && other == dir {
			continue
		}
		if err != nil {
			return m, errors.Wrap(err, "merge")
		}
		if !bytes.Equal(text, its) {
			return m, errors.Errorf("%s and %s are of different studies: their study.yaml differ", from[0], other)
		}
	}
	d, err := record.Create(dir, text, nil)
	if err != nil {
		return m, err
	}
	defer d.Close()

	type source struct{ dir, hash string }
	var copies []source
	where := map[record.Environment][]string{}
	known := map[string]record.Summary{}
	for _, place := range append([]string{dir}, from...) {
		hashes, ok := record.Runs(place)
		if !ok {
			return m, errors.Errorf("%s: not the directory of a study: it has no subdirectory runs", place)
		}
		for _, hash := range hashes {
			if err := ctx.Err(); err != nil {
				return m, err
			}
			r, err := record.Read(record.RunDirectory(place, hash))
			var damage *record.Damage
			if errors.As(err, &damage) {
				damage.Run = filepath.Join(place, damage.Run)
				m.Damaged = append(m.Damaged, damage)
				continue
			}
			e := r.Summary.Environment
			e.CPU = "" // it is the kernels that matter
			if !slices.Contains(where[e], place) {
				where[e] = append(where[e], place)
			}
			before, twice := known[hash]
			switch {
			case !twice:
				if known[hash] = r.Summary; place != dir {
					copies = append(copies, source{place, hash})
				}
			case !sameResult(before, r.Summary):
				return m, errors.Errorf("run %s has another result in %s than elsewhere; nothing was merged: remove one of them, and the run is done again", hash, place)
			case place != dir:
				m.Present++
			}
		}
	}
	m.Different = differences(where)
	if len(m.Different) > 0 && !mixed {
		return m, errors.Errorf("the runs were not done by the same program: %s; their last bits may differ; --mixed merges them all the same", strings.Join(m.Different, "; "))
	}
	for _, s := range copies {
		if err := ctx.Err(); err != nil {
			return m, err
		}
		if err := d.Adopt(record.RunDirectory(s.dir, s.hash)); err != nil {
			return m, err
		}
		m.Copied++
	}
	for _, place := range from {
		for _, f := range record.Failures(place) {
			if _, ok := known[f.Run]; !ok {
				m.Failures = append(m.Failures, f)
			}
		}
	}
	spec, err := parseRecorded(ctx, filepath.Join(dir, "study.yaml"), text)
	if err != nil {
		return m, err
	}
	tuning := spec.Resolve(func(c Config) *record.Record {
		if _, ok := known[c.Hash()]; !ok {
			return nil
		}
		r, _ := d.Find(c)
		return r
	})
	for _, c := range slices.Concat(tuning.Runs, tuning.Final) {
		if _, ok := known[c.Hash()]; !ok {
			m.Missing = append(m.Missing, c)
		}
	}
	if m.Waiting = spec.Tune != nil && !tuning.Complete; spec.Tune != nil {
		return m, d.WriteTuning(tuning)
	}
	return m, nil
}

// sameResult reports whether two records of a run say the same, whenever and however fast it
// was done.
func sameResult(a, b record.Summary) bool {
	if len(a.Files) != len(b.Files) {
		return false
	}
	for name, f := range a.Files {
		if b.Files[name] != f {
			return false
		}
	}
	return a.Status == b.Status && a.Steps == b.Steps && fmt.Sprint(a.TestLoss, a.TestAccuracy) == fmt.Sprint(b.TestLoss, b.TestAccuracy)
}

// differences says in what the environments of records differ, and where each value is found.
func differences(where map[record.Environment][]string) (list []string) {
	for _, field := range []struct {
		name string
		of   func(record.Environment) string
	}{
		{"kernels", func(e record.Environment) string { return e.Kernel }},
		{"platform", func(e record.Environment) string { return e.Platform }},
		{"Go", func(e record.Environment) string { return e.Go }},
		{"gradflow", func(e record.Environment) string { return e.Gradflow }},
		{"gorgonia", func(e record.Environment) string { return e.Gorgonia }},
		{"tensor", func(e record.Environment) string { return e.Tensor }},
	} {
		first := map[string]string{}
		for e, places := range where {
			v, place := field.of(e), slices.Min(places)
			if v == "" {
				v = "unknown"
			}
			if before, ok := first[v]; !ok || place < before {
				first[v] = place
			}
		}
		if len(first) < 2 {
			continue
		}
		var values []string
		for v, place := range first {
			values = append(values, fmt.Sprintf("%s in %s", v, place))
		}
		slices.Sort(values)
		list = append(list, field.name+" "+strings.Join(values, ", "))
	}
	return list
}
