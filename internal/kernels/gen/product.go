package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// rows addresses the rows of a matrix: a pointer to every fourth row, and the
// other three by the addressing modes ptr+stride, ptr+2·stride, ptr+3·stride.
type rows struct {
	ptrs            []Register
	stride, stride3 Register
}

func (u *unit) rows(n int, ptr, stride string) *rows {
	return rowsFrom(n, Load(Param(ptr), GP64()), u.loadStride(stride))
}

func rowsFrom(n int, p, stride Register) *rows {
	r := &rows{stride: stride}
	r.ptrs = append(r.ptrs, p)
	for i := 4; i < n; i += 4 {
		q := GP64()
		LEAQ(Mem{Base: p, Index: r.stride, Scale: 4}, q)
		p = q
		r.ptrs = append(r.ptrs, p)
	}
	if n > 3 {
		r.stride3 = GP64()
		LEAQ(Mem{Base: r.stride, Index: r.stride, Scale: 2}, r.stride3)
	}
	return r
}

func (r *rows) at(i int) Mem {
	m := Mem{Base: r.ptrs[i/4]}
	switch i % 4 {
	case 1, 2:
		m.Index, m.Scale = r.stride, uint8(i%4)
	case 3:
		m.Index, m.Scale = r.stride3, 1
	}
	return m
}

// loadStride loads a stride, given in elements, as a number of bytes.
func (u *unit) loadStride(param string) Register {
	r := Load(Param(param), GP64())
	u.toBytes(r)
	return r
}

func (u *unit) toBytes(r Register) { SHLQ(U8(map[int]int{4: 2, 8: 3}[u.size]), r) }

// vectors is the greatest width of a tile of n rows. Low ones are wide, to have
// enough sums under way.
func (u *unit) vectors(n int) int {
	switch {
	case n == 1:
		return 8
	case n <= 3 && u.isa == avx512:
		return 4
	}
	return 2
}

func (u *unit) tileName(n, v int) string { return fmt.Sprintf("tile%dx%d%s", n, v, u.suffix()) }

// tile emits C = A·B + D for a tile of C of n rows and v vectors, the last of
// which has 1 to lanes columns. All of C's tile is held in registers; a step of
// the loop multiplies a column of A by a row of B. A has any strides. D may be C,
// a bias with a row stride of 0, or nil. AVX2 has a second body for whole vectors,
// as some processors take long for its masked stores.
func (u *unit) tile(n, v int) {
	u.function(fmt.Sprintf("tile%dx%d", n, v), fmt.Sprintf("sets a tile of %d rows and %d vectors to A·B + D.", n, v), fmt.Sprintf(
		"(k int, a *%[1]s, ars, aks int, b *%[1]s, bks int, c *%[1]s, crs int, d *%[1]s, drs int, last int)", u.float.name))
	last := Load(Param("last"), GP64())
	if u.isa == avx2 {
		CMPQ(last, U8(u.lanes()))
		JE(LabelRef("whole"))
	}
	mask := u.mask(last)
	u.tileBody("part", n, v, func(src Op, dst Register) { u.loadMasked(src, mask, dst) },
		func(src Register, dst Op) { u.storeMasked(src, mask, dst) })
	if u.isa == avx2 {
		Label("whole")
		u.tileBody("whole", n, v, func(src Op, dst Register) { u.mov(src, dst) }, func(src Register, dst Op) { u.mov(src, dst) })
	}
}

