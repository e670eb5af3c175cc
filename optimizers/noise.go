package optimizers

import (
	"encoding/binary"
	"math"
	"math/rand/v2"

	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/internal/kernels"
)

// NoiseConfig has the settings of [NewNoise].
type NoiseConfig struct {
	Variance float64 `json:"variance" default:"0.01" range:"(0,]" doc:"variance at the first step"`
	Decay    float64 `json:"decay" default:"0.55" range:"(0,]" doc:"the variance at step t = 0, 1, ... is variance/(1+t)^decay"`
	Seed     uint64  `json:"seed" default:"0" doc:"of the random numbers"`
	catalogue.Given
}

// NewNoise returns the link noise: it adds independent Gaussian noise of mean 0
// to every element. The numbers depend on the seed, the step and the name of the
// parameter alone.
//
// Source: Neelakantan and others, "Adding gradient noise improves learning for
// very deep networks" (2015), arXiv:1511.06807.
func NewNoise(c NoiseConfig) (Link, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	source := rand.NewChaCha8([32]byte{})
	r := rand.New(source)
	return newLink("noise", func(l *link, p *param) {
		source.Seed(streamOf(c.Seed, l.step, p.name))
		sigma := math.Sqrt(c.Variance / math.Pow(1+float64(l.step), c.Decay))
		addNoise(p.g.f32, r, sigma)
		addNoise(p.g.f64, r, sigma)
	}), nil
}

func addNoise[F kernels.Float](g []F, r *rand.Rand, sigma float64) {
	for i := range g {
		g[i] += F(sigma * r.NormFloat64())
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
