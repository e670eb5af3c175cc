package arena_test

import (
	"fmt"
	"runtime"
	"testing"
	"unsafe"

	"github.com/gradflow/gradflow/internal/arena"
)

func Example() {
	var a arena.Arena
	x, y := arena.Make[float32](&a, 3), arena.Make[float64](&a, 2)
	x[0] = 1
	fmt.Println(x, y)
	// Output: [1 0 0] [0 0]
}

// TestMake has slices of all sizes be zero, aligned, and apart from each other.
func TestMake(t *testing.T) {
	var a arena.Arena
	type span struct{ from, to uintptr }
	var spans []span
	add := func(n, size int, at unsafe.Pointer) {
		from := uintptr(at)
		if from%64 != 0 {
			t.Errorf("%d elements of %d bytes begin at %d beyond a multiple of 64", n, size, from%64)
		}
		spans = append(spans, span{from, from + uintptr(n*size)})
	}
	var all [][]float32
	for i, n := range []int{1, 15, 16, 17, 1000, 1 << 10, 1 << 20, 3, 5 << 20, 7, 1 << 21} {
		x, y, z := arena.Make[float32](&a, n), arena.Make[float64](&a, i+1), arena.Make[int](&a, 5)
		if len(x) != n || cap(x) != n || len(y) != i+1 || len(z) != 5 {
			t.Fatalf("%d, %d and 5 elements: got %d of %d, %d and %d", n, i+1, len(x), cap(x), len(y), len(z))
		}
		add(n, 4, unsafe.Pointer(&x[0]))
		add(i+1, 8, unsafe.Pointer(&y[0]))
		add(5, 8, unsafe.Pointer(&z[0]))
		for k, v := range x {
			if v != 0 {
				t.Fatalf("element %d of %d is %g", k, n, v)
			}
		}
		for k := range x {
			x[k] = float32(n)
		}
		for k := range y {
			y[k] = -1
		}
		for k := range z {
			z[k] = -1
		}
		all = append(all, x)
	}
	for i, s := range spans {
		for _, o := range spans[:i] {
			if s.from < o.to && o.from < s.to {
				t.Fatalf("slices %d and another share memory", i)
			}
		}
	}
	runtime.GC()
	for _, x := range all {
		for k, v := range x {
			if v != float32(len(x)) {
				t.Fatalf("element %d of %d is %g", k, len(x), v)
			}
		}
	}
	if x := arena.Make[float64](&a, 0); x == nil || len(x) != 0 {
		t.Errorf("no elements: %v", x)
	}
}
