package kernels

// The passes of a normalisation over one row. They compute in float64 from elements of either
// type, each operation rounded by itself: all implementations give the same bits. Sums along a
// row are eight side by side, element i belonging to sum i mod 8, of which halves are added in
// the end.

// AddDifferences adds x - first to sum.
func AddDifferences[F Float](sum []float64, x, first []F) {
	sameLength(len(x), len(first), len(sum))
	raceRead(x)
	raceRead(first)
	raceWrite(sum)
	f := use[F]().addDifferences
	for len(x) > 0 {
		n := min(len(x), chunk)
		f(x[:n], first[:n], sum[:n])
		x, first, sum = x[n:], first[n:], sum[n:]
	}
}

// AddSquares adds (x - center)² to sum.
func AddSquares[F Float](sum []float64, x []F, center []float64) {
	sameLength(len(x), len(center), len(sum))
	raceRead(x)
	raceRead(center)
	raceWrite(sum)
	f := use[F]().addSquares
	for len(x) > 0 {
		n := min(len(x), chunk)
		f(x[:n], sum[:n], center[:n])
		x, sum, center = x[n:], sum[n:], center[n:]
	}
}

// NormalizeColumns sets dst to (x - center)·scale.
func NormalizeColumns[F Float](dst, x, center []F, scale []float64) {
	sameLength(len(x), len(dst), len(center), len(scale))
	raceWrite(dst)
	raceRead(x)
	raceRead(center)
	raceRead(scale)
	f := use[F]().normalizeColumns
	for len(x) > 0 {
		n := min(len(x), chunk)
		f(dst[:n], x[:n], center[:n], scale[:n])
		dst, x, center, scale = dst[n:], x[n:], center[n:], scale[n:]
	}
}

// NormalizeRow sets dst to (x - c)·inverse·scale.
func NormalizeRow[F Float](dst, x []F, scale []float64, c, inverse float64) {
	sameLength(len(x), len(dst), len(scale))
	raceWrite(dst)
	raceRead(x)
	raceRead(scale)
	f := use[F]().normalizeRow
	for len(x) > 0 {
		n := min(len(x), chunk)
		f(dst[:n], x[:n], scale[:n], c, inverse)
		dst, x, scale = dst[n:], x[n:], scale[n:]
	}
}

// AddProducts adds g·(x - center) to product and, unless that is nil, g to sum.
func AddProducts[F Float](product, sum []float64, x, g, center []F) {
	sameLength(len(x), len(g), len(center), len(product))
	raceWrite(product)
	raceRead(x)
	raceRead(g)
	raceRead(center)
	if sum == nil {
		f := use[F]().addProducts
		for len(x) > 0 {
			n := min(len(x), chunk)
			f(x[:n], g[:n], center[:n], product[:n])
			x, g, center, product = x[n:], g[n:], center[n:], product[n:]
		}
		return
	}
	sameLength(len(x), len(sum))
	raceWrite(sum)
	f := use[F]().addBoth
	for len(x) > 0 {
		n := min(len(x), chunk)
		f(x[:n], g[:n], center[:n], sum[:n], product[:n])
		x, g, center, sum, product = x[n:], g[n:], center[n:], sum[n:], product[n:]
	}
}

// NormalizeColumnsGrad sets dst to g·scale - sum - (x - center)·product.
func NormalizeColumnsGrad[F Float](dst, x, g, center []F, scale, sum, product []float64) {
	sameLength(len(x), len(dst), len(g), len(center), len(scale), len(sum), len(product))
	raceWrite(dst)
	raceRead(x)
	raceRead(g)
	raceRead(center)
	raceRead(scale)
	raceRead(sum)
	raceRead(product)
	f := use[F]().columnGradient
	for len(x) > 0 {
		n := min(len(x), chunk)
		f(dst[:n], x[:n], g[:n], center[:n], scale[:n], sum[:n], product[:n])
		dst, x, g, center, scale, sum, product = dst[n:], x[n:], g[n:], center[n:], scale[n:], sum[n:], product[n:]
	}
}

// RowProducts returns Σ g·scale and Σ g·scale·(x - c).
func RowProducts[F Float](x, g []F, scale []float64, c float64) (sum, product float64) {
	sameLength(len(x), len(g), len(scale))
	raceRead(x)
	raceRead(g)
	raceRead(scale)
	f := use[F]().rowProducts
	for len(x) > 0 {
		n := min(len(x), chunk)
		s, p := f(x[:n], g[:n], scale[:n], c)
		sum, product = sum+s, product+p
		x, g, scale = x[n:], g[n:], scale[n:]
	}
	return sum, product
}

