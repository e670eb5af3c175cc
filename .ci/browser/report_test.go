package browser

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/report"
	"github.com/gradflow/gradflow/bench/study"
)

// reported runs a small study with a hostile name and writes its page.
func reported(t *testing.T) (file string, records []*record.Record) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "small")
	probe := 2
	spec, err := study.New(context.Background(), study.Settings{
		Name: "small", About: hostile, Task: "digits", Steps: 40, Batch: 16, Evaluate: 4, Seeds: 2, Probe: &probe,
		Grid:     study.Grid{"depth": []int{2, 4}, "width": 8, "activation": "tanh", "initializer": "glorot-normal", "optimizer": "sgd(rate=0.5)"},
		Variants: []study.Variant{{Name: "plain"}, {Name: hostile, Axes: study.Grid{"activation": "sigmoid"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := study.Run(context.Background(), spec, dir, study.Options{}); err != nil {
		t.Fatal(err)
	}
	results, err := study.Open(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(dir, report.FileName)
	if err := report.Write(results, file); err != nil {
		t.Fatal(err)
	}
	return file, results.Records
}

// TestReport: the page of a study, opened as a file: its table of runs, which can be sorted and
// filtered, has what the records have; charts zoom; it is accessible, light and dark.
func TestReport(t *testing.T) {
	file, records := reported(t)
	p := Open(t, "file://"+file, 1280)
	p.Until(`document.querySelectorAll("table.runs tbody tr").length === 8 && document.querySelectorAll(".charts canvas").length === 4`)
	p.Accessible()
	// All numbers of the table are those of the records.
	rows := Eval[[][]any](p, `JSON.parse(document.getElementById("rundata").textContent).rows`)
	want := map[string]int{}
	for _, r := range records {
		want[fmt.Sprintf("%d %.4g", r.Config.Seed, float64(r.Summary.TestAccuracy))]++
	}
	for _, r := range rows {
		want[fmt.Sprintf("%.0f %.4g", r[2], r[6])]--
	}
	for key, n := range want {
		if n != 0 {
			t.Errorf("seed and test score %q: %d more in the records than in the page", key, n)
		}
	}
	head := `document.querySelectorAll("table.runs th")[6]`
	p.do(chromedp.Evaluate(head+`.querySelector("button").click()`, nil))
	p.Until(head + `.getAttribute("aria-sort") === "descending"`)
	scores := Eval[[]float64](p, `[...document.querySelectorAll("table.runs tbody tr")].map((r) => Number(r.children[6].textContent))`)
	for i := 1; i < len(scores); i++ {
		if scores[i] > scores[i-1] {
			t.Errorf("sorted scores are %v", scores)
			break
		}
	}
	p.do(chromedp.SendKeys("#runfilter", "sigmoid", chromedp.ByQuery))
	p.Until(`document.querySelectorAll("table.runs tbody tr").length === 4`)
	if names := Eval[string](p, `document.querySelector("table.runs tbody tr").children[1].textContent`); names != hostile {
		t.Errorf("a thing is named %q", names)
	}
	// A drag over a chart zooms, and the button takes it back.
	p.do(chromedp.ScrollIntoView(".charts .u-over", chromedp.ByQuery))
	box := Eval[[]float64](p, `(() => { const b = document.querySelector(".charts .u-over").getBoundingClientRect(); return [b.left, b.top, b.width, b.height]; })()`)
	mouse := func(kind input.MouseType, x float64) chromedp.Action {
		return input.DispatchMouseEvent(kind, box[0]+x*box[2], box[1]+box[3]/2).WithButton(input.Left).WithClickCount(1)
	}
	p.do(mouse(input.MouseMoved, .2), mouse(input.MousePressed, .2), mouse(input.MouseMoved, .4), mouse(input.MouseMoved, .6), mouse(input.MouseReleased, .6))
	p.Until(`document.querySelector(".legend .whole").offsetParent !== null`)
	p.do(chromedp.Evaluate(`document.querySelector(".legend .whole").click()`, nil))
	p.Until(`document.querySelector(".legend .whole").offsetParent === null`)
	p.do(chromedp.Evaluate(`[...document.querySelectorAll(".legend label")].find((l) => l.textContent.includes("seconds")).click()`, nil))
	p.Until(`document.querySelectorAll(".charts canvas").length === 4`)
	// A map is read by keyboard.
	p.do(focus(".maps canvas"), keys("ArrowRight"))
	p.Until(`document.getElementById("tip").textContent.includes("‖∂L/∂z‖ = ")`)
	p.Dark(true)
	p.Accessible()
}

// TestReportOnAPhone: it fits, and says the same.
func TestReportOnAPhone(t *testing.T) {
	file, _ := reported(t)
	p := Open(t, "file://"+file, 390)
	p.Until(`document.querySelectorAll("table.runs tbody tr").length === 8`)
	p.Fits()
	p.Accessible()
}

// TestReportInPrint: on paper, charts stand side by side within its width, what can't be used there
// is hidden, and the page has as many sheets as it needs.
func TestReportInPrint(t *testing.T) {
	file, _ := reported(t)
	const paper = 718 // A4 less its margins
	p := Open(t, "file://"+file, paper)
	p.Until(`document.querySelectorAll(".charts canvas").length === 4`)
	p.do(emulation.SetEmulatedMedia().WithMedia("print"))
	p.Until(`document.querySelector(".charts canvas").clientHeight === 210`)
	p.Fits()
	if tops := Eval[[]float64](p, `[...document.querySelector(".charts").children].map((c) => c.getBoundingClientRect().top)`); tops[0] != tops[1] {
		t.Errorf("charts are at %v, want them side by side", tops)
	}
	if wide := Eval[[]string](p, `[...document.querySelectorAll("table, canvas, svg, img")].filter((e) => e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.outerHTML.slice(0, 80))`); len(wide) > 0 {
		t.Errorf("wider than the paper: %q", wide)
	}
	for _, hidden := range []string{"nav", ".controls", "#runtable", ".legend .value"} {
		if Eval[bool](p, `document.querySelector("`+hidden+`").offsetParent !== null`) {
			t.Errorf("%s is on paper", hidden)
		}
	}
	var pdf []byte
	p.do(chromedp.ActionFunc(func(ctx context.Context) (err error) {
		pdf, _, err = page.PrintToPDF().WithPrintBackground(true).Do(ctx)
		return err
	}))
	if sheets := bytes.Count(pdf, []byte("/Type /Page\n")); sheets < 2 || sheets > 8 {
		t.Errorf("%d sheets", sheets)
	}
}

// TestHovering: values appear beside the legend's names, and nothing moves.
func TestHovering(t *testing.T) {
	file, _ := reported(t)
	p := Open(t, "file://"+file, 1280)
	p.Until(`document.querySelectorAll(".charts canvas").length === 4`)
	p.do(chromedp.ScrollIntoView(".charts .u-over", chromedp.ByQuery))
	places := func() []float64 {
		return Eval[[]float64](p, `[...document.querySelectorAll(".legend button, .legend label, .charts canvas")].flatMap((e) => { const b = e.getBoundingClientRect(); return [b.left, b.top, b.width]; })`)
	}
	before := places()
	box := Eval[[]float64](p, `(() => { const b = document.querySelector(".charts .u-over").getBoundingClientRect(); return [b.left, b.top, b.width, b.height]; })()`)
	p.do(input.DispatchMouseEvent(input.MouseMoved, box[0]+box[2]/2, box[1]+box[3]/2))
	p.Until(`document.querySelector(".legend .at").textContent.startsWith("step ")`)
	if after := places(); !slices.Equal(before, after) {
		t.Errorf("the places were %v, are %v", before, after)
	}
}

// TestLargeReport: a study of ten thousand runs; how long its page takes to open is logged.
func TestLargeReport(t *testing.T) {
	_, records := reported(t)
	results := &record.Results{Dir: t.TempDir(), Spec: &record.Plan{Name: "large"}}
	for i := range 10_000 {
		r := *records[i%len(records)]
		r.Config.Seed = uint64(i/len(records) + 1)
		results.Records = append(results.Records, &r)
		results.Spec.Configs = append(results.Spec.Configs, r.Config)
	}
	file := filepath.Join(results.Dir, "report.html")
	begin := time.Now()
	if err := report.Write(results, file); err != nil {
		t.Fatal(err)
	}
	wrote := time.Since(begin)
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	p := Open(t, "file://"+file, 1280)
	p.Until(`document.querySelectorAll("table.runs tbody tr").length === 100`)
	took := Eval[float64](p, `performance.getEntriesByType("navigation")[0].loadEventEnd`)
	t.Logf("10 000 runs: %.1f MB, written in %v, opened in %.0f ms", float64(info.Size())/1e6, wrote.Round(time.Millisecond), took)
	p.Until(`document.querySelector("#runtable [role=status]").textContent.includes("10000 of 10000")`)
	p.do(chromedp.SendKeys("#runfilter", "sigmoid", chromedp.ByQuery))
	p.Until(`document.querySelector("#runtable [role=status]").textContent.includes("5000 of 10000")`)
}
