package tasks

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/catalogue"
)

func sequence1(t testing.TB, text string) Sequence {
	t.Helper()
	s, ok := make1(t, text).(Sequence)
	if !ok {
		t.Fatalf("%s is no sequence", text)
	}
	return s
}

// examples returns n training examples.
func examples(t testing.TB, s Sequence, n int) (x, targets [][]float64) {
	t.Helper()
	xs, ts := make([]float64, n*s.Inputs()), make([]float64, n*s.Outputs())
	if err := s.Train().Batches(5, n).Next64(xs, ts); err != nil {
		t.Fatal(err)
	}
	return slices.Collect(slices.Chunk(xs, s.Inputs())), slices.Collect(slices.Chunk(ts, s.Outputs()))
}

// spell reads one-hot steps as letters of an alphabet.
func spell(t testing.TB, rows []float64, alphabet string) string {
	t.Helper()
	var text strings.Builder
	for row := range slices.Chunk(rows, len(alphabet)) {
		at, err := class(row)
		if err != nil {
			t.Fatal(err)
		}
		text.WriteByte(alphabet[at])
	}
	return text.String()
}

// The constant answer 1 has the mean squared error 1/6; who sees only the second
// value gets to 1/12.
func TestAdding(t *testing.T) {
	for _, low := range []float64{0, -1} {
		task := sequence1(t, map[float64]string{0: "adding(steps=11)", -1: "adding(steps=11,low=-1)"}[low])
		if task.Steps() != 11 || task.StepInputs() != 2 || task.TargetSteps() != 1 {
			t.Fatalf("%d steps of %d, answers in %d", task.Steps(), task.StepInputs(), task.TargetSteps())
		}
		const n = 20000
		x, targets := examples(t, task, n)
		constant, second := 0.0, 0.0
		marked := make([]int, 11)
		for i, row := range x {
			sum, last := 0.0, 0.0
			for s := range 11 {
				value, mark := row[2*s], row[2*s+1]
				if value < low || value >= 1 || mark != 0 && mark != 1 {
					t.Fatalf("step %d: %v %v", s, value, mark)
				}
				if mark == 1 {
					sum += value
					last = value
					marked[s]++
				}
			}
			if math.Abs(targets[i][0]-sum) > 1e-15 {
				t.Fatalf("target %v, sum %v", targets[i][0], sum)
			}
			middle := (1 + low) / 2
			constant += math.Pow(sum-2*middle, 2) / n
			second += math.Pow(sum-last-middle, 2) / n
		}
		width := 1 - low
		if want := width * width / 6; math.Abs(task.Chance()-want) > 1e-15 || math.Abs(constant-want) > 0.02*want {
			t.Errorf("values from %v: chance %v, constant answer %v; want %v", low, task.Chance(), constant, want)
		}
		if want := width * width / 12; math.Abs(second-want) > 0.02*want {
			t.Errorf("values from %v: %v with the second value alone; want %v", low, second, want)
		}
		for s, k := range marked { // one mark in 0..4, one in 5..10
			want := n / 5.0
			if s >= 5 {
				want = n / 6.0
			}
			if math.Abs(float64(k)-want) > 6*math.Sqrt(want) {
				t.Errorf("step %d is marked %d times, not about %.0f", s, k, want)
			}
		}
	}
}

func TestTemporalOrder(t *testing.T) {
	for text, windows := range map[string][][2]int{
		"temporal-order":                    {{10, 20}, {50, 60}},
		"temporal-order(events=3)":          {{10, 20}, {33, 43}, {66, 76}},
		"temporal-order(steps=50)":          {{5, 10}, {25, 30}},
		"temporal-order(steps=10,events=3)": {{1, 2}, {3, 4}, {6, 7}},
	} {
		task := sequence1(t, text)
		x, targets := examples(t, task, 3000)
		reached := map[[2]int]bool{}
		letters := map[byte]bool{}
		for i, row := range x {
			s := spell(t, row, "abcdXYEB")
			if len(s) != task.Steps() || s[0] != 'E' || s[len(s)-1] != 'B' || strings.Count(s, "E")+strings.Count(s, "B") != 2 {
				t.Fatalf("%s: %s", text, s)
			}
			events := ""
			for at := range len(s) {
				letters[s[at]] = true
				if s[at] != 'X' && s[at] != 'Y' {
					continue
				}
				if w := windows[len(events)]; at < w[0] || at > w[1] {
					t.Fatalf("%s: event %d at %d", text, len(events), at)
				}
				reached[[2]int{len(events), at}] = true
				events += s[at : at+1]
			}
			if len(events) != len(windows) {
				t.Fatalf("%s: events %s", text, events)
			}
			// The class is the place of the events among all, sorted.
			order := []string{"XX", "XY", "YX", "YY"}
			if len(windows) == 3 {
				order = []string{"XXX", "XXY", "XYX", "XYY", "YXX", "YXY", "YYX", "YYY"}
			}
			if got, err := class(targets[i]); err != nil || order[got] != events {
				t.Fatalf("%s: %s has class %d (%v)", text, events, got, err)
			}
		}
		places := 0
		for _, w := range windows {
			places += w[1] - w[0] + 1
		}
		if len(reached) != places || len(letters) != 8 {
			t.Errorf("%s: events in %d of %d places, %d of 8 symbols", text, len(reached), places, len(letters))
		}
	}
}

