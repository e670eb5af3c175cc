package main

import (
	"strings"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// The passes of a normalisation over a row. They compute in float64 from elements of either
// type, without fused multiplication, so that they give the same bits as plain Go.

// mixed is a loop over slices of equal length, of the unit's type or of float64.
type mixed struct {
	*unit
	wide *unit
	ptr  map[string]Register
	at   Register // index of the first lane
}

// isWide reports whether a slice holds float64 whatever the element type is: those that are
// written with a capital do.
func isWide(name string) bool { return strings.ToUpper(name[:1]) == name[:1] }

// passes emits a loop over the slices named in and out. The function that prepare returns
// computes a vector of each out from one of each in; scalars are float64. With sums, it computes
// terms of as many sums of eight lanes, and the function returns them, added up.
func (u *unit) passes(name, doc string, in, out, scalars []string, sums int, prepare func(wide *unit, s map[string]VecVirtual) func(v map[string]VecVirtual) []VecVirtual) {
	var narrow, double []string
	seen := map[string]bool{}
	for _, p := range append(append([]string{}, out...), in...) {
		if seen[p] {
			continue
		}
		seen[p] = true
		if isWide(p) {
			double = append(double, p)
		} else {
			narrow = append(narrow, p)
		}
	}
	var params []string
	if len(narrow) > 0 {
		params = append(params, strings.Join(narrow, ", ")+" []"+u.float.name)
	}
	if len(double) > 0 {
		params = append(params, strings.Join(double, ", ")+" []float64")
	}
	if len(scalars) > 0 {
		params = append(params, strings.Join(scalars, ", ")+" float64")
	}
	signature := "(" + strings.Join(params, ", ") + ")"
	for i := range sums {
		signature += [...]string{" (sum float64", ", product float64"}[i]
	}
	if sums > 0 {
		signature += ")"
	}
	u.function(name, doc, signature)
	m := mixed{unit: u, wide: &unit{isa: u.isa, float: f64, consts: u.consts, budget: u.budget}, ptr: map[string]Register{}}
	n := Load(Param(in[0]).Len(), GP64())
	for p := range strings.SplitSeq(strings.Join(append(narrow, double...), " "), " ") {
		m.ptr[p] = Load(Param(p).Base(), GP64())
	}
	values := map[string]VecVirtual{}
	for _, s := range scalars {
		values[s] = m.wide.scalar(s)
	}
	at := GP64()
	XORL(at.As32(), at.As32())
	m.at = at
	compute := prepare(m.wide, values)

	// Both instruction sets take eight elements at a time, so that sums come out alike.
	lanes := m.wide.lanes()
	parts := 8 / lanes
	sum := make([][]VecVirtual, sums)
	for i := range sum {
		for range parts {
			sum[i] = append(sum[i], m.wide.zero())
		}
	}
	pass := func(part int, count Register) {
		var mask, half Register
		if count != nil {
			mask = m.wide.mask(count)
			half = mask
			if u.isa == avx2 {
				half = XMM()
				VMOVUPS(laneMask(count, 4), half)
			}
		}
		v := map[string]VecVirtual{}
		for _, p := range in {
			v[p] = m.load(p, part*lanes, mask, half)
		}
		results := compute(v)
		for i, r := range results {
			if sums > 0 {
				m.wide.vadd(r, sum[i][part], sum[i][part]) // idle lanes are 0
			} else {
				m.store(r, out[i], part*lanes, mask, half)
			}
		}
	}
	SUBQ(U8(8), n)
	JLT(LabelRef("tail"))
	Label("loop")
	for part := range parts {
		pass(part, nil)
	}
	ADDQ(U8(8), m.at)
	SUBQ(U8(8), n)
	JGE(LabelRef("loop"))
	Label("tail")
	ADDQ(U8(8), n)
	JZ(LabelRef("done"))
	for part := range parts {
		pass(part, u.count(n, part, lanes))
	}
	Label("done")
	for i := range sum {
		Store(m.wide.foldParts(m.wide.vadd, sum[i]).AsX(), ReturnIndex(i))
	}
	u.end()
}

func (m *mixed) address(p string, offset int) Mem {
	size := m.size
	if isWide(p) {
		size = 8
	}
	return Mem{Base: m.ptr[p], Index: m.at, Scale: uint8(size), Disp: offset * size}
}

// load reads a vector as float64.
func (m *mixed) load(p string, offset int, mask, half Register) VecVirtual {
	v, at := m.wide.reg(), m.address(p, offset)
	switch {
	case isWide(p) || m.float == f64:
		if mask == nil {
			m.wide.mov(at, v)
		} else {
			m.wide.loadMasked(at, mask, v)
		}
	case mask == nil:
		VCVTPS2PD(at, v)
	case m.isa == avx512:
		VMOVUPS_Z(at, mask, v.AsY())
		VCVTPS2PD(v.AsY(), v)
	default:
		VMASKMOVPS(at, half, v.AsX())
		VCVTPS2PD(v.AsX(), v)
	}
	return v
}

// store writes a vector of float64, rounded where the slice is not.
func (m *mixed) store(v VecVirtual, p string, offset int, mask, half Register) {
	at := m.address(p, offset)
	switch {
	case isWide(p) || m.float == f64:
		if mask == nil {
			m.wide.mov(v, at)
		} else {
			m.wide.storeMasked(v, mask, at)
		}
	case m.isa == avx512:
		y := YMM()
		VCVTPD2PS(v, y)
		if mask == nil {
			VMOVUPS(y, at)
		} else {
			VMOVUPS(y, mask, at)
		}
	default:
		x := XMM()
		VCVTPD2PSY(v, x)
		if mask == nil {
			VMOVUPS(x, at)
		} else {
			VMASKMOVPS(x, half, at)
		}
	}
}

func (u *unit) normalizations() {
	type vectors = map[string]VecVirtual
	list := func(v ...VecVirtual) []VecVirtual { return v }
	none := []string(nil)

	u.passes("addDifferences", "adds x - first to Sum.", []string{"x", "first", "Sum"}, []string{"Sum"}, none, 0, func(w *unit, _ vectors) func(vectors) []VecVirtual {
		return func(v vectors) []VecVirtual { return list(w.add(v["Sum"], w.sub(v["x"], v["first"]))) }
	})
	u.passes("addSquares", "adds (x - Center)² to Sum.", []string{"x", "Center", "Sum"}, []string{"Sum"}, none, 0, func(w *unit, _ vectors) func(vectors) []VecVirtual {
		return func(v vectors) []VecVirtual {
			d := w.sub(v["x"], v["Center"])
			return list(w.add(v["Sum"], w.mul(d, d)))
		}
	})
	u.passes("normalizeColumns", "sets dst to (x - center)·Scale.", []string{"x", "center", "Scale"}, []string{"dst"}, none, 0, func(w *unit, _ vectors) func(vectors) []VecVirtual {
		return func(v vectors) []VecVirtual { return list(w.mul(w.sub(v["x"], v["center"]), v["Scale"])) }
	})
	u.passes("normalizeRow", "sets dst to (x - c)·inverse·Scale.", []string{"x", "Scale"}, []string{"dst"}, []string{"c", "inverse"}, 0, func(w *unit, s vectors) func(vectors) []VecVirtual {
		return func(v vectors) []VecVirtual {
			return list(w.mul(w.mul(w.sub(v["x"], s["c"]), s["inverse"]), v["Scale"]))
		}
	})
	u.passes("addProducts", "adds g·(x - center) to Product.", []string{"x", "g", "center", "Product"}, []string{"Product"}, none, 0, func(w *unit, _ vectors) func(vectors) []VecVirtual {
		return func(v vectors) []VecVirtual {
			return list(w.add(v["Product"], w.mul(v["g"], w.sub(v["x"], v["center"]))))
		}
	})
	u.passes("addBoth", "adds g to Sum and g·(x - center) to Product.", []string{"x", "g", "center", "Sum", "Product"}, []string{"Sum", "Product"}, none, 0, func(w *unit, _ vectors) func(vectors) []VecVirtual {
		return func(v vectors) []VecVirtual {
			return list(w.add(v["Sum"], v["g"]), w.add(v["Product"], w.mul(v["g"], w.sub(v["x"], v["center"]))))
		}
	})
	u.passes("columnGradient", "sets dst to g·Scale - Sum - (x - center)·Product.", []string{"x", "g", "center", "Scale", "Sum", "Product"}, []string{"dst"}, none, 0, func(w *unit, _ vectors) func(vectors) []VecVirtual {
		return func(v vectors) []VecVirtual {
			return list(w.sub(w.sub(w.mul(v["g"], v["Scale"]), v["Sum"]), w.mul(w.sub(v["x"], v["center"]), v["Product"])))
		}
	})
	u.passes("rowProducts", "returns Σ g·Scale and Σ g·Scale·(x - c).", []string{"x", "g", "Scale"}, none, []string{"c"}, 2, func(w *unit, s vectors) func(vectors) []VecVirtual {
		return func(v vectors) []VecVirtual {
			h := w.mul(v["g"], v["Scale"])
			return list(h, w.mul(h, w.sub(v["x"], s["c"])))
		}
	})
	u.passes("rowGradient", "sets dst to inverse·(g·Scale - sum - (x - c)·inverse·product).", []string{"x", "g", "Scale"}, []string{"dst"}, []string{"c", "inverse", "sum", "product"}, 0, func(w *unit, s vectors) func(vectors) []VecVirtual {
		return func(v vectors) []VecVirtual {
			h := w.sub(w.mul(v["g"], v["Scale"]), s["sum"])
			return list(w.mul(s["inverse"], w.sub(h, w.mul(w.mul(w.sub(v["x"], s["c"]), s["inverse"]), s["product"]))))
		}
	})
	u.passes("addRowProducts", "adds g·((x - c)·inverse) to Sum.", []string{"x", "g", "Sum"}, []string{"Sum"}, []string{"c", "inverse"}, 0, func(w *unit, s vectors) func(vectors) []VecVirtual {
		return func(v vectors) []VecVirtual {
			return list(w.add(v["Sum"], w.mul(v["g"], w.mul(w.sub(v["x"], s["c"]), s["inverse"]))))
		}
	})
}
