package arena

import "unsafe"

// Arena allocates memory. Its zero value is ready to use, by one goroutine at a time.
type Arena struct {
	free  []byte // what is left of the last piece
	given int
}

const (
	line     = 64       // bytes of a cache line
	huge     = 2 << 20  // bytes of a huge page
	smallest = 4 << 10  // of the first piece
	largest  = 32 << 20 // of those that double the total
)

// Make returns n zeros, a slice without spare capacity.
//
// A line is left free between slices: if each began at a page, the same elements of all of them
// would fall into the same sets of a cache.
func Make[E float32 | float64 | int](a *Arena, n int) []E {
	if n == 0 {
		return []E{}
	}
	size := (n*int(unsafe.Sizeof(E(0))) + line - 1) / line * line
	if size > len(a.free) {
		a.free = piece(max(size, smallest, min(a.given, largest)))
	}
	x := unsafe.Slice((*E)(unsafe.Pointer(&a.free[0])), n)
	a.free = a.free[min(size+line, len(a.free)):]
	a.given += size
	return x[:n:n]
}

// piece returns zeros, aligned to a cache line, on huge pages if they fill one.
func piece(size int) []byte {
	// Elements of eight bytes make the allocator align it for all types.
	words := make([]uint64, (size+line)/8)
	b := unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), len(words)*8)
	if from, to := whole(b, huge); to-from >= huge {
		useHugePages(b[from:to])
	}
	from, _ := whole(b, line)
	return b[from : from+size]
}

// whole returns the limits of the whole units within b.
func whole(b []byte, unit int) (from, to int) {
	address := int(uintptr(unsafe.Pointer(&b[0])) % uintptr(unit))
	from = (unit - address) % unit
	return from, from + max(0, len(b)-from)/unit*unit
}
