package initializers

import "math/rand/v2"

// Identity makes W the identity times gain (0 means 1), with zeros beyond the square if
// fan-in and fan-out differ: a ReLU layer then passes positive inputs on as they are
// (Q. Le, N. Jaitly, G. Hinton: A simple way to initialize recurrent networks of
// rectified linear units, 2015).
func Identity(gain float64) Initializer { return &identity{gain} }

type identity struct{ gain float64 }

func (*identity) Name() string { return "identity" }

func (i *identity) Fill(w []float64, fanIn, fanOut int, _ *rand.Rand) {
	gain := i.gain
	if gain == 0 {
		gain = 1
	}
	clear(w)
	for k := range min(fanIn, fanOut) {
		w[k*fanOut+k] = gain
	}
}
