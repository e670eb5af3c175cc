package tasks

import (
	"github.com/gradflow/gradflow/models"
	"math"
	"reflect"
	"sync"

	"github.com/gradflow/gradflow/catalogue"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/mat"
)

// AutoencodingConfig says what is to be reproduced and how well.
type AutoencodingConfig struct {
	Of   Task `json:"of" default:"null" doc:"task with a finite training set whose inputs are reproduced; digits if left out"`
	Code int  `json:"code" default:"8" doc:"width of the code that the target is for, at least 1 and less than the inputs"`
	catalogue.Given
}

// NewAutoencoding returns the task "autoencoding": reproduce the standardised
// inputs of another task, the digits if none is given. Loss: mean squared error.
// Chance is the mean square of the training inputs, that is the share of
// features that are not constant. Standardised, a rare pixel weighs as much as
// any other, so a few images matter much: for the digits the constant answer
// has an error of 0.94 on the training, 1.03 on the validation and 0.84 on the
// test set.
//
// Solved is, as in the source, to be as good as principal component analysis:
// the target is the validation error of the best linear code of the given width,
// fitted to the training set. It is a fair target for a network whose narrowest
// layer has that width. (It is computed when first asked for; for 784 inputs
// that takes some seconds.)
//
// Source: G. E. Hinton and R. R. Salakhutdinov, "Reducing the dimensionality of
// data with neural networks", Science 313, 2006; as a benchmark of optimizers
// J. Martens, "Deep learning via Hessian-free optimization", ICML 2010.
func NewAutoencoding(c AutoencodingConfig) (Task, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	if c.Of == nil {
		var err error
		if c.Of, err = NewDigits(DigitsConfig{}); err != nil {
			return nil, err
		}
	}
	if err := notFolded(c.Of); err != nil {
		return nil, err
	}
	train, ok := c.Of.Train().(*Set)
	if !ok {
		return nil, catalogue.Invalid("of", "task %s has no finite training set", c.Of.Name())
	}
	if c.Code < 1 || c.Code >= c.Of.Inputs() {
		return nil, catalogue.Invalid("code", "is %d; it must be 1 to %d, less than the inputs", c.Code, c.Of.Inputs()-1)
	}
	if n := c.Of.Inputs(); n > maxComponents {
		return nil, catalogue.Invalid("of", "task %s has %d inputs, whose principal components the target is made of; there may be at most %d", c.Of.Name(), n, maxComponents)
	}
	load := func() (Task, error) { return autoencoding(train, c.Of.Validation(), c.Of.Test(), c.Code), nil }
	if !reflect.ValueOf(c.Of).Comparable() { // a user's own type
		return load()
	}
	return loaded.get(c, load)
}

// maxComponents bounds the inputs: their principal components take a time that grows with the
// cube of their number.
const maxComponents = 1536

func autoencoding(train, validation, test *Set, code int) Task {
	square := 0.0
	for _, v := range train.X32() {
		square += float64(v) * float64(v)
	}
	return &finite{name: "autoencoding", loss: models.MeanSquaredError,
		chance: square / float64(train.n*train.inputs),
		target: sync.OnceValue(func() float64 { return principalError(train, validation, code) }),
		train:  reproduce(train), validation: reproduce(validation), test: reproduce(test)}
}

// reproduce is the set whose targets are its inputs. It shares their memory.
func reproduce(s *Set) *Set {
	return &Set{inputs: s.inputs, outputs: s.inputs, n: s.n, x: s.x, t: s.x}
}

// principalError is the mean squared error on the held-out set of a projection
// on the first principal components of the training set, which has mean 0.
func principalError(train, heldOut *Set, components int) float64 {
	d := train.inputs
	covariance := blas64.Symmetric{N: d, Stride: d, Data: make([]float64, d*d), Uplo: blas.Upper}
	blocks(train, func(x blas64.General) { blas64.Syrk(blas.Trans, 1/float64(train.n), x, 1, covariance) })
	var eigen mat.EigenSym
	if !eigen.Factorize(mat.NewSymDense(d, covariance.Data), true) {
		return math.NaN() // inputs so large that their squares overflow
	}
	var vectors mat.Dense
	eigen.VectorsTo(&vectors) // in ascending order of the eigenvalues
	rest := vectors.Slice(0, d, 0, d-components).(*mat.Dense).RawMatrix()
	// The squares along the other components are summed: the difference of the
	// whole and the explained square would cancel where the rest is small.
	sum := 0.0
	blocks(heldOut, func(x blas64.General) {
		z := blas64.General{Rows: x.Rows, Cols: rest.Cols, Stride: rest.Cols, Data: make([]float64, x.Rows*rest.Cols)}
		blas64.Gemm(blas.NoTrans, blas.NoTrans, 1, x, rest, 0, z)
		for _, v := range z.Data {
			sum += v * v
		}
	})
	return sum / float64(heldOut.n*d)
}

// blocks calls f with the inputs in pieces, so that a large set needs no second
// copy in float64.
func blocks(s *Set, f func(x blas64.General)) {
	const rows = 1000
	x := s.X32()
	for at := 0; at < s.n; at += rows {
		n := min(rows, s.n-at)
		block := blas64.General{Rows: n, Cols: s.inputs, Stride: s.inputs, Data: make([]float64, n*s.inputs)}
		for i := range block.Data {
			block.Data[i] = float64(x[at*s.inputs+i])
		}
		f(block)
	}
}
