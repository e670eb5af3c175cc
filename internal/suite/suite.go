// Package suite is what the conformance suites have in common: how they tell of many wrong
// values in few lines, and how their own tests plant a fault that must be found.
package suite

import (
	"cmp"
	"fmt"
	"math"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pkg/errors"
)

// Faults collects wrong values of one check and tells of the worst.
type Faults struct {
	count int
	worst []fault
}

type fault struct {
	by      float64
	message string
}

// told is how many of the worst are.
const told = 3

// Add notes a value that is wrong by so much; NaN is worse than all others.
func (f *Faults) Add(by float64, format string, args ...any) {
	f.count++
	if by = math.Abs(by); math.IsNaN(by) {
		by = math.Inf(1)
	}
	f.worst = append(f.worst, fault{by, fmt.Sprintf(format, args...)})
	slices.SortStableFunc(f.worst, func(a, b fault) int { return cmp.Compare(b.by, a.by) })
	f.worst = f.worst[:min(told, len(f.worst))]
}

// Report fails the test, in one message, if there is a fault, and returns whether there is.
func (f *Faults) Report(t testing.TB) bool {
	t.Helper()
	if f.count == 0 {
		return false
	}
	var text strings.Builder
	for _, w := range f.worst {
		text.WriteString("\n\t" + w.message)
	}
	if f.count == 1 {
		t.Errorf("1 wrong value:%s", text.String())
		return true
	}
	t.Errorf("%d wrong values, the worst:%s", f.count, text.String())
	return true
}

var namePattern = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// Name fails the test unless a name is lower-case and hyphenated.
func Name(t testing.TB, name string) {
	t.Helper()
	if !namePattern.MatchString(name) {
		t.Errorf("the name %q is not lower-case and hyphenated", name)
	}
}

// Planted is a part with one fault.
type Planted struct {
	Check string             // the subtest that has to find it
	Says  string             // part of what it then says
	Run   func(t *testing.T) // calls the suite
}

// Find runs each planted fault in a process of its own, by way of the test that calls it,
// which must do nothing else. The check named has to fail, in few lines, without a panic.
func Find(t *testing.T, faults []Planted) {
	t.Helper()
	const which = "GRADFLOW_PLANTED_FAULT"
	for i, f := range faults {
		if os.Getenv(which) == fmt.Sprint(i) {
			f.Run(t)
			return
		}
	}
	for i, f := range faults {
		c := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
		c.Env = append(os.Environ(), which+"="+fmt.Sprint(i))
		out, err := c.CombinedOutput()
		var exit *exec.ExitError
		text := string(out)
		if !errors.As(err, &exit) || !strings.Contains(text, "/"+f.Check+" (") || !strings.Contains(text, f.Says) || strings.Contains(text, "goroutine ") {
			t.Errorf("%s (%s) was not found: %v\n%.800s", f.Check, f.Says, err, text)
		}
		if lines := strings.Count(text, "\n"); lines > 100 {
			t.Errorf("%s takes %d lines", f.Check, lines)
		}
	}
}
