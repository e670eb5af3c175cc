package optimizers

import "github.com/gradflow/gradflow/internal/kernels"

// NewCentralize returns the link centralize: the mean of the gradient of each
// unit, a column of a weight matrix, is taken off it. Vectors and scalars are
// left alone.
//
// Source: Yong, Huang, Hua and Zhang, "Gradient centralization" (2020),
// arXiv:2004.01461.
func NewCentralize(struct{}) (Link, error) {
	var u units
	return newLink("centralize", func(l *link, p *param) {
		if len(p.shape) > 1 {
			centralize(&u, p, p.g.f32)
			centralize(&u, p, p.g.f64)
		}
	}), nil
}

func centralize[F kernels.Float](u *units, p *param, g []F) {
	means, _ := u.of(p)
	n := len(means)
	for i, x := range g {
		means[i%n] += float64(x)
	}
	for j := range means {
		means[j] *= float64(n) / float64(p.size)
	}
	for i := range g {
		g[i] = F(float64(g[i]) - means[i%n])
	}
}