// NormalizeRowGrad sets dst to inverse·(g·scale - sum - (x - c)·inverse·product).
func NormalizeRowGrad[F Float](dst, x, g []F, scale []float64, c, inverse, sum, product float64) {
	sameLength(len(x), len(dst), len(g), len(scale))
	raceWrite(dst)
	raceRead(x)
	raceRead(g)
	raceRead(scale)
	f := use[F]().rowGradient
	for len(x) > 0 {
		n := min(len(x), chunk)
		f(dst[:n], x[:n], g[:n], scale[:n], c, inverse, sum, product)
		dst, x, g, scale = dst[n:], x[n:], g[n:], scale[n:]
	}
}

// AddRowProducts adds g·((x - c)·inverse) to sum.
func AddRowProducts[F Float](sum []float64, x, g []F, c, inverse float64) {
	sameLength(len(x), len(g), len(sum))
	raceWrite(sum)
	raceRead(x)
	raceRead(g)
	f := use[F]().addRowProducts
	for len(x) > 0 {
		n := min(len(x), chunk)
		f(x[:n], g[:n], sum[:n], c, inverse)
		x, g, sum = x[n:], g[n:], sum[n:]
	}
}

// In plain Go. A conversion keeps compilers that fuse multiplications from doing so.

func addDifferences[F Float](x, first []F, sum []float64) {
	first, sum = first[:len(x)], sum[:len(x)]
	for j, v := range x {
		sum[j] += float64(v) - float64(first[j])
	}
}

func addSquares[F Float](x []F, sum, center []float64) {
	sum, center = sum[:len(x)], center[:len(x)]
	for j, v := range x {
		d := float64(v) - center[j]
		sum[j] += float64(d * d)
	}
}

func normalizeColumns[F Float](dst, x, center []F, scale []float64) {
	dst, center, scale = dst[:len(x)], center[:len(x)], scale[:len(x)]
	for j, v := range x {
		dst[j] = F((float64(v) - float64(center[j])) * scale[j])
	}
}

func normalizeRow[F Float](dst, x []F, scale []float64, c, inverse float64) {
	dst, scale = dst[:len(x)], scale[:len(x)]
	for j, v := range x {
		dst[j] = F((float64(v) - c) * inverse * scale[j])
	}
}

func addProducts[F Float](x, g, center []F, product []float64) {
	g, center, product = g[:len(x)], center[:len(x)], product[:len(x)]
	for j, v := range x {
		product[j] += float64(float64(g[j]) * (float64(v) - float64(center[j])))
	}
}

func addBoth[F Float](x, g, center []F, sum, product []float64) {
	g, sum = g[:len(x)], sum[:len(x)]
	for j, v := range g {
		sum[j] += float64(v)
	}
	addProducts(x, g, center, product)
}

func columnGradient[F Float](dst, x, g, center []F, scale, sum, product []float64) {
	n := len(x)
	dst, g, center, scale, sum, product = dst[:n], g[:n], center[:n], scale[:n], sum[:n], product[:n]
	for j, v := range x {
		dst[j] = F(float64(float64(g[j])*scale[j]) - sum[j] - float64((float64(v)-float64(center[j]))*product[j]))
	}
}

func rowProducts[F Float](x, g []F, scale []float64, c float64) (sum, product float64) {
	g, scale = g[:len(x)], scale[:len(x)]
	var s, p [8]float64
	for j, v := range x {
		h := float64(float64(g[j]) * scale[j])
		s[j%8] += h
		p[j%8] += float64(h * (float64(v) - c))
	}
	return halves(s), halves(p)
}

// halves adds up eight sums.
func halves(s [8]float64) float64 {
	return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]))
}

func rowGradient[F Float](dst, x, g []F, scale []float64, c, inverse, sum, product float64) {
	dst, g, scale = dst[:len(x)], g[:len(x)], scale[:len(x)]
	for j, v := range x {
		h := float64(float64(g[j])*scale[j]) - sum
		dst[j] = F(inverse * (h - float64((float64(v)-c)*inverse*product)))
	}
}

func addRowProducts[F Float](x, g []F, sum []float64, c, inverse float64) {
	g, sum = g[:len(x)], sum[:len(x)]
	for j, v := range x {
		sum[j] += float64(float64(g[j]) * ((float64(v) - c) * inverse))
	}
}