func TestLongLag(t *testing.T) {
	task := sequence1(t, "noise-free-long-lag(lag=4)")
	s := task.Test()
	if got := spell(t, s.X64(), "abcxy"); got != "xabc"+"yabc" || !slices.Equal(s.Labels(), []int{0, 1}) || task.TargetSteps() != 1 {
		t.Errorf("%s %v", got, s.Labels())
	}
	every := sequence1(t, "noise-free-long-lag(lag=4,every=true)")
	if got := spell(t, every.Test().T64(), "abcxy"); got != "abcx"+"abcy" || every.TargetSteps() != 4 {
		t.Errorf("targets %s", got)
	}
	// Of 4 answers, the first 3 are always the same and the last is right for one of
	// the two sequences.
	if every.Chance() != 0.875 || every.Target() != 1 {
		t.Errorf("chance %v, target %v", every.Chance(), every.Target())
	}
}

func TestCopyMemory(t *testing.T) {
	task := sequence1(t, "copy-memory(delay=3,length=2,symbols=4)")
	every := sequence1(t, "copy-memory(delay=3,length=2,symbols=4,every=true)")
	x, targets := examples(t, task, 200)
	x2, targets2 := examples(t, every, 200)
	seen := map[string]bool{}
	for i := range x {
		s, answer := spell(t, x[i], "abcd.!"), spell(t, targets[i], "abcd")
		if s != answer+"..!.." {
			t.Fatalf("%s, answer %s", s, answer)
		}
		if spell(t, x2[i], "abcd.!") != s || spell(t, targets2[i], "abcd.") != "....."+answer {
			t.Fatalf("%s, answers %s", s, spell(t, targets2[i], "abcd."))
		}
		seen[answer] = true
	}
	if len(seen) != 16 {
		t.Errorf("%d of 16 words", len(seen))
	}
	// 5 of 7 answers are blanks, 2 are right with 1/4.
	if math.Abs(every.Chance()-(5+2*0.25)/7) > 1e-15 || task.Chance() != 0.25 || task.Steps() != 7 || every.TargetSteps() != 7 || task.TargetSteps() != 2 {
		t.Errorf("chance %v and %v", every.Chance(), task.Chance())
	}
	// The source's sizes: T+20 steps, the baseline 10 ln 8/(T+20).
	if standard := sequence1(t, "copy-memory(delay=500,held-out=10)"); standard.Steps() != 520 || standard.StepInputs() != 10 || standard.Outputs() != 80 {
		t.Errorf("%d steps of %d, %d outputs", standard.Steps(), standard.StepInputs(), standard.Outputs())
	}
}

func TestImageSequences(t *testing.T) {
	digits := make1(t, "digits")
	rows, pixels := sequence1(t, "row-by-row"), sequence1(t, "pixel-by-pixel(of=digits)")
	if rows.Steps() != 8 || rows.StepInputs() != 8 || pixels.Steps() != 64 || pixels.StepInputs() != 1 {
		t.Errorf("%d steps of %d, %d of %d", rows.Steps(), rows.StepInputs(), pixels.Steps(), pixels.StepInputs())
	}
	if rows.Name() != "row-by-row" || rows.Test() != digits.Test() || pixels.Train() != digits.Train() {
		t.Error("the images are copied")
	}
	if narrow := sequence1(t, "row-by-row(width=16)"); narrow.Steps() != 4 || narrow.StepInputs() != 16 {
		t.Errorf("%d steps of %d", narrow.Steps(), narrow.StepInputs())
	}
	if make1(t, "row-by-row") != Task(rows) {
		t.Error("the same task was made twice")
	}
}

func TestSequenceErrors(t *testing.T) {
	for text, want := range map[string]string{
		"adding(steps=1)":                       "steps: must be",
		"adding(low=0.5)":                       "low: must be",
		"temporal-order(steps=9)":               "steps: must be",
		"temporal-order(events=4)":              "events: must be",
		"noise-free-long-lag(lag=1)":            "lag: must be",
		"copy-memory(delay=-1)":                 "delay: must be",
		"copy-memory(symbols=1)":                "symbols: must be",
		"row-by-row(width=7)":                   "width: is 7",
		"row-by-row(of=two-spirals)":            "width: must be given: the 2 inputs of task two-spirals",
		"row-by-row(of=teacher-student)":        "of: task teacher-student is not a classification task",
		"pixel-by-pixel(of=autoencoding)":       "of: task autoencoding is not a classification task",
		"pixel-by-pixel(of=mnist(dir=/nosuch))": "no train-images",
	} {
		choice, err := catalogue.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Catalogue.Make(choice)
		var invalid *catalogue.Error
		if !errors.As(err, &invalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	digits := make1(t, "digits")
	for _, steps := range [][2]int{{0, 1}, {-1, 1}, {7, 1}, {8, 0}, {8, 9}, {8, 3}, {8, 2}} {
		if _, err := AsSequence("a", digits, steps[0], steps[1]); err == nil {
			t.Errorf("digits in %d steps with answers in %d: no error", steps[0], steps[1])
		}
	}
}

func TestSolvedSequences(t *testing.T) {
	for text, solved := range map[string][2]float64{ // a score that is not, and one that is
		"copy-memory(held-out=1)": {0.98, 0.99}, "adding(held-out=1)": {0.01, 0.001}, "temporal-order(held-out=1)": {0.5, 1},
	} {
		task := make1(t, text)
		if Solved(task, solved[0]) || !Solved(task, solved[1]) || Solved(task, math.NaN()) {
			t.Errorf("%s is solved at %v, not at %v", text, solved[0], solved[1])
		}
	}
}

func BenchmarkDraw(b *testing.B) {
	for _, text := range []string{"adding", "temporal-order", "copy-memory"} {
		b.Run(text, func(b *testing.B) {
			task := sequence1(b, text)
			stream := task.Train().Batches(1, 32)
			x, t := make([]float32, 32*task.Inputs()), make([]float32, 32*task.Outputs())
			for b.Loop() {
				if err := stream.Next32(x, t); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
