package tasks

import (
	"github.com/gradflow/gradflow/models"
	"math"
	"slices"
	"sort"

	"github.com/pkg/errors"
)

// Value is the type of a raw input as a file has it. Images stay bytes until a
// network asks for floats.
type Value interface{ uint8 | float64 }

// Data is a raw classified data set: X holds Inputs values for each of Labels,
// row-major; a label is in [0, Classes).
type Data[V Value] struct {
	Inputs, Classes int
	X               []V
	Labels          []int
	// Unit is the value of X that counts as 1, such as 255 for the bytes of an
	// image; 0 means 1. It only matters for a feature that is constant in the
	// training part, which is divided by one unit.
	Unit float64
}

// maxInput bounds raw inputs so that their squares can be summed.
const maxInput = 1e150

func (d Data[V]) check() error {
	n, err := rows(d.Inputs, d.Classes, len(d.X))
	if err != nil {
		return err
	}
	if err := checkFinite("input", d.X, d.Inputs, maxInput); err != nil {
		return err
	}
	if !(d.Unit >= 0 && d.Unit <= maxInput) {
		return errors.Errorf("tasks: unit %v of the inputs is not a positive number", d.Unit)
	}
	return checkLabels(d.Labels, n, d.Classes)
}

// Split divides d into disjoint parts of exactly the given sizes, stratified:
// every part has each class in the proportion of d, up to rounding. The choice
// is drawn from seed; within a part the examples keep the order of d. Sizes may
// add up to less than d has; the rest is left out.
func (d Data[V]) Split(seed uint64, sizes ...int) ([]Data[V], error) {
	chosen, err := d.choose(seed, sizes...)
	parts := make([]Data[V], len(chosen))
	for p, rows := range chosen {
		parts[p] = d.pick(rows)
	}
	return parts, err
}

// choose returns the rows of the parts.
func (d Data[V]) choose(seed uint64, sizes ...int) ([][]int, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	left := len(d.Labels)
	for _, s := range sizes {
		if s < 1 || s > left {
			return nil, errors.Errorf("tasks: parts of %v examples cannot be taken from %d", sizes, len(d.Labels))
		}
		left -= s
	}
	byClass := make([][]int, d.Classes)
	for i, l := range d.Labels {
		byClass[l] = append(byClass[l], i)
	}
	for c, examples := range byClass {
		shuffle(newRand(domainSplit, seed, uint64(c)), examples)
	}
	parts := make([][]int, len(sizes))
	for p, size := range sizes {
		var chosen []int
		for c, n := range apportion(size, byClass) {
			chosen = append(chosen, byClass[c][:n]...)
			byClass[c] = byClass[c][n:]
		}
		slices.Sort(chosen)
		parts[p] = chosen
	}
	return parts, nil
}

// apportion divides size over the classes in proportion to what is left of
// them, by the method of largest remainders.
func apportion(size int, byClass [][]int) []int {
	total := 0
	for _, e := range byClass {
		total += len(e)
	}
	counts, order := make([]int, len(byClass)), make([]int, len(byClass))
	remainder := make([]int64, len(byClass))
	missing := size
	for c, e := range byClass {
		share := int64(size) * int64(len(e))
		counts[c], remainder[c] = int(share/int64(total)), share%int64(total)
		order[c] = c
		missing -= counts[c]
	}
	sort.SliceStable(order, func(i, j int) bool { return remainder[order[i]] > remainder[order[j]] })
	for _, c := range order[:missing] {
		counts[c]++
	}
	return counts
}

// pick copies the chosen examples.
func (d Data[V]) pick(chosen []int) Data[V] {
	p := Data[V]{Inputs: d.Inputs, Classes: d.Classes, Unit: d.Unit,
		X: make([]V, 0, len(chosen)*d.Inputs), Labels: make([]int, 0, len(chosen))}
	for _, i := range chosen {
		p.X = append(p.X, d.X[i*d.Inputs:(i+1)*d.Inputs]...)
		p.Labels = append(p.Labels, d.Labels[i])
	}
	return p
}

// scale maps the raw input v of feature j to (v-mean[j])/std[j].
type scale struct{ mean, std []float64 }

