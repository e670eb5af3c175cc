package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/activations/activationtest"
	"github.com/gradflow/gradflow/bench"
	"github.com/gradflow/gradflow/bench/probe"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/gradflow/gradflow/bench/tasks"
	"github.com/gradflow/gradflow/bench/tasks/tasktest"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/cmd"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/models/initializers/initializertest"
	"github.com/gradflow/gradflow/models/modeltest"
	"github.com/gradflow/gradflow/normalization"
	"github.com/gradflow/gradflow/normalization/normalizationtest"
	"github.com/gradflow/gradflow/optimizers"
	"github.com/gradflow/gradflow/optimizers/optimizertest"
	"gorgonia.org/gorgonia"
)

func TestMain(m *testing.M) { os.Exit(bench.Main(m)) }

// part makes a part as text asks for it.
func part[T any](t *testing.T, c *catalogue.Catalogue[T], text string) T {
	t.Helper()
	choice, err := c.Read(text)
	if err != nil {
		t.Fatal(err)
	}
	p, err := c.Make(choice)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestSuites runs the conformance suites.
func TestSuites(t *testing.T) {
	t.Run("softened", func(t *testing.T) {
		f := func(text string) activations.Activation { return part(t, activations.Catalogue, text) }
		activationtest.Run(t, f("softened(of=tanh)"), f("softened(of=tanh,share=0.5)"), f("softened(of=sigmoid)"))
	})
	t.Run("crelu", func(t *testing.T) { activationtest.Run(t, part(t, activations.Catalogue, "crelu")) })
	t.Run("diagonal-kron", func(t *testing.T) {
		optimizertest.Run(t, "diagonal-kron", func() gorgonia.Solver { return part(t, optimizers.Catalogue, "diagonal-kron(rate=0.001)") })
	})
	t.Run("chain", func(t *testing.T) {
		const text = "chain(before=[agree],optimizer=sgd(rate=0.001),after=[schedule(schedule=saw)])"
		optimizertest.Run(t, "chain", func() gorgonia.Solver { return part(t, optimizers.Catalogue, text) })
	})
	t.Run("running-scale", func(t *testing.T) {
		n := func(text string) normalization.Normalization { return part(t, normalization.Catalogue, text) }
		normalizationtest.Run(t, n("running-scale"), n("running-scale(eps=0.01)"))
	})
	t.Run("slope", func(t *testing.T) {
		initializertest.Run(t, part(t, initializers.Catalogue, "slope"), activations.Sigmoid())
	})
	t.Run("gated-skip", func(t *testing.T) {
		for _, f := range []string{"tanh", "crelu"} {
			model := func(depth int) models.Model {
				m, err := part(t, models.Catalogue, "gated-skip").Model(models.Plan{Depth: depth, Width: 6,
					Activation: part(t, activations.Catalogue, f), Initializer: initializers.LeCunNormal(1)})
				if err != nil {
					t.Fatal(err)
				}
				return m
			}
			modeltest.Run(t, model(2), models.Shape{Inputs: 4, Outputs: 3, Batch: 3, Loss: "huber(delta=0.7)"}, model(3))
		}
	})
	t.Run("waves", func(t *testing.T) { tasktest.Run(t, part(t, tasks.Catalogue, "waves")) })
}

// run runs the command with arguments, and returns what it prints.
func run(t *testing.T, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if status := cmd.Run(context.Background(), args, strings.NewReader(""), &stdout, io.MultiWriter(&stderr, t.Output())); status != 0 {
		t.Fatalf("gradflow %s: exit status %d\n%s", strings.Join(args, " "), status, stderr.String())
	}
	return stdout.String()
}

// TestCommands: the parts are in every command that has a place for them.
func TestCommands(t *testing.T) {
	small := []string{"--depth", "3", "--width", "8", "--task", "waves"}
	network := append([]string{"--model", "gated-skip", "--activation", "softened(of=tanh,share=0.2)", "--initializer", "slope",
		"--normalization", "running-scale"}, small...)
	for _, c := range []struct {
		args []string
		want string // words in the output
	}{
		{[]string{"list"}, "softened crelu diagonal-kron agree saw running-scale slope gated-skip huber waves peak-gradient"},
		{[]string{"list", "activations"}, "softened share"},
		{append([]string{"profile", "--optimizer", "diagonal-kron", "--steps", "3", "--json"}, network...), "gated-skip waves running-scale slope diagonal-kron peak-gradient"},
		{append([]string{"profile", "--activation", "crelu", "--no-advice"}, small...), "crelu peak"},
		{append([]string{"describe"}, network...), "softened layer03/a"},
		{append([]string{"describe", "--activation", "crelu"}, small...), "crelu"},
		{[]string{"theory", "--activation", "softened(of=tanh)"}, "softened"},
		{[]string{"speed", "--activation", "softened(of=tanh)", "--optimizer", "diagonal-kron", "--depth", "3", "--width", "8", "--batch", "8", "--steps", "3", "--json"}, "diagonal-kron"},
		{[]string{"stress", "--optimizer", "chain(before=[agree],optimizer=sgd)", "--reps", "1", "--steps", "5"}, "agree"},
		{append([]string{"sweep", "--activation", "crelu", "--optimizer", "diagonal-kron", "--rates", "0.001:0.1:decades", "--seeds", "1",
			"--steps", "5", "--out", filepath.Join(t.TempDir(), "sweep")}, small...), "diagonal-kron"},
		{[]string{"__complete", "profile", "--activation", ""}, "softened crelu"},
		{[]string{"__complete", "profile", "--optimizer", ""}, "diagonal-kron"},
		{[]string{"__complete", "profile", "--normalization", ""}, "running-scale"},
		{[]string{"__complete", "profile", "--initializer", ""}, "slope"},
		{[]string{"__complete", "profile", "--model", ""}, "gated-skip"},
		{[]string{"__complete", "sweep", "--task", ""}, "waves"},
	} {
		out := run(t, c.args...)
		for _, word := range strings.Fields(c.want) {
			if !strings.Contains(out, word) {
				t.Errorf("gradflow %s: no %s in\n%s", strings.Join(c.args, " "), word, out)
			}
		}
	}
}

// TestNoTheory: what is not element-wise has no mean-field theory, and says so.
func TestNoTheory(t *testing.T) {
	var stdout, stderr bytes.Buffer
	status := cmd.Run(context.Background(), []string{"theory", "--activation", "crelu"}, strings.NewReader(""), &stdout, &stderr)
	if status == 0 || !strings.Contains(stderr.String(), "crelu has no mean-field theory: not element-wise") {
		t.Errorf("exit status %d: %s%s", status, stdout.String(), stderr.String())
	}
}

// TestStudy runs all parts in one study, and looks for them in the report, the records and the
// page.
func TestStudy(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "outside")
	run(t, "run", "study.yaml", "--out", dir)
	out := run(t, "report", dir, "--json")
	for _, word := range []string{"softened", "crelu", "diagonal-kron", "agree", "saw", "running-scale", "slope", "gated-skip"} {
		if !strings.Contains(out, word) {
			t.Errorf("the report does not have %s", word)
		}
	}
	page, err := os.ReadFile(filepath.Join(dir, "report.html"))
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"waves", "peak-gradient", "log10 of the largest"} {
		if !bytes.Contains(page, []byte(word)) {
			t.Errorf("the page does not have %s", word)
		}
	}
	results, err := study.Open(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(results.Records); n != 16 {
		t.Fatalf("%d records: %v", n, results.Warnings)
	}
	for _, r := range results.Records {
		first, last := r.Metrics[0], r.Metrics[len(r.Metrics)-1]
		if !(last.ValidationLoss < first.ValidationLoss) {
			t.Errorf("%s %s: the loss went from %g to %g", r.Config.Activation, r.Config.Optimizer, first.ValidationLoss, last.ValidationLoss)
		}
		// Of the first layer, before the first step.
		peak, norm := r.Layers.Quantity("peak-gradient")[0][0], r.Layers.Quantity(probe.PreActivationGradient)[0][0]
		if !(peak <= norm) {
			t.Errorf("%s: the largest gradient is 10^%g, their norm 10^%g", r.Config.Activation, peak, norm)
		}
	}
}

// TestNames: the benchmark's names have the parts that differ.
func TestNames(t *testing.T) {
	s, err := study.Load(context.Background(), "study.yaml")
	if err != nil {
		t.Fatal(err)
	}
	names := strings.Join(bench.Names(s), "\n")
	for _, word := range []string{"softened", "crelu", "diagonal-kron", "running-scale", "slope", "gated-skip"} {
		if !strings.Contains(names, word) {
			t.Errorf("no sub-benchmark of %s in\n%s", word, names)
		}
	}
}

// BenchmarkOutside runs every part:
//
//	go test -bench . -benchtime 1x
func BenchmarkOutside(b *testing.B) { bench.Study(b, "study.yaml") }
