//go:build !purego

package kernels

import (
	"sync"

	"golang.org/x/sys/cpu"
)

func init() {
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA {
		l := portable
		l.name = "avx2"
		l.float32.mul = newProduct(tilesSAVX2, 8, packRowsSAVX2, transpose8, 8).mul
		l.float64.mul = newProduct(tilesDAVX2, 4, packRowsDAVX2, transpose4, 4).mul
		s := &l.float32
		s.exp, s.tanh, s.sigmoid, s.log1p, s.softplus = expAVX2, tanhAVX2, sigmoidAVX2, log1pAVX2, softplusAVX2
		levels = append(levels, &l)
	}
	if cpu.X86.HasAVX2 && cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ && cpu.X86.HasBMI2 {
		l := portable
		l.name = "avx512"
		l.float32.mul = newProduct(tilesSAVX512, 16, packRowsSAVX512, transpose8, 8).mul
		l.float64.mul = newProduct(tilesDAVX512, 8, packRowsDAVX512, transpose4, 4).mul
		s := &l.float32
		s.exp, s.tanh, s.sigmoid, s.log1p, s.softplus = expAVX512, tanhAVX512, sigmoidAVX512, log1pAVX512, softplusAVX512
		levels = append(levels, &l)
	}
}

func newProduct[F Float](tiles [][2]tile[F], lanes int, packRows func(int, *F, int, *F, int, int),
	transpose func(int, *F, int, *F, int), square int) *product[F] {
	return &product[F]{tiles, lanes, packRows, transpose, square, sync.Pool{
		New: func() any { return new(buffers[F]) }}}
}
