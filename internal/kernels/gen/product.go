package main

import (
	"fmt"
	"math/bits"

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

// highest is the greatest height of a tile of v vectors.
func (u *unit) highest(v int) int {
	n := u.isa.rows
	for u.vectors(n) < v {
		n--
	}
	return n
}

// panel emits C = A·B + D for as many tiles of C as the arguments say: strips of
// v vectors, each divided into tall tiles of so many rows and low ones of one row
// less. There is a body for each height; what they share stays in the arguments,
// of which b, c, d and strips change from strip to strip. A has any strides. D may
// be C, a bias with a row stride of 0, or nil. With each row of B, tiles of more than
// three rows ask for the memory at ahead, which moves on by pace bytes. AVX2 has second
// bodies for whole vectors, as some processors take long for its masked stores; AVX-512
// has two half vectors in place of one.
func (u *unit) panel(v int) {
	u.function(fmt.Sprintf("panel%d", v), fmt.Sprintf("sets tiles %d vectors wide to A·B + D.", v), fmt.Sprintf(
		"(k int, a *%[1]s, ars, aks, ats int, b *%[1]s, bks, bss int, c *%[1]s, crs int, d *%[1]s, drs int, rows, tall, low, strips, last int, ahead uintptr, pace int)", u.float.name))
	last := Load(Param("last"), GP64())
	if u.isa == avx2 {
		CMPQ(last, U8(u.lanes()))
		JE(LabelRef("whole"))
	}
	mask := u.mask(last)
	if u.isa == avx512 && v == 1 {
		upper := K()
		KSHIFTRW(U8(u.lanes()/2), mask, upper)
		half := &unit{isa: halfAVX512, float: u.float} // broadcasts cost half
		half.panelBody("part", edge{mask, upper})
		return
	}
	part := make(edge, v)
	part[v-1] = mask
	u.panelBody("part", part)
	if u.isa == avx2 {
		Label("whole")
		u.panelBody("whole", make(edge, v))
	}
}

// halfAVX512 is AVX-512 with YMM registers.
var halfAVX512 = &isa{"AVX512", 32, 12, YMM}

// edge has the masks of the vectors in a row of a tile, nil for whole ones.
type edge []Register

func (u *unit) loadEdge(e edge, j int, src Op, dst Register) {
	if e[j] == nil {
		u.mov(src, dst)
	} else {
		u.loadMasked(src, e[j], dst)
	}
}

func (u *unit) storeEdge(e edge, j int, src Register, dst Op) {
	if e[j] == nil {
		u.mov(src, dst)
	} else {
		u.storeMasked(src, e[j], dst)
	}
}

// panelBody emits the body of a panel.
func (u *unit) panelBody(label string, e edge) {
	v := len(e)
	Label(label + "strip")
	a, c, d := Load(Param("a"), GP64()), Load(Param("c"), GP64()), Load(Param("d"), GP64())
	h, left := Load(Param("rows"), GP64()), Load(Param("tall"), GP64())
	Label(label + "tile")
	u.tiles(label, 1, u.highest(v), h, func(n int) { u.tile(fmt.Sprint(label, n), n, a, c, d, e) })

	Label(label + "next")
	for _, m := range []struct {
		ptr    Register
		stride string
	}{{c, "crs"}, {d, "drs"}} {
		step := u.loadStride(m.stride)
		IMULQ(h, step)
		ADDQ(step, m.ptr)
	}
	ADDQ(u.loadStride("ats"), a)
	CMPQ(h, argument("rows"))
	JEQ(LabelRef(label + "tall"))
	SUBQ(u.loadStride("ars"), a)
	DECQ(left)
	JNZ(LabelRef(label + "tile"))
	JMP(LabelRef(label + "stripend"))
	Label(label + "tall")
	DECQ(left)
	JNZ(LabelRef(label + "tile"))
	DECQ(h)
	Load(Param("low"), left)
	TESTQ(left, left)
	JNZ(LabelRef(label + "tile"))

	Label(label + "stripend")
	ADDQ(u.loadStride("bss"), argument("b"))
	ADDQ(U32(v*u.bytes), argument("c"))
	CMPQ(argument("d"), U8(0))
	JEQ(LabelRef(label + "nod"))
	ADDQ(U32(v*u.bytes), argument("d"))
	Label(label + "nod")
	DECQ(argument("strips"))
	JNZ(LabelRef(label + "strip"))
	u.end()
}

// argument addresses a parameter.
func argument(param string) Op {
	p, err := Param(param).Resolve()
	if err != nil {
		panic(err)
	}
	return p.Addr
}

// tiles emits the bodies for lo to hi rows behind a tree of comparisons with h.
func (u *unit) tiles(label string, lo, hi int, h Register, body func(n int)) {
	if lo == hi {
		body(lo)
		JMP(LabelRef(label + "next"))
		return
	}
	mid := (lo + hi) / 2
	higher := fmt.Sprint(label, "from", mid+1)
	CMPQ(h, U8(mid))
	JGT(LabelRef(higher))
	u.tiles(label, lo, mid, h, body)
	Label(higher)
	u.tiles(label, mid+1, hi, h, body)
}

// tile emits the body for a tile of C of n rows.
func (u *unit) tile(label string, n int, ap, cp, dp Register, e edge) {
	k := Load(Param("k"), GP64())
	a := rowsFrom(n, copyOf(ap), u.loadStride("ars"))
	aks := u.loadStride("aks")
	b := Load(Param("b"), GP64())
	bks := u.loadStride("bks")
	sum := u.zeros(n, len(e))
	Label(label + "loop")
	// Rows of B that are far apart, and not in the nearer caches, are asked for in
	// time. With the low tiles of AVX2, which need more of them, that costs more than
	// it gains where they are in the second-level cache.
	if n > 3 && u.isa != avx2 {
		for at := 0; at < len(e)*u.bytes; at += 64 {
			PREFETCHT0(Mem{Base: b, Index: bks, Scale: 8, Disp: at})
		}
	}
	if n > 3 { // which have time for it
		ahead := Load(Param("ahead"), GP64())
		PREFETCHT1(Mem{Base: ahead})
		ADDQ(argument("pace"), ahead)
		MOVQ(ahead, argument("ahead"))
	}
	u.step(sum, a, aks, b, e)
	ADDQ(bks, b)
	DECQ(k)
	JNZ(LabelRef(label + "loop"))
	u.finish(label, sum, cp, dp, e)
}

// zeros clears the registers that hold a tile of C.
func (u *unit) zeros(n, v int) [][]VecVirtual {
	sum := make([][]VecVirtual, n)
	for i := range n {
		for range v {
			sum[i] = append(sum[i], u.zero())
		}
	}
	return sum
}

// step emits the multiplication of a column of A by a row of B, and goes to the
// next column. The row of B is kept in registers for the rows of A, but read from
// memory if there is only one.
func (u *unit) step(sum [][]VecVirtual, a *rows, aks, b Register, e edge) {
	row := make([]Op, len(e))
	for j := range e {
		at := Mem{Base: b, Disp: j * u.bytes}
		row[j] = at
		if len(sum) > 1 || e[j] != nil || j == len(e)-1 {
			r := u.reg()
			u.loadEdge(e, j, at, r)
			row[j] = r
		}
	}
	for i := range sum {
		x := u.reg()
		u.bcast(a.at(i), x)
		for j := range e {
			u.fma231(row[j], x, sum[i][j])
		}
	}
	for _, p := range a.ptrs {
		ADDQ(aks, p)
	}
}

// finish adds D, if there is one, and stores the tile.
func (u *unit) finish(label string, sum [][]VecVirtual, cp, dp Register, e edge) {
	each := func(m *rows, do func(j int, sum VecVirtual, at Mem)) {
		for i, row := range sum {
			for j := range row {
				do(j, row[j], m.at(i).Offset(j*u.bytes))
			}
		}
	}
	TESTQ(dp, dp)
	JZ(LabelRef(label + "store"))
	each(rowsFrom(len(sum), dp, u.loadStride("drs")), func(j int, sum VecVirtual, at Mem) {
		old := u.reg()
		u.loadEdge(e, j, at, old)
		u.vadd(old, sum, sum)
	})
	Label(label + "store")
	each(rowsFrom(len(sum), cp, u.loadStride("crs")), func(j int, sum VecVirtual, at Mem) { u.storeEdge(e, j, sum, at) })
}

// lowest is the height of the lowest transposing tile: what has fewer rows is done
// by scalar products.
const lowest = 4

// transposingTile emits one tile of C = A·B + D, of two whole vectors, for a
// transposed B, which it stores row by row in dst for the other tiles of a strip.
// While columns of A are multiplied by some rows, the next are transposed: not
// those at once, as what is stored by halves cannot be read before it has reached
// the cache. Rows beyond a multiple of what fills 16 bytes must be in dst. This is
// for AVX-512 only, as AVX2 has too few registers.
func (u *unit) transposingTile() {
	u.function("transposingTile", "sets a tile of two vectors to A·B + D, B's columns being contiguous, and copies B to dst.", fmt.Sprintf(
		"(k int, a *%[1]s, ars, aks int, b *%[1]s, bcs int, dst, c *%[1]s, crs int, d *%[1]s, drs int, rows int)", u.float.name))
	const half = 32 // bytes
	e := 16 / u.size
	some := U32(e * 2 * u.bytes) // of what is transposed at a time
	h := Load(Param("rows"), GP64())
	u.tiles("", lowest, u.isa.rows, h, func(n int) {
		label := fmt.Sprint("rows", n)
		a := u.rows(n, "a", "ars")
		aks := u.loadStride("aks")
		b := u.rows(half/u.size, "b", "bcs")
		group := copyOf(b.stride) // so many rows, from here on in place of bcs
		SHLQ(U8(bits.Len(uint(half/u.size))-1), group)
		MOVQ(group, argument("bcs"))
		dst := Load(Param("dst"), GP64())
		sum := u.zeros(n, 2)
		steps := GP64()
		SUBQ(some, dst)
		Label(label + "block")
		SUBQ(U8(e), argument("k"))
		JLT(LabelRef(label + "last"))
		for g := range 4 {
			u.transposeStep(half, b, func(i int) Mem { return Mem{Base: dst, Disp: (4*(i+e) + g) * half} })
			for _, p := range b.ptrs {
				if g < 3 {
					ADDQ(argument("bcs"), p)
					continue
				}
				for range g {
					SUBQ(argument("bcs"), p)
				}
				ADDQ(U8(16), p)
			}
		}
		CMPQ(dst, argument("dst"))
		JCC(LabelRef(label + "last"))
		ADDQ(some, dst) // there are no rows to multiply yet
		JMP(LabelRef(label + "block"))
		Label(label + "last")
		MOVQ(U32(e), steps)
		Label(label + "loop")
		u.step(sum, a, aks, dst, make(edge, 2))
		ADDQ(U32(2*u.bytes), dst)
		DECQ(steps)
		JNZ(LabelRef(label + "loop"))
		CMPQ(argument("k"), U8(0))
		JGE(LabelRef(label + "block"))
		MOVQ(argument("k"), steps) // what is left, less e; or -2e, if nothing is
		MOVQ(I32(-2*e), argument("k"))
		ADDQ(U8(e), steps)
		JG(LabelRef(label + "loop"))
		u.finish(label, sum, Load(Param("c"), GP64()), Load(Param("d"), GP64()), make(edge, 2))
	})
	Label("next")
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

// transpose emits the copy of rows into columns.
func (u *unit) transpose(bytes int) {
	n := u.transposeRows(bytes)
	e := 16 / u.size
	u.function(fmt.Sprintf("transpose%d", n), fmt.Sprintf("stores %d rows of %dk elements as %dk rows of %d.", n, e, e, n),
		fmt.Sprintf("(k int, dst *%[1]s, drs int, src *%[1]s, srs int)", u.float.name))
	k := Load(Param("k"), GP64())
	dst := u.rows(e, "dst", "drs")
	src := u.rows(n, "src", "srs")
	Label("loop")
	u.transposeStep(bytes, src, dst.at)
	for _, p := range src.ptrs {
		ADDQ(U8(16), p)
	}
	LEAQ(Mem{Base: dst.ptrs[0], Index: dst.stride, Scale: uint8(e)}, dst.ptrs[0])
	DECQ(k)
	JNZ(LabelRef("loop"))
	u.end()
}

// transposeStep stores 16 bytes of the rows as rows. A register gets those of
// every fourth row (float64: every second), so that transposing within its 16-byte
// lanes does the rest.
func (u *unit) transposeStep(bytes int, src *rows, dst func(i int) Mem) {
	e := 16 / u.size
	reg := func() Register {
		v := u.reg()
		switch bytes {
		case 16:
			return v.AsX()
		case 32:
			return v.AsY()
		}
		return v
	}
	// Cleared, for avo believes that what lies above a part written is kept.
	half := [2]VecVirtual{u.zero(), u.zero()}
	gather := func(i int) Register {
		x := reg()
		if bytes == 16 {
			u.mov(src.at(i), x)
			return x
		}
		for h := range bytes / 32 {
			u.mov(src.at(i+2*e*h), half[h].AsX())
			high, y := src.at(i+2*e*h+e), Register(half[h].AsY())
			if bytes == 32 {
				y = x
			}
			if u.isa == avx512 {
				VINSERTF32X4(U8(1), high, half[h].AsY(), y)
			} else {
				VINSERTF128(U8(1), high, half[h].AsY(), y)
			}
		}
		if bytes == 64 {
			VINSERTF64X4(U8(1), half[1].AsY(), half[0], x)
		}
		return x
	}
	if u.float == f64 {
		x, y, odd := gather(0), gather(1), reg()
		VUNPCKHPD(y, x, odd)
		VUNPCKLPD(y, x, x)
		VMOVUPD(x, dst(0))
		VMOVUPD(odd, dst(1))
		return
	}
	// The lower two elements of each lane, and the upper.
	pair := func(i int) (low, high Register) {
		x, y, high := gather(i), gather(i+1), reg()
		VUNPCKHPS(y, x, high)
		VUNPCKLPS(y, x, x)
		return x, high
	}
	l0, h0 := pair(0)
	l1, h1 := pair(2)
	for i, p := range [][2]Register{{l0, l1}, {h0, h1}} {
		odd := reg()
		VSHUFPS(U8(0xee), p[1], p[0], odd)
		VSHUFPS(U8(0x44), p[1], p[0], p[0])
		VMOVUPS(p[0], dst(2*i))
		VMOVUPS(odd, dst(2*i+1))
	}
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
