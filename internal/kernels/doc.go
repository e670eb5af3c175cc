// Package kernels has matrix products, element-wise functions, reductions and
// optimizer updates for float32 and float64, in assembly for AVX-512 and for
// AVX2+FMA. On other processors, and with the build tag purego, it computes the
// same in Go.
package kernels
