package tasks

import (
	"slices"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/catalogue"
)

// TestImagesDivision: parts of the training file as the settings say, apart and whole. The
// third pixel of the files' images is the row's number, standardised.
func TestImagesDivision(t *testing.T) {
	dir := t.TempDir()
	writeSet(t, dir, nil)
	rows := func(s *Set) (number []float64) {
		x := s.X64()
		for i := range s.Len() {
			number = append(number, x[i*6+2])
		}
		return number
	}
	make := func(c IDXConfig) Task {
		t.Helper()
		c.Dir = dir
		task, err := NewIDX(c)
		if err != nil {
			t.Fatal(err)
		}
		return task
	}
	apart := func(task Task, n int) {
		t.Helper()
		all := slices.Concat(rows(task.Train().(*Set)), rows(task.Validation()))
		slices.Sort(all)
		if len(all) != n || len(slices.Compact(all)) != n {
			t.Errorf("%d rows to train and to validate, %d of them different, want %d", len(all), len(slices.Compact(all)), n)
		}
	}
	share := make(IDXConfig{Validation: 0.25})
	if n := share.Validation().Len(); n != 15 {
		t.Errorf("a quarter of 60 rows is %d", n)
	}
	apart(share, 60)
	if a, b := share, make(IDXConfig{Validation: 15}); !slices.Equal(rows(a.Validation()), rows(b.Validation())) {
		t.Error("15 rows are not those that a quarter is")
	}

	fixed := IDXConfig{Validation: 20, Train: 30}
	fixed.Given = catalogue.Give("shuffle")
	ordered := make(fixed)
	apart(ordered, 50)
	if all := slices.Concat(rows(ordered.Train().(*Set)), rows(ordered.Validation())); !slices.IsSorted(all) {
		t.Errorf("unshuffled rows are not in their order: %v", all)
	}

	none := IDXConfig{}
	none.Given = catalogue.Give("hold-out")
	whole := make(none)
	if n := whole.Train().(*Set).Len(); n != 60 || !Monitored(whole) || whole.Test().Len() != 20 {
		t.Errorf("without a validation part, %d rows train", n)
	}

	folded := make(IDXConfig{Folds: 4}).(Folded)
	var labels []int
	for seed := range uint64(4) {
		fold, err := folded.Fold(seed)
		if err != nil {
			t.Fatal(err)
		}
		apart(fold, 60)
		if fold.Validation().Len() != 15 || fold.Test().Len() != 20 {
			t.Errorf("seed %d validates on %d rows", seed, fold.Validation().Len())
		}
		labels = append(labels, fold.Validation().Labels()...)
	}
	counts := [4]int{}
	for _, l := range labels {
		counts[l]++
	}
	if counts != [4]int{15, 15, 15, 15} {
		t.Errorf("all folds together have classes %v, the file 15 of each", counts)
	}
	both := IDXConfig{Dir: dir, Folds: 4}
	both.Given = catalogue.Give("hold-out")
	for _, c := range []IDXConfig{{Dir: dir, Folds: 3, Validation: 0.2}, both} {
		if _, err := NewIDX(c); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
