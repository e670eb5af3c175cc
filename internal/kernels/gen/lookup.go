package main

import (
	"crypto/sha256"
	"fmt"
	"math/big"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// In float32, a function may be a polynomial for each of 16 pieces of its range:
// the coefficients are looked up, which a permutation of one register does in
// AVX-512. In AVX2, with 8 lanes, it takes two permutations and a choice. That is
// cheaper than a division, and than the longer polynomial of a longer interval.

// pieces is the number of entries of a table.
const pieces = 16

// place is what the lookups in several tables have in common.
type place struct {
	index VecVirtual // the low four bits count
	upper VecVirtual // in AVX2, the fourth bit as the sign
}

func (u *unit) place(index VecVirtual) place {
	if u.isa == avx512 {
		return place{index: index}
	}
	return place{index, u.shl(8*u.size-4, index)}
}

// table prepares the lookup of one of 16 numbers.
func (u *unit) table(v [pieces]float64) func(at place) VecVirtual {
	h := sha256.New()
	for _, x := range v {
		fmt.Fprintf(h, "%08x", u.encode(x))
	}
	m := dataOnce(fmt.Sprintf("table%x", h.Sum(nil)[:8]), func() {
		for i, x := range v {
			DATA(4*i, U32(u.encode(x)))
		}
	})
	if u.isa == avx512 {
		r := u.load(m)
		u.budget--
		return func(at place) VecVirtual {
			d := u.reg()
			VPERMPS(r, at.index, d)
			return d
		}
	}
	return func(at place) VecVirtual {
		low, high := u.reg(), u.reg()
		VPERMPS(m, at.index, low)
		VPERMPS(m.Offset(u.bytes), at.index, high)
		return u.merge(at.upper, high, low)
	}
}

// piece is a function on an interval. The first coefficients of its polynomial may
// be given.
type piece struct {
	f      func(x *big.Float) *big.Float
	lo, hi float64
	first  []float64
}

// piecewise prepares the polynomials of 16 pieces, all of the least degree with
// which none has a greater relative error than the tolerance.
func (u *unit) piecewise(what string, p [pieces]piece, tolerance float64) func(at place, x VecVirtual) VecVirtual {
	var c [pieces][]float64
	for degree, i := 2, 0; i < pieces; i++ {
		if c[i] = p[i].fit(degree, tolerance, u.float.round); c[i] == nil {
			degree, i = degree+1, -1
		}
		if degree == 20 {
			panic("no polynomials for " + what)
		}
	}
	var tables []func(at place) VecVirtual
	for k := range c[0] {
		var v [pieces]float64
		for i := range v {
			v[i] = c[i][k]
		}
		tables = append(tables, u.table(v))
	}
	return func(at place, x VecVirtual) VecVirtual {
		last := len(tables) - 1
		y := tables[last](at)
		for k := last - 1; k >= 0; k-- {
			u.fma213(tables[k](at), x, y)
		}
		return y
	}
}
