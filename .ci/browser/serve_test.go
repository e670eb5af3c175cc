package browser

import (
	"context"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/serve"
	"github.com/gradflow/gradflow/bench/study"
)

const hostile = `<img src=x onerror=alert(1)>"'&`

func serving(t *testing.T, dir string) string {
	t.Helper()
	s, err := serve.New(serve.Options{Dirs: []string{dir}, Every: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(s)
	t.Cleanup(func() { s.Close(); h.Close() })
	return h.URL
}

// TestStudy: the live view shows a study's runs, then one in progress, then that it is gone.
func TestStudy(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "small")
	spec, err := study.New(context.Background(), study.Settings{
		Name: "small", About: hostile, Task: "digits", Steps: 20, Batch: 16, Evaluate: 4, Seeds: 2,
		Grid:     study.Grid{"depth": 2, "width": 8, "activation": "tanh", "initializer": "glorot-normal", "optimizer": "sgd(rate=0.5)"},
		Variants: []study.Variant{{Name: "plain"}, {Name: hostile, Axes: study.Grid{"activation": "sigmoid"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := study.Run(context.Background(), spec, dir, study.Options{}); err != nil {
		t.Fatal(err)
	}
	base := serving(t, root)
	p := Open(t, base+"/", 1280)
	p.Until(`document.querySelector("#studies a")`)
	p.Accessible()
	p.do(clickOn("#studies a"))
	p.Until(`document.getElementById("sentence").textContent.startsWith("Complete: all 4 runs")`)
	p.Until(`document.querySelectorAll(".facet tbody tr").length === 2 && document.querySelectorAll(".curves path").length === 2`)
	if names := Eval[[]string](p, `[...document.querySelectorAll(".facet tbody th")].map((e) => e.textContent).sort()`); names[0] != hostile {
		t.Errorf("things are named %q", names)
	}
	// The curve's readout is what the record says.
	r, err := record.Read(filepath.Join(dir, "runs", spec.Configs[0].Hash()))
	if err != nil {
		t.Fatal(err)
	}
	r2, err := record.Read(filepath.Join(dir, "runs", spec.Configs[1].Hash()))
	if err != nil {
		t.Fatal(err)
	}
	want := Eval[string](p, numberOf(float64(r.Summary.Final.ValidationAccuracy+r2.Summary.Final.ValidationAccuracy)/2))
	p.do(focus(".curves svg"), keys("ArrowLeft"))
	p.Until(`document.querySelector(".readout").textContent.includes("step 20:")`)
	if text := Eval[string](p, `document.querySelector(".readout").textContent`); !strings.Contains(text, "plain "+want) {
		t.Errorf("the curve ends at %q, the median of the records is %s", text, want)
	}
	p.Accessible()

	gone := spec.Configs[0]
	if err := os.RemoveAll(filepath.Join(dir, "runs", gone.Hash())); err != nil {
		t.Fatal(err)
	}
	d, err := record.Create(dir, spec.Source, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	now := time.Now()
	if err := d.WriteLive(&record.Live{Began: now.Add(-time.Minute), Written: now, Runs: 4, Recorded: 3, Updates: 80, Before: 60, Done: 10,
		Running: []record.LiveRun{{Run: gone.Hash(), Config: gone, Step: 8, Metrics: []record.Metric{{Step: 8, ValidationAccuracy: 0.25}}}}}); err != nil {
		t.Fatal(err)
	}
	p.Until(`document.getElementById("runs").textContent.includes("8 of 20") && document.getElementById("runs").textContent.includes("0.25")`)
	p.Until(`document.getElementById("sentence").textContent.includes("about 60 s left") && document.title.startsWith("87% ")`)
	p.Accessible()
	p.Dark(true)
	p.Accessible()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	p.Until(`document.getElementById("sentence").textContent.includes("no longer there")`)
}

// TestStudyOnAPhone: it fits, light and dark.
func TestStudyOnAPhone(t *testing.T) {
	p := Open(t, serving(t, t.TempDir())+"/", 390)
	p.Fits()
	p.Accessible()
}

// TestLaboratory: a formula is drawn, a mistake stands at its field, training is streamed, and
// the page can be used by keyboard, light and dark.
func TestLaboratory(t *testing.T) {
	p := Open(t, serving(t, t.TempDir())+"/laboratory", 1280)
	p.Until(`document.querySelectorAll(".signal-plot svg").length === 2 && document.querySelectorAll(".phase-figure svg").length === 2`)
	p.Until(`document.querySelector('.half[data-side="a"] .verdict').textContent === "✕ dead both ways"`)
	p.Until(`document.querySelector('.half[data-side="b"] .verdict').textContent === "✓ alive"`)
	p.Accessible()
	before := Eval[string](p, `document.querySelector('.half[data-side="a"] .caption').textContent`)
	p.Type("#a-activation", "1.5*tanh(z)")
	p.Until(`document.querySelector('.half[data-side="a"] .caption').textContent !== ` + quote(before))
	p.Until(`document.getElementById("study").textContent.includes("1.5*tanh(z)") && location.search.includes("1.5")`)
	// What the picture shows is what was answered: a gradient that is read by keyboard.
	p.do(focus(`.half[data-side="a"] .signal-plot svg`), keys("ArrowLeft"))
	p.Until(`document.querySelector('.half[data-side="a"] .readout').textContent === "output: gradient 1"`)

	p.Until(`document.querySelector('.half[data-side="a"] .words').textContent.includes("Theory:") && document.querySelectorAll('.half[data-side="a"] .signal-plot path.theory').length === 2`)
	p.Type("#b-normalization", "btach-norm")
	p.Until(`document.getElementById("b-normalization-error").textContent.includes("batch-norm")`)
	if !Eval[bool](p, `document.getElementById("b-normalization").getAttribute("aria-invalid") === "true"`) {
		t.Error("the field is not marked")
	}
	p.Accessible()
	p.Type("#b-normalization", "layer-norm")
	p.Until(`document.getElementById("b-normalization-error").textContent === ""`)
	p.Type("#a-depth", "5")
	p.Type("#b-depth", "6")
	p.Type("#steps", "60")
	p.do(focus("#train"), keys("Enter"))
	p.Until(`[...document.querySelectorAll(".ending")].every((e) => e.textContent.startsWith("After 60 steps"))`)
	p.Until(`document.querySelectorAll("#accuracy path").length === 3 && document.querySelectorAll(".maps canvas").length === 6`)
	p.do(focus(".maps canvas"), keys("ArrowRight"))
	p.Until(`document.getElementById("map-read").textContent.startsWith("A, step 1, ")`)
	p.Accessible()
	p.Dark(true)
	p.Accessible()
	p.do(clickOn(".presets a:last-child"))
	p.Until(`document.getElementById("b-optimizer").value === "irprop-minus" && document.getElementById("a-activation").value === "sigmoid"`)
}

// TestLaboratoryOnAPhone: it fits.
func TestLaboratoryOnAPhone(t *testing.T) {
	p := Open(t, serving(t, t.TempDir())+"/laboratory", 390)
	p.Until(`document.querySelectorAll(".signal-plot svg").length === 2 && document.querySelectorAll(".phase-figure svg").length === 2`)
	p.Fits()
	p.Accessible()
}
