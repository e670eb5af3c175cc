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

// SupportsFlushToZero reports whether [Enter] can flush and tell: on amd64 and arm64,
// without the build tag purego.
func SupportsFlushToZero() bool { return hasMode }

// Mode is how a thread of the operating system treats denormals, between [Enter] and
// [Mode.Leave].
type Mode struct{ before control }

// Enter locks the goroutine to its thread and has the thread take denormals for 0 and
// give 0 for them (DAZ and FTZ; FZ on arm64), or compute with them, until Leave:
//
//	mode := kernels.Enter(flush)
//	defer mode.Leave()
//
// It covers the kernels, products that are split among helpers, and all other
// floating-point arithmetic of the goroutine, of both types, but no other goroutine.
// Modes nest. Where it is not supported, Enter does nothing.
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

// Leave restores the mode from before Enter, and reports whether a denormal was met since
// Enter: an operand was denormal (which is not noticed where it is flushed on amd64), or a
// result lost precision by underflow, flushed to zero or not. That costs some
// nanoseconds, and counts what kernels meet on their way, not only what they return. An
// enclosing mode hears of it too. Where it is not supported, Leave returns false.
func (m Mode) Leave() (met bool) {
	if !hasMode {
		return false
	}
	flags := getControl() & metBits
	setControl(m.before | flags)
	runtime.UnlockOSThread()
	return flags != 0
}

// control is what a thread's control and status registers say.
type control uint64

func (s control) flushing(on bool) control {
	if on {
		return s | flushBits
	}
	return s &^ flushBits
}

// flushesToZero tells the mode of the current thread.
func flushesToZero() bool { return hasMode && getControl()&flushBits != 0 }

// meetDenormals has the mode's Leave tell so.
func meetDenormals() {
	if hasMode {
		setControl(getControl() | metBits)
	}
}
