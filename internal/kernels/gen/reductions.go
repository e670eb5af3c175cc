package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func (u *unit) reductions() {
	u.sums("sum", "returns Σ x.", "(x []%s) float64", func(wide *unit) func(sum, x VecVirtual, mask Register) {
		return func(sum, x VecVirtual, _ Register) { wide.vadd(x, sum, sum) }
	})
	u.sums("squares", "returns Σ (x-center)².", "(x []%s, center float64) float64", func(wide *unit) func(sum, x VecVirtual, mask Register) {
		center := wide.scalar("center")
		return func(sum, x VecVirtual, mask Register) {
			d := wide.sub(x, center)
			switch { // idle lanes count nothing
			case mask == nil:
			case u.isa == avx512:
				VMOVUPD_Z(d, mask, d)
			default:
				VANDPD(mask, d, d)
			}
			wide.fma231(d, d, sum)
		}
	})
	u.columnSums()
	u.counts("magnitudes", "returns the number of elements of x whose magnitude, by its bits, is between above and below.",
		"(x []%[1]s, above, below %[1]s) int", u.magnitudes)
	u.counts("within", "returns the number of elements of x between lo and hi.", "(x []%[1]s, lo, hi %[1]s) int", u.within)
	u.maxAbs()
}

// sums emits a sum in float64. There are 32 sums side by side, element i belonging
// to sum i mod 32, of which halves are added in the end. What prepare returns adds
// a vector of terms; the mask is that of the lanes in use, or nil.
func (u *unit) sums(name, doc, signature string, prepare func(wide *unit) func(sum, x VecVirtual, mask Register)) {
	u.function(name, doc, fmt.Sprintf(signature, u.float.name))
	wide := &unit{isa: u.isa, float: f64}
	n := Load(Param("x").Len(), GP64())
	x := Load(Param("x").Base(), GP64())
	term := prepare(wide)
	lanes := wide.lanes()
	sum := make([]VecVirtual, 32/lanes)
	for j := range sum {
		sum[j] = wide.zero()
	}
	at := func(j int) Mem { return Mem{Base: x, Disp: j * lanes * u.size} }
	SUBQ(U8(32), n)
	JLT(LabelRef("tail"))
	Label("loop")
	for j := range sum {
		v := u.reg()
		if u.float == f32 {
			VCVTPS2PD(at(j), v)
		} else {
			u.mov(at(j), v)
		}
		term(sum[j], v, nil)
	}
	ADDQ(U32(32*u.size), x)
	SUBQ(U8(32), n)
	JGE(LabelRef("loop"))
	Label("tail")
	ADDQ(U8(32), n)
	JZ(LabelRef("fold"))
	for j := range sum {
		count := u.count(n, j, lanes)
		mask := wide.mask(count)
		v := u.reg()
		switch {
		case u.float == f64:
			u.loadMasked(at(j), mask, v)
		case u.isa == avx512:
			u.loadMasked(at(j), mask, v)
			VCVTPS2PD(v.AsY(), v)
		default:
			half := XMM()
			VMOVUPS(laneMask(count, 4), half)
			VMASKMOVPS(at(j), half, v.AsX())
			VCVTPS2PD(v.AsX(), v)
		}
		term(sum[j], v, mask)
	}
	Label("fold")
	Store(wide.foldParts(wide.vadd, sum).AsX(), ReturnIndex(0))
	u.end()
}

// columnSums emits dst += the sums of the columns, row by row, four vectors at a
// time, then one.
func (u *unit) columnSums() {
	u.function("columnSums", "adds the rows of a matrix to dst.",
		fmt.Sprintf("(dst, x []%s, rows, stride int)", u.float.name))
	n := Load(Param("dst").Len(), GP64())
	dst := Load(Param("dst").Base(), GP64())
	x := Load(Param("x").Base(), GP64())
	stride := u.loadStride("stride")
	const group = 4
	strip := func(label string, v int, load func(src Op, dst Register)) (sum []VecVirtual) {
		p := copyOf(x)
		rows := Load(Param("rows"), GP64())
		for range v {
			sum = append(sum, u.reg())
		}
		for j := range v {
			load(Mem{Base: dst, Disp: j * u.bytes}, sum[j])
		}
		Label(label)
		for j := range v {
			if v == group {
				u.vadd(Mem{Base: p, Disp: j * u.bytes}, sum[j], sum[j])
			} else {
				r := u.reg()
				load(Mem{Base: p, Disp: j * u.bytes}, r)
				u.vadd(r, sum[j], sum[j])
			}
		}
		ADDQ(stride, p)
		DECQ(rows)
		JNZ(LabelRef(label))
		return sum
	}
	SUBQ(U32(group*u.lanes()), n)
	JLT(LabelRef("narrow"))
	Label("wide")
	for j, s := range strip("wideloop", group, func(src Op, dst Register) { u.mov(src, dst) }) {
		u.mov(s, Mem{Base: dst, Disp: j * u.bytes})
	}
	ADDQ(U32(group*u.bytes), x)
	ADDQ(U32(group*u.bytes), dst)
	SUBQ(U32(group*u.lanes()), n)
	JGE(LabelRef("wide"))
	Label("narrow")
	ADDQ(U32(group*u.lanes()), n)
	JZ(LabelRef("done"))
	Label("one")
	count := copyOf(n)
	ceiling(count, u.lanes())
	mask := u.mask(count)
	s := strip("oneloop", 1, func(src Op, dst Register) { u.loadMasked(src, mask, dst) })
	u.storeMasked(s[0], mask, Mem{Base: dst})
	ADDQ(U32(u.bytes), x)
	ADDQ(U32(u.bytes), dst)
	SUBQ(U32(u.lanes()), n)
	JG(LabelRef("one"))
	Label("done")
	u.end()
}

