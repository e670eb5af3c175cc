package tasktest_test

import (
	"testing"

	"github.com/gradflow/gradflow/bench/tasks"
	"github.com/gradflow/gradflow/bench/tasks/tasktest"
)

// The suite is called from a test of the task's package.
func Example() {
	_ = func(t *testing.T) {
		digits, err := tasks.NewDigits(tasks.DigitsConfig{})
		if err != nil {
			t.Fatal(err)
		}
		tasktest.Run(t, digits)
	}
	// Output:
}
