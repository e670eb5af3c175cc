package kernels

import (
	"math"
	"runtime"
)

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

// SupportsFlushToZero reports whether [Enter] can flush denormals and [Mode.Leave] report them:
// on amd64 and arm64, without the build tag purego.
func SupportsFlushToZero() bool { return hasMode }

// Mode is how a thread of the operating system treats denormals, between [Enter] and
// [Mode.Leave].
type Mode struct{ before control }

// Enter locks the goroutine to its thread and, until Leave, makes the thread treat denormal
// operands and results as 0 (DAZ and FTZ; FZ on arm64), or compute with them:
//
//	mode := kernels.Enter(flush)
//	defer mode.Leave()
//
// It covers the kernels, products that are divided among helpers, and all other floating-point
// arithmetic of the goroutine, in both types, but no other goroutine. Modes nest. Where it is
// not supported, Enter does nothing.
//
// The lock comes first: a thread that the runtime starts inherits the mode of the one
// that starts it, unless that is locked.
func Enter(flush bool) Mode {
	if !hasMode {
		return Mode{}
	}
	runtime.LockOSThread()
	before := getControl()
	setControl(before.flushing(flush) &^ metBits)
	return Mode{before}
}

// Leave restores the mode from before Enter, and reports whether a denormal occurred since: a
// denormal operand (not noticed if flushed on amd64), or a result that lost precision by
// underflow, flushed to zero or not. It takes some nanoseconds, and includes intermediate
// results of the kernels. An enclosing mode reports it too. Where this is not supported, Leave
// returns false.
func (m Mode) Leave() (met bool) {
	if !hasMode {
		return false
	}
	flags := getControl() & metBits
	setControl(m.before | flags)
	runtime.UnlockOSThread()
	return flags != 0
}

// control is the contents of a thread's control and status registers.
type control uint64

func (s control) flushing(on bool) control {
	if on {
		return s | flushBits
	}
	return s &^ flushBits
}

// flushesToZero reports the mode of the current thread.
func flushesToZero() bool { return hasMode && getControl()&flushBits != 0 }

// meetDenormals makes the mode's Leave return true.
func meetDenormals() {
	if hasMode {
		setControl(getControl() | metBits)
	}
}
