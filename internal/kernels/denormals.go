package kernels

import "math"

// Denormals returns how many elements of x are denormal: other than 0, but smaller
// than the smallest normal number of their type.
func Denormals[F Float](x []F) int {
	f, normal := use[F]().magnitudes, normal[F]()
	return count(x, func(x []F) int { return f(x, 0, normal) })
}

// Zeros returns how many elements of x are exactly 0, whether or not denormals are
// flushed.
func Zeros[F Float](x []F) int {
	f, below := use[F]().magnitudes, smallest[F]()
	above := F(math.Copysign(0, -1)) // as bits, less than any magnitude
	return count(x, func(x []F) int { return f(x, above, below) })
}

// smallest returns the smallest positive number, made of bits as it is denormal.
func smallest[F Float]() F {
	var v any
	switch any(F(0)).(type) {
	case float32:
		v = math.Float32frombits(1)
	case float64:
		v = math.Float64frombits(1)
	}
	return v.(F)
}

// normal returns the smallest normal number.
func normal[F Float]() F {
	var v any
	switch any(F(0)).(type) {
	case float32:
		v = float32(0x1p-126)
	case float64:
		v = 0x1p-1022
	}
	return v.(F)
}

// SupportsFlushToZero tells whether FlushToZero has an effect: on amd64, without
// the build tag purego.
func SupportsFlushToZero() bool { return hasMXCSR }

// FlushToZero makes the current thread of the operating system take denormals for
// 0 and give 0 for them (DAZ and FTZ), or no longer, and returns what it did
// before. Go moves goroutines between threads, so the caller must hold on to this
// one:
//
//	runtime.LockOSThread()
//	defer runtime.UnlockOSThread()
//	defer kernels.FlushToZero(kernels.FlushToZero(true))
//
// Lock first: a thread that the runtime starts inherits the state of the one that
// starts it, unless that is locked. Flushing covers the kernels, products that are split
// among them, and all other floating-point arithmetic of the goroutine, but no
// other goroutine. Where it is not supported, FlushToZero does nothing and returns
// false.
func FlushToZero(on bool) (previous bool) {
	if !hasMXCSR {
		return false
	}
	state := getMXCSR()
	next := state &^ (mxcsrFTZ | mxcsrDAZ)
	if on {
		next |= mxcsrFTZ | mxcsrDAZ
	}
	setMXCSR(next)
	return state&mxcsrFTZ != 0
}

func flushesToZero() bool { return hasMXCSR && getMXCSR()&mxcsrFTZ != 0 }

// MetDenormals tells whether, on the current thread since the last call, an
// operand was denormal or a result lost precision by underflow (flushed to zero or
// not), and forgets it. The thread must be locked. It costs some nanoseconds, and
// counts what kernels meet on their way, not only what they return. Where it is
// not supported it returns false.
func MetDenormals() bool {
	if !hasMXCSR {
		return false
	}
	state := getMXCSR()
	const flags = mxcsrDenormal | mxcsrUnderflow
	if state&flags == 0 {
		return false
	}
	setMXCSR(state &^ flags)
	return true
}

// meetDenormals has MetDenormals tell so.
func meetDenormals() {
	if hasMXCSR {
		setMXCSR(getMXCSR() | mxcsrDenormal)
	}
}

// Bits of MXCSR.
const (
	mxcsrDenormal  = 1 << 1
	mxcsrUnderflow = 1 << 4
	mxcsrDAZ       = 1 << 6
	mxcsrFTZ       = 1 << 15
)
