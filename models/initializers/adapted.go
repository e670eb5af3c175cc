package initializers

import (
	"math/rand/v2"
	"reflect"
	"sync"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/activations/meanfield"
	"github.com/pkg/errors"
)

// Adaptable is an initialiser that depends on the nonlinearity of its layer. It is
// used by way of [For].
type Adaptable interface {
	Initializer
	// For returns the initialiser for layers with the nonlinearity f; nil is none, as in
	// an output layer.
	For(f activations.Activation) (Initializer, error)
}

// Biased is an initialiser that gives biases first values, too; with others they are 0.
type Biased interface {
	Initializer
	// FillBias sets a layer's biases from random numbers of r.
	FillBias(b []float64, r *rand.Rand)
}

// FromData is an initialiser that goes on with data, when the layers before have
// theirs.
type FromData interface {
	Initializer
	// Fit changes w, which Fill has set, of shape (fanIn, fanOut). evaluate returns the
	// layer's pre-activations over a batch with w as it is. What is returned is kept in
	// the run's record: finite numbers by name.
	Fit(w []float64, evaluate func() ([]float64, error)) (map[string]float64, error)
}

// For returns init for layers with the nonlinearity f, nil being none: init itself
// unless it is [Adaptable].
func For(init Initializer, f activations.Activation) (Initializer, error) {
	a, ok := init.(Adaptable)
	if !ok {
		return init, nil
	}
	made, err := a.For(f)
	return made, errors.Wrapf(err, "initialiser %s", init.Name())
}

// adaptable makes an initialiser for each nonlinearity, once.
type adaptable struct {
	name string
	with func(m *meanfield.Field) (Initializer, error)

	mutex sync.Mutex
	made  map[activations.Activation]Initializer
}

func (a *adaptable) Name() string { return a.name }

// Fill is that of a layer without a nonlinearity.
func (a *adaptable) Fill(w []float64, fanIn, fanOut int, r *rand.Rand) {
	LeCunNormal(1).Fill(w, fanIn, fanOut, r)
}

func (a *adaptable) For(f activations.Activation) (Initializer, error) {
	if f == nil {
		return LeCunNormal(1), nil
	}
	a.mutex.Lock()
	defer a.mutex.Unlock()
	key := reflect.TypeOf(f).Comparable()
	if key && a.made[f] != nil {
		return a.made[f], nil
	}
	scalar, err := activations.ScalarOf(f)
	if err != nil {
		return nil, err
	}
	m, err := meanfield.New(scalar)
	if err != nil {
		return nil, err
	}
	init, err := a.with(m)
	if err == nil && key {
		if a.made == nil {
			a.made = map[activations.Activation]Initializer{}
		}
		a.made[f] = init
	}
	return init, err
}
