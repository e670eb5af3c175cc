package tasktest

import (
	"github.com/gradflow/gradflow/models"
	"math"
	"regexp"
	"slices"
	"sync"
	"testing"

	"github.com/gradflow/gradflow/bench/tasks"
	"github.com/pkg/errors"
)

// Run checks a task, one subtest per property. It draws a few thousand training
// examples.
func Run(t *testing.T, task tasks.Task) {
	t.Helper()
	for _, c := range checks {
		ok := t.Run(c.name, func(t *testing.T) {
			if err := c.check(task); err != nil {
				t.Error(err)
			}
		})
		if !ok && (c.name == "description" || c.name == "sets") {
			return // the others rely on it
		}
	}
}

var checks = []struct {
	name  string
	check func(tasks.Task) error
}{
	{"description", description},
	{"sets", sets},
	{"stream", stream},
	{"allocation", allocation},
	{"standardisation", standardisation},
	{"leak", leak},
	{"chance", chance},
}

var name = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

func description(task tasks.Task) error {
	if !name.MatchString(task.Name()) {
		return errors.Errorf("name %q is not lower-case and hyphenated", task.Name())
	}
	if task.Inputs() < 1 || task.Outputs() < 1 {
		return errors.Errorf("%d inputs and %d outputs", task.Inputs(), task.Outputs())
	}
	chance, target := task.Chance(), task.Target()
	if _, err := task.Loss().Objective(); err != nil {
		return err
	}
	if task.Loss().HigherIsBetter() {
		if !(chance > 0 && target > chance && target <= 1) {
			return errors.Errorf("accuracies: chance %v, target %v; want 0 < chance < target <= 1", chance, target)
		}
	} else if !(target >= 0 && chance > target) || math.IsInf(chance, 0) {
		return errors.Errorf("errors: chance %v, target %v; want 0 <= target < chance", chance, target)
	}
	if task.Train() == nil || task.Validation() == nil || task.Test() == nil {
		return errors.New("training source, validation or test set is nil")
	}
	if s, ok := task.(tasks.Sequence); ok {
		return steps(s)
	}
	if task.Loss() == models.StepCrossEntropy {
		return errors.Errorf("loss %s, but the task does not implement tasks.Sequence", task.Loss())
	}
	return nil
}

// steps checks the widths of a sequence.
func steps(s tasks.Sequence) error {
	if s.Steps() < 1 || s.StepInputs() < 1 || s.Steps()*s.StepInputs() != s.Inputs() {
		return errors.Errorf("%d steps of %d inputs are not the %d inputs of the task", s.Steps(), s.StepInputs(), s.Inputs())
	}
	if n := s.TargetSteps(); n < 1 || n > s.Steps() || s.Outputs()%n != 0 {
		return errors.Errorf("answers in %d of %d steps with %d outputs", n, s.Steps(), s.Outputs())
	}
	if s.Loss() == models.CrossEntropy && s.TargetSteps() != 1 {
		return errors.Errorf("loss %s with answers in %d steps; want %s", s.Loss(), s.TargetSteps(), models.StepCrossEntropy)
	}
	return nil
}

// answers returns how many one-hot rows the target row of a classification has.
func answers(task tasks.Task) int {
	if s, ok := task.(tasks.Sequence); ok && task.Loss() == models.StepCrossEntropy {
		return s.TargetSteps()
	}
	return 1
}

// setsOf returns the task's sets with their names.
func setsOf(task tasks.Task) (names []string, sets []*tasks.Set) {
	names, sets = []string{"validation", "test"}, []*tasks.Set{task.Validation(), task.Test()}
	if train, ok := task.Train().(*tasks.Set); ok {
		names, sets = append(names, "training"), append(sets, train)
	}
	return names, sets
}

func sets(task tasks.Task) error {
	names, all := setsOf(task)
	for i, s := range all {
		if err := set(task, s); err != nil {
			return errors.Wrapf(err, "%s set", names[i])
		}
	}
	_, again := setsOf(task)
	if !slices.Equal(all, again) {
		return errors.New("Train, Validation or Test makes a new set in every call: runs cannot share it")
	}
	return nil
}