// magnitudes compares integers, as DAZ takes denormals for 0. As an integer, -0 is less
// than any magnitude.
func (u *unit) magnitudes() func(v VecVirtual) Register {
	abs, above, below := u.absBits(), u.scalar("above"), u.scalar("below")
	return func(v VecVirtual) Register {
		a := u.and(v, abs)
		return u.both(u.igt, above, a, a, below)
	}
}

func (u *unit) within() func(v VecVirtual) Register {
	lo, hi := u.scalar("lo"), u.scalar("hi")
	less := func(ops ...Op) { u.vcmp(U8(lt), ops[0], ops[1], ops[2]) } // ops[1] < ops[0]
	return func(v VecVirtual) Register { return u.both(less, v, lo, hi, v) }
}

// both returns the lanes, as bits, in which the comparison holds for a with b and for c
// with d.
func (u *unit) both(cmp func(...Op), a, b, c, d VecVirtual) Register {
	bits := GP64()
	if u.isa == avx512 {
		k, k2 := K(), K()
		cmp(a, b, k)
		cmp(c, d, k2)
		KANDW(k, k2, k)
		KMOVW(k, bits.As32())
	} else {
		m, m2 := u.reg(), u.reg()
		cmp(a, b, m)
		cmp(c, d, m2)
		VPAND(m, m2, m)
		u.movmsk(m, bits.As32())
	}
	return bits
}

// counts emits the count of elements that have the property that prepare returns.
func (u *unit) counts(name, doc, signature string, prepare func() func(v VecVirtual) Register) {
	u.function(name, doc, fmt.Sprintf(signature, u.float.name))
	n := Load(Param("x").Len(), GP64())
	x := Load(Param("x").Base(), GP64())
	has := prepare()
	total := GP64()
	XORL(total.As32(), total.As32())
	count := func(bits Register) {
		POPCNTQ(bits, bits)
		ADDQ(bits, total)
	}
	SUBQ(U8(u.lanes()), n)
	JLT(LabelRef("tail"))
	Label("loop")
	count(has(u.load(Mem{Base: x})))
	ADDQ(U8(u.bytes), x)
	SUBQ(U8(u.lanes()), n)
	JGE(LabelRef("loop"))
	Label("tail")
	ADDQ(U8(u.lanes()), n)
	JZ(LabelRef("done"))
	v := u.reg()
	u.loadMasked(Mem{Base: x}, u.mask(n), v)
	bits, used := has(v), GP64()
	MOVQ(I64(-1), used) // the lanes in use
	MOVQ(n, RCX)
	SHLQ(CL, used)
	NOTQ(used)
	ANDQ(used, bits)
	count(bits)
	Label("done")
	Store(total, ReturnIndex(0))
	u.end()
}

// maxAbs emits the largest magnitude, by its bits: NaN is larger than infinity, and no
// denormal is met.
func (u *unit) maxAbs() {
	u.function("maxAbs", "returns the largest |x|, NaN if there is one, 0 if there is no x.", fmt.Sprintf("(x []%[1]s) %[1]s", u.float.name))
	n := Load(Param("x").Len(), GP64())
	x := Load(Param("x").Base(), GP64())
	abs := u.absBits()
	larger := func(ops ...Op) { // ops[2] = the larger of the first two
		switch a, b, d := ops[0], ops[1], ops[2]; {
		case u.float == f32:
			VPMAXSD(a, b, d)
		case u.isa == avx512:
			VPMAXSQ(a, b, d)
		default: // AVX2 has none for 64 bits
			m := YMM()
			as := Register(m)
			if d.(Register).Size() == 16 {
				as = m.AsX()
			}
			VPCMPGTQ(b, a, as)
			VBLENDVPD(as, a, b, d)
		}
	}
	most := make([]VecVirtual, 4)
	for j := range most {
		most[j] = u.zero()
	}
	take := func(j int, v VecVirtual) { larger(u.and(v, abs), most[j], most[j]) }
	block := len(most) * u.lanes()
	SUBQ(U32(block), n)
	JLT(LabelRef("tail"))
	Label("loop")
	for j := range most {
		take(j, u.load(Mem{Base: x, Disp: j * u.bytes}))
	}
	ADDQ(U32(len(most)*u.bytes), x)
	SUBQ(U32(block), n)
	JGE(LabelRef("loop"))
	Label("tail")
	ADDQ(U32(block), n)
	JZ(LabelRef("fold"))
	for j := range most {
		v := u.reg()
		u.loadMasked(Mem{Base: x, Disp: j * u.bytes}, u.mask(u.count(n, j, u.lanes())), v)
		take(j, v)
	}
	Label("fold")
	Store(u.foldParts(larger, most).AsX(), ReturnIndex(0))
	u.end()
}