// standardisation measures the mean and the standard deviation (divisor n) of
// every feature. A constant feature gets the divisor Unit.
//
// Two passes, and differences to the first example, so that no digits cancel:
// with bytes all sums of the first pass are exact.
func standardisation[V Value](d Data[V]) scale {
	w, n := d.Inputs, float64(len(d.Labels))
	s := scale{mean: make([]float64, w), std: make([]float64, w)}
	constant := make([]bool, w)
	for j := range constant {
		constant[j] = true
	}
	for i, v := range d.X {
		j := i % w
		s.mean[j] += float64(v) - float64(d.X[j])
		constant[j] = constant[j] && v == d.X[j]
	}
	for j := range s.mean {
		s.mean[j] = float64(d.X[j]) + s.mean[j]/n
	}
	for i, v := range d.X {
		e := float64(v) - s.mean[i%w]
		s.std[i%w] += e * e
	}
	for j := range s.std {
		s.std[j] = math.Sqrt(s.std[j] / n)
		// The second case is a spread whose square underflows.
		if constant[j] || s.std[j] == 0 {
			s.std[j] = 1
			if d.Unit > 0 {
				s.std[j] = d.Unit
			}
		}
	}
	return s
}

// scaledSet makes a Set of raw data that is standardised on demand.
func scaledSet[V Value](s scale, d Data[V]) *Set {
	return &Set{inputs: d.Inputs, outputs: d.Classes, n: len(d.Labels), labels: d.Labels,
		x: lazy(len(d.X),
			func(x []float32) { apply(x, s, d.X) },
			func(x []float64) { apply(x, s, d.X) }),
		t: oneHot(d.Labels, d.Classes)}
}

func apply[F Float, V Value](dst []F, s scale, raw []V) {
	w := len(s.mean)
	for i, v := range raw {
		j := i % w
		dst[i] = F((float64(v) - s.mean[j]) / s.std[j])
	}
}

// finite is a task of three sets. It is what tasks of files and of tables are.
type finite struct {
	name                    string
	loss                    models.Loss
	chance                  float64
	target                  func() float64
	train, validation, test *Set
}

var _ Task = (*finite)(nil)

func (f *finite) Name() string      { return f.name }
func (f *finite) Inputs() int       { return f.train.inputs }
func (f *finite) Outputs() int      { return f.train.outputs }
func (f *finite) Loss() models.Loss { return f.loss }
func (f *finite) Chance() float64   { return f.chance }
func (f *finite) Target() float64   { return f.target() }
func (f *finite) Train() Source     { return f.train }
func (f *finite) Validation() *Set  { return f.validation }
func (f *finite) Test() *Set        { return f.test }

// Classification makes a task of raw data that are divided already. Inputs are
// standardised with the mean and standard deviation of the training part.
// target is the accuracy that counts as solved. The chance level is the share
// of the most frequent class in the training part.
//
// The data are kept and must not be changed afterwards.
func Classification[V Value](name string, target float64, train, validation, test Data[V]) (Task, error) {
	parts := []struct {
		name string
		Data[V]
	}{{"training", train}, {"validation", validation}, {"test", test}}
	for _, p := range parts {
		if err := p.check(); err != nil {
			return nil, errors.Wrapf(err, "%s data of task %s", p.name, name)
		}
		if p.Inputs != train.Inputs || p.Classes != train.Classes {
			return nil, errors.Errorf("tasks: %s data of task %s have %d inputs and %d classes, the training data %d and %d",
				p.name, name, p.Inputs, p.Classes, train.Inputs, train.Classes)
		}
	}
	if !(target > 0 && target <= 1) {
		return nil, errors.Errorf("tasks: target accuracy %v of task %s is outside (0,1]", target, name)
	}
	s := standardisation(train)
	return &finite{name: name, loss: models.CrossEntropy, chance: constantAccuracy(train.Labels, train.Classes),
		target: func() float64 { return target },
		train:  scaledSet(s, train), validation: scaledSet(s, validation), test: scaledSet(s, test)}, nil
}

// constantAccuracy is the share of the most frequent label.
func constantAccuracy(labels []int, classes int) float64 {
	counts := make([]int, classes)
	for _, l := range labels {
		counts[l]++
	}
	return float64(slices.Max(counts)) / float64(len(labels))
}
