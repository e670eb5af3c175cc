package tasks

import (
	"math"
	"slices"

	"github.com/gradflow/gradflow/catalogue"
	"github.com/pkg/errors"
)

// Folded is a task with cross-validation: the seed of a run chooses which part of the rows
// is held out. As a task it is that of seed 1.
type Folded interface {
	Task
	Folds() int
	// Fold returns the task of the fold (seed-1) mod Folds.
	Fold(seed uint64) (Task, error)
}

// folded keeps one task for each fold.
type folded struct {
	Task
	all []func() (Task, error)
}

func (f *folded) Folds() int { return len(f.all) }

func (f *folded) Fold(seed uint64) (Task, error) {
	k := uint64(len(f.all))
	return f.all[(seed%k+k-1)%k]()
}

// notFolded refuses a task of whose folds another would see only the first.
func notFolded(t Task) error {
	if f, ok := t.(Folded); ok {
		return catalogue.Invalid("of", "task %s has %d folds, which only it has itself: leave folds out", t.Name(), f.Folds())
	}
	return nil
}

// Monitored reports whether a task has no validation part of its own: what is called that is
// its training part, and nothing can be chosen on it.
func Monitored(t Task) bool {
	train, finite := t.Train().(*Set)
	return finite && train == t.Validation() && train != t.Test()
}

// unvalidated makes the training part stand for the validation part that a task lacks.
func unvalidated(t Task, err error) (Task, error) {
	if f, ok := t.(*finite); ok && err == nil {
		f.validation = f.train
	}
	return t, err
}

// part is how many of n rows a setting asks for: a share, rounded up, or from 1 on a number.
func part(setting string, x float64, n int) (int, error) {
	rows := math.Ceil(x*float64(n) - 1e-9)
	if x >= 1 {
		rows = x
	}
	if rows != math.Trunc(rows) || rows < 0 || rows >= float64(n) {
		return 0, catalogue.Invalid(setting, "is %v; it must be a share, below 1, of the %d examples, or a number of them that leaves some", x, n)
	}
	return int(rows), nil
}

// cut returns the rows of consecutive parts of the sizes: as the file has them, or
// stratified and drawn once and for all.
func (d Data[V]) cut(shuffle bool, sizes ...int) ([][]int, error) {
	if shuffle {
		return d.choose(splitSeed, sizes...)
	}
	var parts [][]int
	at := 0
	for _, n := range sizes {
		rows := make([]int, n)
		for i := range rows {
			rows[i] = at + i
		}
		parts, at = append(parts, rows), at+n
	}
	return parts, nil
}

// fold returns the rows of fold f of this many, and all others, in the order of d.
func (d Data[V]) fold(shuffle bool, folds, f int) (in, out []int, err error) {
	n := len(d.Labels)
	if folds > n {
		return nil, nil, catalogue.Invalid("folds", "is %d, but there are only %d rows", folds, n)
	}
	sizes := make([]int, folds)
	for i := range sizes {
		sizes[i] = (i+1)*n/folds - i*n/folds
	}
	parts, err := d.cut(shuffle, sizes...)
	if err != nil {
		return nil, nil, err
	}
	for i, p := range parts {
		if i != f {
			out = append(out, p...)
		}
	}
	slices.Sort(out)
	return parts[f], out, nil
}

// hold divides rows of d into those to train on and this many others, which stand last.
func (d Data[V]) hold(shuffle bool, rows []int, held int) (train, others []int, err error) {
	parts, err := d.pick(rows).cut(shuffle, max(1, len(rows)-held), min(held, len(rows)-1))
	if held == 0 {
		return rows, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	for i, p := range parts {
		for j := range p {
			parts[i][j] = rows[p[j]]
		}
	}
	return parts[0], parts[1], nil
}

const maxFolds = 10_000

// byFold makes a task of each fold, or one if there are none.
func byFold(folds int, load func(fold int) (Task, error)) (Task, error) {
	if folds == 0 {
		return load(0)
	}
	if folds < 2 || folds > maxFolds {
		return nil, catalogue.Invalid("folds", "is %d; it must be at least 2 and at most %d, or 0 for none", folds, maxFolds)
	}
	f := &folded{}
	for i := range folds {
		f.all = append(f.all, func() (Task, error) {
			return loaded.get(foldKey{f, i}, func() (Task, error) { return load(i) })
		})
	}
	var err error
	f.Task, err = f.all[0]()
	return f, errors.Wrap(err, "fold 1")
}

type foldKey struct {
	of   *folded
	fold int
}