func set(task tasks.Task, s *tasks.Set) error {
	if s.Inputs() != task.Inputs() || s.Outputs() != task.Outputs() {
		return errors.Errorf("rows of %d and %d, the task has %d inputs and %d outputs", s.Inputs(), s.Outputs(), task.Inputs(), task.Outputs())
	}
	if s.Len() < 1 || len(s.X64()) != s.Len()*s.Inputs() || len(s.T64()) != s.Len()*s.Outputs() {
		return errors.Errorf("%d inputs and %d targets for %d examples", len(s.X64()), len(s.T64()), s.Len())
	}
	if err := alike(s.X64(), s.X32()); err != nil {
		return errors.Wrap(err, "inputs")
	}
	if err := alike(s.T64(), s.T32()); err != nil {
		return errors.Wrap(err, "targets")
	}
	if task.Loss() != models.CrossEntropy {
		if s.Labels() != nil {
			return errors.Errorf("a set for the loss %s has labels", task.Loss())
		}
		return targets(task, s.T64())
	}
	if len(s.Labels()) != s.Len() {
		return errors.Errorf("%d labels for %d examples", len(s.Labels()), s.Len())
	}
	for i, l := range s.Labels() {
		if c, err := class(s.T64()[i*s.Outputs() : (i+1)*s.Outputs()]); err != nil || c != l {
			return errors.Errorf("example %d has label %d and targets %v", i, l, s.T64()[i*s.Outputs():(i+1)*s.Outputs()])
		}
	}
	return nil
}

// targets checks that the targets of a classification are one-hot.
func targets(task tasks.Task, t []float64) error {
	if !task.Loss().HigherIsBetter() {
		return nil
	}
	n, classes := answers(task), task.Outputs()/answers(task)
	for i := range len(t) / classes {
		if _, err := class(t[i*classes : (i+1)*classes]); err != nil {
			return errors.Wrapf(err, "example %d, answer %d", i/n, i%n)
		}
	}
	return nil
}

// alike checks that both tables hold the same finite numbers.
func alike(f64 []float64, f32 []float32) error {
	if len(f64) != len(f32) {
		return errors.Errorf("%d values in float64, %d in float32", len(f64), len(f32))
	}
	for i, v := range f64 {
		if math.IsNaN(v) || math.IsInf(v, 0) || math.IsInf(float64(f32[i]), 0) {
			return errors.Errorf("value %d is %v in float64 and %v in float32", i, v, f32[i])
		}
		if f32[i] != float32(v) {
			return errors.Errorf("value %d is %v in float64, but %v in float32", i, v, f32[i])
		}
	}
	return nil
}

// class returns the place of the 1 in a one-hot row.
func class(row []float64) (int, error) {
	at := slices.Index(row, 1)
	for k, v := range row {
		if at < 0 || k != at && v != 0 {
			return 0, errors.Errorf("targets %v are not one-hot", row)
		}
	}
	return at, nil
}

// take draws n batches.
func take[F tasks.Float](task tasks.Task, s tasks.Stream, batch, n int) (x, t []F, err error) {
	x, t = make([]F, n*batch*task.Inputs()), make([]F, n*batch*task.Outputs())
	for i := range n {
		in, out := batch*task.Inputs(), batch*task.Outputs()
		if err := tasks.Next(s, x[i*in:(i+1)*in], t[i*out:(i+1)*out]); err != nil {
			return nil, nil, err
		}
	}
	return x, t, nil
}

func stream(task tasks.Task) error {
	const n = 60 // examples; divisible by the batch sizes below
	source := task.Train()
	x, t, err := take[float64](task, source.Batches(1, 1), 1, n)
	if err != nil {
		return err
	}
	if err := targets(task, t); err != nil {
		return errors.Wrap(err, "training examples")
	}
	for _, batch := range []int{1, 4, 15, 60} {
		x64, t64, err := take[float64](task, source.Batches(1, batch), batch, n/batch)
		if err != nil {
			return err
		}
		if !slices.Equal(x64, x) || !slices.Equal(t64, t) {
			return errors.Errorf("one seed gives other examples in batches of %d than one at a time", batch)
		}
		x32, t32, err := take[float32](task, source.Batches(1, batch), batch, n/batch)
		if err != nil {
			return err
		}
		if err := alike(x, x32); err != nil {
			return errors.Wrap(err, "inputs")
		}
		if err := alike(t, t32); err != nil {
			return errors.Wrap(err, "targets")
		}
	}
	if other, _, err := take[float64](task, source.Batches(2, 1), 1, n); err != nil {
		return err
	} else if slices.Equal(other, x) && slices.Max(x) != slices.Min(x) {
		return errors.New("two seeds give the same examples")
	}
	if err := seek(task, x); err != nil {
		return err
	}
	if err := wrongCalls(task); err != nil {
		return err
	}
	return concurrent(task, x)
}

// seek looks at batches of 4 out of order. want is the sequence of 60 examples.
func seek(task tasks.Task, want []float64) error {
	s := task.Train().Batches(1, 4)
	for _, k := range []int{9, 0, 14, 14, 2} {
		s.Seek(uint64(k))
		x, _, err := take[float64](task, s, 4, 1)
		if err != nil {
			return err
		}
		if w := 4 * task.Inputs(); !slices.Equal(x, want[k*w:(k+1)*w]) {
			return errors.Errorf("after Seek(%d) comes another batch than in sequence", k)
		}
	}
	return nil
}

