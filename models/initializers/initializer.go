package initializers

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"

	"github.com/pkg/errors"
)

// Initializer gives a weight matrix its first values.
type Initializer interface {
	// Name is lower-case and hyphenated.
	Name() string
	// Fill sets w, row-major of shape (fanIn, fanOut), from random numbers of r. Both
	// are at least 1.
	Fill(w []float64, fanIn, fanOut int, r *rand.Rand)
}

// Variances is an optional interface of an [Initializer] whose weights are independent of
// the data: what theory needs to know of a layer's start.
type Variances interface {
	Initializer
	// Variances returns the mean square of a weight and of a bias, both about 0, in a
	// layer of this shape: σ_w²/fan-in and σ_b². Biases are 0 unless the initialiser is
	// a [Biased].
	Variances(fanIn, fanOut int) (weight, bias float64)
}

// Structured is an optional interface of an [Initializer] whose weights are not independent of each
// other, even about their mean: mean-field theory, which is given their variance, would mislead.
type Structured interface {
	Initializer
	// Structure returns how they depend on each other, as in "pairs of units mirror each other".
	Structure() string
}

// WeightsOnly reports whether an initialiser only fills weights: neither biases ([Biased]) nor
// from data ([FromData]). Models that draw or scale parts of a weight themselves need that.
func WeightsOnly(init Initializer) bool {
	_, biased := init.(Biased)
	_, fromData := init.(FromData)
	return !biased && !fromData
}

// Stream returns the random numbers of the parameter with this name in a network
// with this seed: a PCG generator that starts from the SHA-256 of both.
func Stream(seed uint64, name string) *rand.Rand {
	h := sha256.New()
	binary.Write(h, binary.LittleEndian, seed)
	h.Write([]byte(name))
	sum := h.Sum(nil)
	return rand.New(rand.NewPCG(binary.LittleEndian.Uint64(sum), binary.LittleEndian.Uint64(sum[8:])))
}

// Values returns the first values of the parameter with this name, row-major of
// shape (fanIn, fanOut).
func Values(init Initializer, seed uint64, name string, fanIn, fanOut int) ([]float64, error) {
	if fanIn < 1 || fanOut < 1 {
		return nil, errors.Errorf("parameter %s: shape (%d, %d), want at least (1, 1)", name, fanIn, fanOut)
	}
	if _, ok := init.(Adaptable); ok {
		return nil, errors.Errorf("parameter %s: the initialiser %s depends on the layer's nonlinearity: use what For returns", name, init.Name())
	}
	w := make([]float64, fanIn*fanOut)
	init.Fill(w, fanIn, fanOut, Stream(seed, name))
	return w, nil
}