// tileBody emits the body of a tile with the ways to load and store the last
// vector of a row.
func (u *unit) tileBody(label string, n, v int, load func(src Op, dst Register), store func(src Register, dst Op)) {
	k := Load(Param("k"), GP64())
	a := u.rows(n, "a", "ars")
	aks := u.loadStride("aks")
	b := Load(Param("b"), GP64())
	bks := u.loadStride("bks")
	sum := make([][]VecVirtual, n)
	for i := range n {
		for range v {
			sum[i] = append(sum[i], u.zero())
		}
	}
	Label(label + "loop")
	// A row of B is kept in registers for the rows of A, but read from memory if
	// there is only one.
	row := make([]Op, v)
	for j := range v {
		at := Mem{Base: b, Disp: j * u.bytes}
		row[j] = at
		if n > 1 || j == v-1 {
			r := u.reg()
			if j == v-1 {
				load(at, r)
			} else {
				u.mov(at, r)
			}
			row[j] = r
		}
	}
	for i := range n {
		x := u.reg()
		u.bcast(a.at(i), x)
		for j := range v {
			u.fma231(row[j], x, sum[i][j])
		}
	}
	for _, p := range a.ptrs {
		ADDQ(aks, p)
	}
	ADDQ(bks, b)
	DECQ(k)
	JNZ(LabelRef(label + "loop"))

	each := func(m *rows, do func(sum VecVirtual, at Mem, last bool)) {
		for i := range n {
			for j := range v {
				do(sum[i][j], m.at(i).Offset(j*u.bytes), j == v-1)
			}
		}
	}
	dp := Load(Param("d"), GP64())
	TESTQ(dp, dp)
	JZ(LabelRef(label + "store"))
	each(rowsFrom(n, dp, u.loadStride("drs")), func(sum VecVirtual, at Mem, last bool) {
		if last {
			old := u.reg()
			load(at, old)
			u.vadd(old, sum, sum)
		} else {
			u.vadd(at, sum, sum)
		}
	})
	Label(label + "store")
	each(u.rows(n, "c", "crs"), func(sum VecVirtual, at Mem, last bool) {
		if last {
			store(sum, at)
		} else {
			u.mov(sum, at)
		}
	})
	u.end()
}

// packRows emits the copy of k rows of up to two vectors. It writes two vectors
// each time, the excess as zeros; where rows are closer, the next overwrites it.
func (u *unit) packRows() {
	u.function("packRows", "copies k rows of n elements, writing two vectors for each.",
		fmt.Sprintf("(k int, dst *%[1]s, drs int, src *%[1]s, srs, n int)", u.float.name))
	k := Load(Param("k"), GP64())
	dst, drs := Load(Param("dst"), GP64()), u.loadStride("drs")
	src, srs := Load(Param("src"), GP64()), u.loadStride("srs")
	n := Load(Param("n"), GP64())
	v0, v1 := u.reg(), u.reg()
	at := func(m Register, j int) Mem { return Mem{Base: m, Disp: j * u.bytes} }
	next := func(label string) {
		u.mov(v0, at(dst, 0))
		u.mov(v1, at(dst, 1))
		ADDQ(drs, dst)
		ADDQ(srs, src)
		DECQ(k)
		JNZ(LabelRef(label))
		u.end()
	}
	SUBQ(U32(u.lanes()), n)
	JLE(LabelRef("one"))
	mask := u.mask(n)
	Label("loop2")
	u.mov(at(src, 0), v0)
	u.loadMasked(at(src, 1), mask, v1)
	next("loop2")

	Label("one")
	ADDQ(U32(u.lanes()), n)
	mask = u.mask(n)
	u.vxor(v1, v1, v1)
	Label("loop1")
	u.loadMasked(at(src, 0), mask, v0)
	next("loop1")
}

// transposes lists the widths, in bytes, of the registers that transpositions use.
func (u *unit) transposes() []int {
	if u.isa == avx512 {
		return []int{64, 32, 16}
	}
	return []int{32, 16}
}

// A transposition handles this many rows, and as many columns at a time as 16
// bytes hold.
func (u *unit) transposeRows(bytes int) int { return bytes / u.size }