func wrongCalls(task tasks.Task) error {
	in, out := task.Inputs(), task.Outputs()
	s := task.Train().Batches(1, 2)
	for _, n := range [][2]int{{2*in - 1, 2 * out}, {2*in + 1, 2 * out}, {2 * in, 2*out - 1}, {2 * in, 2*out + 1}, {0, 0}} {
		if s.Next32(make([]float32, n[0]), make([]float32, n[1])) == nil || s.Next64(make([]float64, n[0]), make([]float64, n[1])) == nil {
			return errors.Errorf("no error for buffers of %d inputs and %d targets for a batch of 2", n[0], n[1])
		}
	}
	for _, batch := range []int{0, -1} {
		if task.Train().Batches(1, batch).Next64(nil, nil) == nil {
			return errors.Errorf("no error for a batch of %d", batch)
		}
	}
	return nil
}

// concurrent is for the race detector as much as for the comparison.
func concurrent(task tasks.Task, want []float64) error {
	got := make([][]float64, 4)
	errs := make([]error, len(got))
	var wg sync.WaitGroup
	for i := range got {
		wg.Go(func() {
			got[i], _, errs[i] = take[float64](task, task.Train().Batches(1, 4), 4, 15)
		})
	}
	wg.Wait()
	for i := range got {
		if errs[i] != nil {
			return errs[i]
		}
		if !slices.Equal(got[i], want) {
			return errors.New("streams that run at the same time disturb each other")
		}
	}
	return nil
}

func allocation(task tasks.Task) error {
	const batch = 16
	s := task.Train().Batches(1, batch)
	x32, t32 := make([]float32, batch*task.Inputs()), make([]float32, batch*task.Outputs())
	x64, t64 := make([]float64, batch*task.Inputs()), make([]float64, batch*task.Outputs())
	var err error
	n := testing.AllocsPerRun(50, func() {
		if e := s.Next32(x32, t32); e != nil {
			err = e
		}
		if e := s.Next64(x64, t64); e != nil {
			err = e
		}
	})
	if err != nil {
		return err
	}
	if n != 0 {
		return errors.Errorf("%v allocations in two batches", n)
	}
	return nil
}

func standardisation(task tasks.Task) error {
	train, ok := task.Train().(*tasks.Set)
	if !ok {
		return nil // endless training data are scaled as the task defines
	}
	if s, ok := task.(tasks.Sequence); ok && symbols(train.X64(), s.StepInputs()) {
		return nil
	}
	const tolerance = 1e-6
	w, n := train.Inputs(), float64(train.Len())
	sum, square := make([]float64, w), make([]float64, w)
	for i, v := range train.X64() {
		sum[i%w] += v
		square[i%w] += v * v
	}
	for j := range w {
		mean, variance := sum[j]/n, square[j]/n
		if math.Abs(mean) > tolerance || math.Abs(variance-1) > tolerance && variance > tolerance {
			return errors.Errorf("training input %d has mean %g and mean square %g, not 0 and 1", j, mean, variance)
		}
	}
	return nil
}

// symbols reports whether all steps are one-hot rows.
func symbols(x []float64, width int) bool {
	for i := 0; i < len(x); i += width {
		if _, err := class(x[i : i+width]); err != nil {
			return false
		}
	}
	return width > 1
}

// sample returns the training examples: all of a finite set, sampleSize of the
// stream with this seed otherwise.
func sample(task tasks.Task, seed uint64) (x, t []float64, err error) {
	if train, ok := task.Train().(*tasks.Set); ok {
		return train.X64(), train.T64(), nil
	}
	return take[float64](task, task.Train().Batches(seed, 1), 1, sampleSize)
}

const sampleSize = 4096

func leak(task tasks.Task) error {
	train, finite := task.Train().(*tasks.Set)
	if finite && train == task.Validation() && train == task.Test() {
		return nil // the whole domain is the training set, and says so
	}
	x, t, err := sample(task, 1)
	if err != nil {
		return err
	}
	parts := []struct {
		name string
		rows []string
	}{
		{"training", keys(task, x, t)},
		{"validation", keys(task, task.Validation().X64(), task.Validation().T64())},
		{"test", keys(task, task.Test().X64(), task.Test().T64())},
	}
	// A data set may hold the same example several times, so that a division has
	// some on both sides: as often, then, as within the training examples.
	duplicates := 0.0
	if finite {
		count := make(map[string]int)
		for _, k := range parts[0].rows {
			count[k]++
		}
		for _, n := range count {
			if n > 1 {
				duplicates += float64(n)
			}
		}
		duplicates /= float64(len(parts[0].rows))
	}
	for i, a := range parts {
		known := make(map[string]bool, len(a.rows))
		for _, k := range a.rows {
			known[k] = true
		}
		for _, b := range parts[i+1:] {
			leaked := 0
			for _, k := range b.rows {
				if known[k] {
					leaked++
				}
			}
			if share := float64(leaked) / float64(len(b.rows)); share > 3*duplicates {
				return errors.Errorf("%d of %d %s examples are %s examples too; %.3g of the training examples are duplicates",
					leaked, len(b.rows), b.name, a.name, duplicates)
			}
		}
	}
	return nil
}

