//go:build !purego

package kernels

import (
	"math"

	"golang.org/x/sys/cpu"
)

func init() {
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA && cpu.X86.HasPOPCNT {
		levels = append(levels, &avx2)
		if cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512VL && cpu.X86.HasBMI2 {
			levels = append(levels, &avx512)
		}
	}
}

// sinBy makes the sine from assembly that stops at the first vector with an argument beyond the
// limit, and returns its index. Such arguments are left to Go, the others in that vector are
// computed one by one.
func sinBy[F Float](f func(dst, x []F) int, limit F) func(dst, x []F) {
	return func(dst, x []F) {
		for i := f(dst, x); i < len(x); i += f(dst[i:], x[i:]) {
			for end := min(len(x), i+vector); i < end; i++ {
				if beyond(x[i], limit) {
					dst[i] = F(math.Sin(float64(x[i])))
				} else {
					f(dst[i:i+1], x[i:i+1])
				}
			}
		}
	}
}

// sinGradBy is sinBy for dy·cos z.
func sinGradBy[F Float](f func(dst, z, dy []F) int, limit F) func(dst, z, dy []F) {
	return func(dst, z, dy []F) {
		for i := f(dst, z, dy); i < len(z); i += f(dst[i:], z[i:], dy[i:]) {
			for end := min(len(z), i+vector); i < end; i++ {
				if beyond(z[i], limit) {
					dst[i] = F(math.Cos(float64(z[i])) * float64(dy[i]))
				} else {
					f(dst[i:i+1], z[i:i+1], dy[i:i+1])
				}
			}
		}
	}
}

func beyond[F Float](x, limit F) bool { return x > limit || x < -limit }

// vector is the number of elements of the longest vector.
const vector = 16
