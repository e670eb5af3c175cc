package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// each emits a loop over slices of equal length: the function that prepare
// returns computes a vector of each out from a vector of each in. What prepare
// itself emits, mostly the loading of constants, precedes the loop. The last,
// partial vector passes through the same code under a mask; its idle lanes are
// zero.
func (u *unit) each(name, doc, signature string, in, out []string, prepare func() func(v []VecVirtual) []VecVirtual) {
	u.function(name, doc, signature)
	u.loop(in, out, prepare, nil)
	Label("done")
	u.end()
}

// eachWithin is each for one out, dst, that stops at the first vector with
// |in[0]| > limit and returns how many elements it has done.
func (u *unit) eachWithin(name, doc, signature string, in []string, limit float64, prepare func() func(v []VecVirtual) VecVirtual) {
	u.function(name, doc, fmt.Sprintf(signature, u.float.name))
	bound, abs := u.c(limit), u.absBits()
	offset := u.loop(in, []string{"dst"}, func() func([]VecVirtual) []VecVirtual {
		f := prepare()
		return func(v []VecVirtual) []VecVirtual { return []VecVirtual{f(v)} }
	}, func(v []VecVirtual) {
		a := u.and(v[0], abs)
		if u.isa == avx512 {
			k := K()
			u.vcmp(U8(gt), bound, a, k)
			KORTESTW(k, k)
		} else {
			m, bits := u.reg(), GP32()
			u.vcmp(U8(gt), bound, a, m)
			u.movmsk(m, bits)
			TESTL(bits, bits)
		}
		JNZ(LabelRef("beyond"))
	})
	Label("done")
	n := Load(Param("dst").Len(), GP64())
	Store(n, ReturnIndex(0))
	u.end()
	Label("beyond")
	SHRQ(U8(map[int]int{4: 2, 8: 3}[u.size]), offset)
	Store(offset, ReturnIndex(0))
	u.end()
}

// loop emits the loop of each. It ends at the label done, and returns the
// register with the offset in bytes.
func (u *unit) loop(in, out []string, prepare func() func(v []VecVirtual) []VecVirtual, check func(v []VecVirtual)) Register {
	n := Load(Param(out[0]).Len(), GP64())
	ptr := map[string]Register{}
	for _, p := range append(append([]string{}, in...), out...) {
		if ptr[p] == nil {
			ptr[p] = Load(Param(p).Base(), GP64())
		}
	}
	offset := GP64()
	XORL(offset.As32(), offset.As32())
	compute := prepare()
	at := func(p string) Mem { return Mem{Base: ptr[p], Index: offset, Scale: 1} }
	pass := func(load func(src Op, dst Register), store func(src Register, dst Op)) {
		var v []VecVirtual
		for _, p := range in {
			r := u.reg()
			load(at(p), r)
			v = append(v, r)
		}
		if check != nil {
			check(v)
		}
		for i, r := range compute(v) {
			store(r, at(out[i]))
		}
	}
	lanes := U32(u.lanes())
	SUBQ(lanes, n)
	JLT(LabelRef("tail"))
	Label("loop")
	pass(func(m Op, r Register) { u.mov(m, r) }, func(r Register, m Op) { u.mov(r, m) })
	ADDQ(U32(u.bytes), offset)
	SUBQ(lanes, n)
	JGE(LabelRef("loop"))

	Label("tail")
	ADDQ(lanes, n)
	JZ(LabelRef("done"))
	mask := u.mask(n)
	pass(func(m Op, r Register) { u.loadMasked(m, mask, r) }, func(r Register, m Op) { u.storeMasked(r, mask, m) })
	return offset
}