// keys makes one comparable key of each example, input and target.
func keys(task tasks.Task, x, t []float64) []string {
	in, out := task.Inputs(), task.Outputs()
	rows := make([]string, len(x)/in)
	b := make([]byte, 0, 8*(in+out))
	for i := range rows {
		b = b[:0]
		for _, row := range [][]float64{x[i*in : (i+1)*in], t[i*out : (i+1)*out]} {
			for _, v := range row {
				u := math.Float64bits(v + 0) // -0 is 0
				b = append(b, byte(u), byte(u>>8), byte(u>>16), byte(u>>24), byte(u>>32), byte(u>>40), byte(u>>48), byte(u>>56))
			}
		}
		rows[i] = string(b)
	}
	return rows
}

// settle changes answer to one at which the mean loss of the rows of t is smallest, one output
// after the other, by golden sections of the range of the targets.
func settle(answer, t []float64, loss func(row []float64) float64) {
	out := len(answer)
	total := func(k int, v float64) (sum float64) {
		answer[k] = v
		for i := 0; i < len(t); i += out {
			sum += loss(t[i : i+out])
		}
		return sum
	}
	const golden = 0.6180339887498949
	for range 3 { // outputs can depend on each other
		for k := range answer {
			lo, hi := answer[k], answer[k]
			for i := k; i < len(t); i += out {
				lo, hi = min(lo, t[i]), max(hi, t[i])
			}
			for range 30 {
				a, b := hi-golden*(hi-lo), lo+golden*(hi-lo)
				if total(k, a) < total(k, b) {
					hi = b
				} else {
					lo = a
				}
			}
			answer[k] = (lo + hi) / 2
		}
	}
}

// chance finds the best constant answer to the training examples and compares
// its score on training examples and on both held-out sets with the chance level. What a
// sample's score may differ by is 4 standard errors, and the error of the
// constant itself.
func chance(task tasks.Task) error {
	_, t, err := sample(task, 1)
	if err != nil {
		return err
	}
	// The best answer to endless examples is scored on others: on its own it would
	// do better than by chance.
	_, scored, err := sample(task, 2)
	if err != nil {
		return err
	}
	out := task.Outputs()
	n := float64(len(t) / out)
	constant := make([]float64, out) // mean target: for classes their frequencies
	for i, v := range t {
		constant[i%out] += v / n
	}
	rows := answers(task)
	classes := out / rows
	best := make([]int, rows) // the most frequent class of each answer
	for k := range best {
		row := constant[k*classes : (k+1)*classes]
		best[k] = k*classes + slices.Index(row, slices.Max(row))
	}
	shape := models.Shape{Inputs: task.Inputs(), Outputs: out, Batch: 1, Loss: task.Loss()}
	objective, err := task.Loss().Objective()
	if err != nil {
		return err
	}
	if !task.Loss().HigherIsBetter() && task.Loss() != models.MeanSquaredError { // of which the mean is the best
		settle(constant, t, func(row []float64) float64 { return objective.Of(constant, row, shape) })
	}
	for _, part := range []struct {
		name string
		t    []float64
	}{{"training examples", scored}, {"validation set", task.Validation().T64()}, {"test set", task.Test().T64()}} {
		m := len(part.t) / out
		scores := make([]float64, m)
		mean := 0.0
		for i := range scores {
			row := part.t[i*out : (i+1)*out]
			if task.Loss().HigherIsBetter() {
				for _, k := range best {
					scores[i] += row[k] / float64(rows)
				}
			} else {
				scores[i] = objective.Of(constant, row, shape)
			}
			mean += scores[i] / float64(m)
		}
		variance := 0.0
		for _, s := range scores {
			variance += (s - mean) * (s - mean) / float64(m)
		}
		tolerance := 4*math.Sqrt(variance/float64(m)) + 4*task.Chance()/n + 1e-6
		if math.Abs(mean-task.Chance()) > tolerance {
			return errors.Errorf("the best constant answer scores %.4g on the %s; chance is said to be %.4g (tolerance %.2g)",
				mean, part.name, task.Chance(), tolerance)
		}
	}
	return nil
}
