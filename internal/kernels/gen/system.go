package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// peak emits the loop that measures the peak of fused multiply-adds: 12
// independent ones in registers, each of lanes elements, n times.
func (u *unit) peak() {
	u.function("peak", fmt.Sprintf("does %d·n multiply-adds of %ss.", peakSums*u.lanes(), u.float.name), "(n int)")
	n := Load(Param("n"), GP64())
	x := u.zero()
	var sum []VecVirtual
	for range peakSums {
		sum = append(sum, u.zero())
	}
	Label("loop")
	for _, s := range sum {
		u.fma231(x, x, s)
	}
	DECQ(n)
	JNZ(LabelRef("loop"))
	u.end()
}

const peakSums = 12

// mxcsr emits access to the control and status register of SSE and AVX.
func mxcsr() {
	TEXT("getMXCSR", NOSPLIT, "func() uint32")
	Doc("getMXCSR returns the control and status register of SSE and AVX.")
	r, err := ReturnIndex(0).Resolve()
	if err != nil {
		panic(err)
	}
	STMXCSR(r.Addr)
	RET()

	TEXT("setMXCSR", NOSPLIT, "func(v uint32)")
	Doc("setMXCSR sets the control and status register of SSE and AVX.")
	p, err := Param("v").Resolve()
	if err != nil {
		panic(err)
	}
	LDMXCSR(p.Addr)
	RET()
}
