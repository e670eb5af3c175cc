package optimizers

import (
	"encoding/binary"
	"math"
	"math/rand/v2"

	"github.com/gradflow/gradflow/catalogue"
)

// NoiseConfig has the settings of [NewNoise].
type NoiseConfig struct {
	Variance float64 `json:"variance" default:"0.01" range:"(0,]" doc:"variance at the first step"`
	Decay    float64 `json:"decay" default:"0.55" range:"(0,]" doc:"the variance at step t = 0, 1, ... is variance/(1+t)^decay"`
	Seed     uint64  `json:"seed" default:"0" doc:"seed of the random numbers"`
	catalogue.Given
}

// NewNoise returns the link noise: it adds independent Gaussian noise of mean 0
// to every element. The numbers depend on the seed, the step and the name of the
// parameter alone.
//
// Source: Neelakantan and others, "Adding gradient noise improves learning for
// very deep networks" (2015), arXiv:1511.06807.
func NewNoise(c NoiseConfig) (*Link, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	return NewLink(Transform{Name: "noise", Change: noise[float64](c), Change32: noise[float32](c)})
}

func noise[F Float](c NoiseConfig) func(*Block[F], int) {
	source := rand.NewChaCha8([32]byte{})
	r := rand.New(source)
	return func(b *Block[F], step int) {
		source.Seed(streamOf(c.Seed, step, b.Name))
		sigma := math.Sqrt(c.Variance / math.Pow(1+float64(step), c.Decay))
		for i := range b.G {
			b.G[i] += F(sigma * r.NormFloat64())
		}
	}
}

// streamOf is the key of a random stream.
func streamOf(seed uint64, step int, name string) (key [32]byte) {
	hash := uint64(14695981039346656037) // FNV-1a
	for i := range len(name) {
		hash = (hash ^ uint64(name[i])) * 1099511628211
	}
	binary.LittleEndian.PutUint64(key[0:], seed)
	binary.LittleEndian.PutUint64(key[8:], uint64(step))
	binary.LittleEndian.PutUint64(key[16:], hash)
	return key
}