// transpose emits the copy of rows into columns. A register gets 16 bytes of every
// fourth row (float64: every second), so that transposing within its 16-byte
// lanes does the rest.
func (u *unit) transpose(bytes int) {
	n := u.transposeRows(bytes)
	e := 16 / u.size
	u.function(fmt.Sprintf("transpose%d", n), fmt.Sprintf("stores %d rows of %dk elements as %dk rows of %d.", n, e, e, n),
		fmt.Sprintf("(k int, dst *%[1]s, drs int, src *%[1]s, srs int)", u.float.name))
	k := Load(Param("k"), GP64())
	dst := u.rows(e, "dst", "drs")
	src := u.rows(n, "src", "srs")
	as := func(v VecVirtual) Register {
		switch bytes {
		case 16:
			return v.AsX()
		case 32:
			return v.AsY()
		}
		return v
	}
	reg := func() Register { return as(u.reg()) }
	Label("loop")
	t := make([]Register, e)
	for i := range e {
		quarters := bytes / 16
		half := make([]VecVirtual, (quarters+1)/2)
		for h := range half {
			half[h] = u.reg()
			u.mov(src.at(i+2*e*h), half[h].AsX())
			if quarters == 1 {
				break
			}
			if u.isa == avx512 {
				VINSERTF32X4(U8(1), src.at(i+2*e*h+e), half[h].AsY(), half[h].AsY())
			} else {
				VINSERTF128(U8(1), src.at(i+2*e*h+e), half[h].AsY(), half[h].AsY())
			}
		}
		if quarters == 4 {
			VINSERTF64X4(U8(1), half[1].AsY(), half[0], half[0])
		}
		t[i] = as(half[0])
	}
	if u.float == f32 {
		l0, h0, l1, h1 := reg(), reg(), reg(), reg()
		VUNPCKLPS(t[1], t[0], l0)
		VUNPCKHPS(t[1], t[0], h0)
		VUNPCKLPS(t[3], t[2], l1)
		VUNPCKHPS(t[3], t[2], h1)
		for i, p := range [][2]Register{{l0, l1}, {h0, h1}} {
			even, odd := reg(), reg()
			VSHUFPS(U8(0x44), p[1], p[0], even)
			VSHUFPS(U8(0xee), p[1], p[0], odd)
			VMOVUPS(even, dst.at(2*i))
			VMOVUPS(odd, dst.at(2*i+1))
		}
	} else {
		even, odd := reg(), reg()
		VUNPCKLPD(t[1], t[0], even)
		VUNPCKHPD(t[1], t[0], odd)
		VMOVUPD(even, dst.at(0))
		VMOVUPD(odd, dst.at(1))
	}
	for _, p := range src.ptrs {
		ADDQ(U8(16), p)
	}
	LEAQ(Mem{Base: dst.ptrs[0], Index: dst.stride, Scale: uint8(e)}, dst.ptrs[0])
	DECQ(k)
	JNZ(LabelRef("loop"))
	u.end()
}

// dot emits the scalar products of x with some rows of a matrix, four at a time
// (AVX2: two). Each has 128 bytes of sums, whatever the instruction set.
func (u *unit) dot() {
	u.function("dot", "sets dst to the scalar products of x, of k elements, with the rows of m.",
		fmt.Sprintf("(k int, x, m *%[1]s, stride, rows int, dst *%[1]s)", u.float.name))
	stride := u.loadStride("stride")
	m := Load(Param("m"), GP64())
	dst := Load(Param("dst"), GP64())
	left := Load(Param("rows"), GP64())
	group := 4 / u.parts()
	block := 2 * u.parts() // registers in 128 bytes
	body := func(label string, n int) {
		Label(label)
		CMPQ(left, U8(n))
		JLT(LabelRef(label + "end"))
		// The pointers move along the rows and are restored at the end.
		p := rowsFrom(n, copyOf(m), stride)
		x := Load(Param("x"), GP64())
		k := Load(Param("k"), GP64())
		sum := make([][]VecVirtual, n)
		for i := range n {
			for range block {
				sum[i] = append(sum[i], u.zero())
			}
		}
		SUBQ(U32(128/u.size), k)
		JLT(LabelRef(label + "tail"))
		Label(label + "loop")
		for j := range block {
			v := u.load(Mem{Base: x, Disp: j * u.bytes})
			for i := range n {
				u.fma231(p.at(i).Offset(j*u.bytes), v, sum[i][j])
			}
		}
		ADDQ(U32(128), x)
		for _, q := range p.ptrs {
			ADDQ(U32(128), q)
		}
		SUBQ(U32(128/u.size), k)
		JGE(LabelRef(label + "loop"))
		Label(label + "tail")
		ADDQ(U32(128/u.size), k)
		JZ(LabelRef(label + "fold"))
		for j := range block {
			mask := u.mask(u.count(k, j, u.lanes()))
			v := u.reg()
			u.loadMasked(Mem{Base: x, Disp: j * u.bytes}, mask, v)
			for i := range n {
				w := u.reg()
				u.loadMasked(p.at(i).Offset(j*u.bytes), mask, w)
				u.fma231(w, v, sum[i][j])
			}
		}
		Label(label + "fold")
		for i := range n {
			s := u.foldParts(u.vadd, sum[i])
			u.scalarMov(s.AsX(), Mem{Base: dst, Disp: i * u.size})
			ADDQ(stride, m)
		}
		ADDQ(U32(n*u.size), dst)
		SUBQ(U8(n), left)
		JMP(LabelRef(label))
		Label(label + "end")
	}
	body("group", group)
	body("single", 1)
	u.end()
}

func copyOf(r Register) Register {
	c := GP64()
	MOVQ(r, c)
	return c
}
