//go:build !race

// The race detector makes pools forget at random what they hold.

package ops_test

import "testing"

// TestAllocations has a call of an operation, or of that of a gradient, allocate
// nothing.
func TestAllocations(t *testing.T) {
	for _, c := range cases {
		for _, dtype := range dtypes {
			for _, call := range calls(t, c.build, c.shapes, c.wrt, dtype) {
				if a := testing.AllocsPerRun(5, func() {
					if _, err := call.op.UsePreallocDo(call.out, call.in...); err != nil {
						t.Fatal(err)
					}
				}); a != 0 {
					t.Errorf("%s, %v: %v allocates %v times", c.name, dtype, call.op, a)
				}
			}
		}
	}
}
