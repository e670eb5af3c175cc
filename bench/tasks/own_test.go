package tasks_test

import (
	"testing"

	"github.com/gradflow/gradflow/bench/tasks/tasktest"
)

// The task of the example passes the suite that it is told to run.
func TestNestedRings(t *testing.T) {
	task, err := NewNestedRings()
	if err != nil {
		t.Fatal(err)
	}
	tasktest.Run(t, task)
}
