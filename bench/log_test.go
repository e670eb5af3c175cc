package bench_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/bench"
)

const two = `
name: two
task: digits
budget: {steps: 20, batch: 32, evaluate: 20}
probe: 0
variants: {plain: {}, fast: {optimizer: sgd(rate=1)}}
grid: {depth: 1, width: 16, activation: tanh, initializer: glorot-normal, optimizer: sgd(rate=0.001)}
`

func BenchmarkLogged(b *testing.B) {
	if os.Getenv("GRADFLOW_TEST_LOG") == "" {
		b.Skip("it is run by TestLog")
	}
	bench.Study(b, two)
}

// TestLog: the log of a benchmark ends with the comparison of all repetitions.
func TestLog(t *testing.T) {
	c := exec.Command(os.Args[0], "-test.run=^$", "-test.bench=Logged", "-test.benchtime=1x", "-test.count=6", "-test.v")
	c.Env = append(os.Environ(), "GRADFLOW_TEST_LOG=1")
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if text := strings.Join(strings.Fields(string(out)), " "); !strings.Contains(text, "fast ends better than plain (Wilcoxon signed-rank test of the test scores, 6 seeds") {
		t.Errorf("%s", out)
	}
}
