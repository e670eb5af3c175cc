package tasks_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/bench/tasks"
	"github.com/gradflow/gradflow/catalogue"
)

func digitsOf(t *testing.T, text string) tasks.Task {
	t.Helper()
	c, err := catalogue.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	task, err := tasks.Catalogue.Make(c)
	if err != nil {
		t.Fatal(err)
	}
	return task
}

// sizes returns how many rows the parts have.
func sizes(task tasks.Task) [3]int {
	return [3]int{task.Train().(*tasks.Set).Len(), task.Validation().Len(), task.Test().Len()}
}

// labelsOf returns all labels of a task's parts, one behind the other.
func labelsOf(sets ...*tasks.Set) (all []int) {
	for _, s := range sets {
		all = append(all, s.Labels()...)
	}
	return all
}

// TestDivision: parts have the sizes that are asked for, the unshuffled ones are the rows in
// their order, and what is not asked for stays as it was.
func TestDivision(t *testing.T) {
	for text, want := range map[string][3]int{
		"digits":                                     {1077, 360, 360},
		"digits(validation=0.1)":                     {1257, 180, 360},
		"digits(validation=100,test=200)":            {1497, 100, 200},
		"digits(validation=0)":                       {1437, 1437, 360}, // the training part stands in
		"digits(shuffle=false,test=0.5)":             {538, 360, 899},
		"digits(folds=5)":                            {1150, 288, 359},
		"digits(folds=5,validation=0)":               {1438, 1438, 359},
		"digits(folds=2,validation=0,shuffle=false)": {899, 899, 898},
	} {
		if got := sizes(digitsOf(t, text)); got != want {
			t.Errorf("%s: parts of %v rows, want %v", text, got, want)
		}
	}
	if digitsOf(t, "digits") != digitsOf(t, "digits(validation=0.2,test=0.2,shuffle=true,folds=0)") {
		t.Error("the defaults spelled out are another task")
	}
	full, err := tasks.Catalogue.Complete(catalogue.Choice{Name: "digits"})
	if err != nil || full.String() != "digits" {
		t.Errorf("digits is recorded as %v, %v: other than before", full, err)
	}
	if a := digitsOf(t, "digits(validation=0)"); !tasks.Monitored(a) || a.Validation() != a.Train().(*tasks.Set) {
		t.Error("without a validation part, the training part is not in its place")
	}
	if tasks.Monitored(digitsOf(t, "digits")) || tasks.Monitored(digitsOf(t, "parity")) {
		t.Error("a task with all its parts is said to have none for validation")
	}
	// Unshuffled parts, one behind the other, are the same rows whatever their sizes.
	a, b := digitsOf(t, "digits(shuffle=false)"), digitsOf(t, "digits(shuffle=false,validation=7,test=11)")
	la := labelsOf(a.Train().(*tasks.Set), a.Validation(), a.Test())
	if lb := labelsOf(b.Train().(*tasks.Set), b.Validation(), b.Test()); fmt.Sprint(la) != fmt.Sprint(lb) {
		t.Error("unshuffled rows are not in their order")
	}
	if fmt.Sprint(la[:10]) != "[0 1 2 3 4 5 6 7 8 9]" {
		t.Errorf("the first rows are of %v, in the file 0 to 9", la[:10])
	}
}

// TestFolds: the test parts of all folds are all rows, each once; a fold's parts have no row
// in common; the seed chooses the fold; the inputs are standardised by the training rows.
func TestFolds(t *testing.T) {
	for _, text := range []string{"digits(folds=5)", "digits(folds=5,shuffle=false)"} {
		folded := digitsOf(t, text).(tasks.Folded)
		rows, counts, order := 0, make([]int, 10), []int{}
		for seed := uint64(1); seed <= 5; seed++ {
			task, err := folded.Fold(seed)
			if err != nil {
				t.Fatal(err)
			}
			again, err := folded.Fold(seed + 5)
			if err != nil || again != task {
				t.Errorf("%s: seeds %d and %d have different folds: %v", text, seed, seed+5, err)
			}
			train := task.Train().(*tasks.Set)
			if n := train.Len() + task.Validation().Len() + task.Test().Len(); n != 1797 {
				t.Errorf("%s, seed %d: parts of %d rows", text, seed, n)
			}
			rows += task.Test().Len()
			order = append(order, task.Test().Labels()...)
			for _, l := range task.Test().Labels() {
				counts[l]++
			}
			seen := map[string]bool{}
			twice := 0
			for _, s := range []*tasks.Set{train, task.Validation(), task.Test()} {
				x := s.X64()
				for i := range s.Len() {
					key := fmt.Sprint(x[i*64 : (i+1)*64])
					if seen[key] {
						twice++
					}
					seen[key] = true
				}
			}
			if twice > 0 { // no two of the digits are equal
				t.Errorf("%s, seed %d: %d rows are in two parts", text, seed, twice)
			}
			x := train.X64()
			for j := range 64 {
				mean, square := 0., 0.
				for i := range train.Len() {
					mean += x[i*64+j] / float64(train.Len())
					square += x[i*64+j] * x[i*64+j] / float64(train.Len())
				}
				if math.Abs(mean) > 1e-9 || square > 1e-9 && math.Abs(square-1) > 1e-9 {
					t.Errorf("%s, seed %d: pixel %d has mean %g and square %g over the training rows", text, seed, j, mean, square)
				}
			}
		}
		if whole := digitsOf(t, "digits(shuffle=false)"); rows != 1797 || fmt.Sprint(counts) != fmt.Sprint(countsOf(labelsOf(whole.Train().(*tasks.Set), whole.Validation(), whole.Test()))) {
			t.Errorf("%s: the folds have %d rows of classes %v", text, rows, counts)
		} else if strings.Contains(text, "false") && fmt.Sprint(order) != fmt.Sprint(labelsOf(whole.Train().(*tasks.Set), whole.Validation(), whole.Test())) {
			t.Errorf("%s: unshuffled folds, one behind the other, are not the rows in their order", text)
		}
	}
}

func countsOf(labels []int) []int {
	counts := make([]int, 10)
	for _, l := range labels {
		counts[l]++
	}
	return counts
}

// TestDivisionMistakes: each is refused in a line, and so is a division of what has no rows
// to divide.
func TestDivisionMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"digits(validation=0.5,test=0.5)":  "nothing is left to train on",
		"digits(validation=1797)":          "leaves some",
		"digits(validation=1.5)":           "leaves some",
		"digits(test=0)":                   "above 0",
		"digits(validation=-1)":            "at least 0",
		"digits(folds=1)":                  "at least 2",
		"digits(folds=2000)":               "only 1797 rows",
		"adding(validation=0.2)":           "unknown setting",
		"parity(folds=3)":                  "unknown setting",
		"row-by-row(of=digits(folds=3))":   "leave folds out",
		"autoencoding(of=digits(folds=3))": "leave folds out",
	} {
		c, err := catalogue.Parse(text)
		if err == nil {
			_, err = tasks.Catalogue.Make(c)
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
