package optimizers

// NewCentralize returns the link centralize: the mean of the gradient of each
// unit, a column of a weight matrix, is taken off it. Vectors and scalars are
// left alone.
//
// Source: Yong, Huang, Hua and Zhang, "Gradient centralization" (2020),
// arXiv:2004.01461.
func NewCentralize(struct{}) (*Link, error) {
	var u units
	return NewLink(Transform{Name: "centralize", Change: centralize[float64](&u), Change32: centralize[float32](&u)})
}

func centralize[F Float](u *units) func(*Block[F], int) {
	return func(b *Block[F], _ int) {
		if len(b.Shape) < 2 {
			return
		}
		n := unitsOf(b)
		means, _ := u.of(n)
		for i, x := range b.G {
			means[i%n] += float64(x)
		}
		for j := range means {
			means[j] *= float64(n) / float64(len(b.G))
		}
		for i := range b.G {
			b.G[i] = F(float64(b.G[i]) - means[i%n])
		}
	}
}
