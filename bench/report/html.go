package report

import (
	"bytes"
	_ "embed" // for the page's parts
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gradflow/gradflow/bench/compare"
	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/internal/atomicfile"
	"github.com/gradflow/gradflow/internal/draw"
	"github.com/pkg/errors"
)

// uPlot 1.6.32 (npm pack uplot@1.6.32), by Leon Sorokin, draws the curves; its licence is
// in assets/uPlot.LICENSE and in the page.
var (
	//go:embed assets/uPlot.iife.min.js
	uPlotScript string
	//go:embed assets/uPlot.min.css
	uPlotStyle string
	//go:embed assets/uPlot.LICENSE
	uPlotLicence string
	//go:embed assets/page.html
	pageTemplate string
	//go:embed assets/page.css
	pageStyle string
	//go:embed assets/heat.js
	heatScript string
	//go:embed assets/page.js
	pageScript string
)

var pageLayout = template.Must(template.New("page").Parse(pageTemplate))

// FileName is that of the page in a study's directory.
const FileName = "report.html"

// Write writes the page into a file, whole or not at all.
func Write(results *record.Results, path string) error {
	var b bytes.Buffer
	if err := WriteHTML(results, &b); err != nil {
		return err
	}
	return errors.Wrap(atomicfile.Write(path, b.Bytes()), "report")
}

// StressName is the name of the picture of the optimizers' unit tests, which `gradflow
// stress --plot` draws: put into a study's directory, it becomes a part of the report.
const StressName = "stress.svg"

// WriteHTML writes a page that needs no other file and no network: the findings, the
// ranking, curves, heat maps, and what was run where.
func WriteHTML(results *record.Results, w io.Writer) error {
	return errors.Wrap(pageLayout.Execute(w, newPage(results)), "report")
}

// page is what the template shows.
type page struct {
	Ranking  *Ranking
	Answer   *answer  // nil if there is nothing to compare
	Signals  *signals // nil too if nothing was probed
	Tuned    *tuned   // nil if nothing was tuned
	Few      bool     // problems: they are open
	Title    string
	Size     string
	Problems []pageProblem
	Shared   []row      // of the configuration, what all runs have in common
	Settings []row      // of each setup
	What     string     // the setups are
	Failures [][]string // diverged runs: problem, setup, seed, step, layer, reason
	Machines [][]row
	Kept     string // which heat maps are in the page, if not all
	Figures  []figures
	Runs     *runTable
	Again    again
	Warnings []string // those that the comparison does not have

	Pictures []pagePicture

	Stress template.URL // the picture of gradflow stress, "" if there is none

	Style, UPlotStyle   template.CSS
	Script, UPlotScript template.JS
	Licence             string
}

type row struct{ Name, Value string }

// pagePicture is one of the figures that gradflow report draws as files.
type pagePicture struct {
	Kind, Doc string
	URL       template.URL
}

// pagePictures are the kinds of figures that the page shows as pictures: it draws the others
// itself.
var pagePictures = []string{"depth", "performance", "ranks"}

func pictures(c *compare.Comparison) (list []pagePicture) {
	for _, k := range FigureKinds {
		if !slices.Contains(pagePictures, k.Name) {
			continue
		}
		f, err := NewFigure(c, k.Name)
		if err != nil {
			continue // the study has none
		}
		svg, err := draw.Encode(f, "svg")
		if err != nil {
			continue
		}
		list = append(list, pagePicture{k.Name, strings.ToUpper(k.Doc[:1]) + k.Doc[1:],
			template.URL("data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString(svg))})
	}
	return list
}

type pageProblem struct {
	*Problem
	Rows    []pageSetup
	Budgets bool // differ
	Probes  bool
	Curves  bool
	Several bool // setups are tested
	Target  string
	What    string // the setups are
}

type pageSetup struct {
	Setup
	Detail  string // what the label doesn't say
	Colour  int
	Dash    bool
	Strip   template.HTML // of the scores
	Score   string
	Range   string
	Last    string
	Steps   string
	Between string
	Speed   string
	First   string
	End     string
	Moved   string
	Words   string // of the comparison with the baseline
	Value   string
}

func newPage(results *record.Results) *page {
	r := Rank(results)
	d := &page{
		Ranking: r, Answer: newAnswer(r.Comparison), Signals: newSignals(r.Comparison), Tuned: newTuned(results.Tuning), Pictures: pictures(r.Comparison), Runs: newRunTable(r), Again: newAgain(results, r), Few: len(r.Problems) <= fewProblems, Title: r.Study, Size: r.size(),
		Style: template.CSS(pageStyle), UPlotStyle: template.CSS(uPlotStyle),
		Script: template.JS(heatScript + pageScript), UPlotScript: template.JS(uPlotScript), Licence: uPlotLicence,
	}
	if picture, err := os.ReadFile(filepath.Join(results.Dir, StressName)); err == nil {
		d.Stress = template.URL("data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString(picture))
	}
	everything := cells(results.Records) <= heatCells
	if !everything {
		d.Kept = "The study is large: the heat maps are those of each setup's median run."
	}
	looks := styles(r)
	for i := range r.Problems {
		p := &r.Problems[i]
		f := p.figures(looks, everything)
		d.Figures = append(d.Figures, f)
		d.Problems = append(d.Problems, newPageProblem(p, f, looks))
	}
	d.Warnings = r.ownWarnings()
	d.Shared = shared(results.Records)
	d.What = "optimizer"
	if len(r.Problems) > 0 {
		d.What = r.Problems[0].what
	}
	d.Settings = settings(r)
	d.Failures = failures(r)
	for _, e := range environments(results.Records) {
		d.Machines = append(d.Machines, []row{
			{"CPU", e.CPU}, {"vector kernels", e.Kernel}, {"platform", e.Platform}, {"Go", e.Go},
			{"gradflow", e.Gradflow}, {"Gorgonia", e.Gorgonia}, {"tensor", e.Tensor},
		})
	}
	return d
}

func newPageProblem(p *Problem, f figures, looks map[string]style) pageProblem {
	d := pageProblem{Problem: p, Budgets: p.differentBudgets(), Probes: len(f.Runs) > 0, Curves: len(f.Steps) > 0,
		Several: p.tested(), Target: number(p.Config.Target), What: p.what}
	place := p.stripScale()
	for _, s := range p.Setups {
		look, detail := looks[s.Label], s.Detail
		words, value := p.verdict(s)
		if strings.Contains(s.Label, detail) {
			detail = ""
		}
		d.Rows = append(d.Rows, pageSetup{
			Setup: s, Detail: detail, Colour: look.colour % colours, Dash: look.dash > 0,
			Strip: p.strip(s, place), Score: p.score(s.Score.Median), Range: p.scoreInterval(s.Score),
			Last: p.score(s.Last.Median), Steps: s.stepsMedian(), Between: s.stepsInterval(), Speed: s.speed(),
			First: decimals(s.DecadesFirst), End: decimals(s.DecadesLast), Moved: decimals(s.Movement),
			Words: words, Value: value,
		})
	}
	return d
}

const stripWidth = 96

// stripScale returns where a score stands in the strips of a problem: an accuracy from 0
// to 1, a loss on a logarithmic scale, an infinite one at the right edge.
func (p *Problem) stripScale() func(Number) float64 {
	const margin = 4
	at := func(t float64) float64 { return margin + (stripWidth-2*margin)*max(0, min(1, t)) }
	if p.higher() {
		return func(s Number) float64 { return at(float64(s)) }
	}
	lo, hi := math.Inf(1), 0.0
	for _, s := range p.Setups {
		for _, v := range append(slices.Clone(s.Scores), Number(p.Config.Target)) {
			if v > 0 && !isInf(v) {
				lo, hi = min(lo, float64(v)), max(hi, float64(v))
			}
		}
	}
	return func(s Number) float64 {
		if hi <= lo || s <= 0 {
			return at(0)
		}
		if isInf(s) {
			return at(1)
		}
		return at(0.9 * math.Log(float64(s)/lo) / math.Log(hi/lo))
	}
}

// strip draws the score of each seed as a point, and the target as a line.
func (p *Problem) strip(s Setup, place func(Number) float64) template.HTML {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="strip" viewBox="0 0 %[1]d 18" width="%[1]d" height="18" role="img" aria-label="%[2]s of each seed">`, stripWidth, template.HTMLEscapeString(p.Score))
	fmt.Fprintf(&b, `<line class="rail" x1="4" x2="%d" y1="9" y2="9"/>`, stripWidth-4)
	fmt.Fprintf(&b, `<line class="goal" x1="%[1]s" x2="%[1]s" y1="1" y2="17"/>`, number(place(Number(p.Config.Target))))
	for i, v := range s.Scores {
		if !v.IsNaN() {
			fmt.Fprintf(&b, `<circle cx="%s" cy="9" r="3.5"><title>seed %d: %s</title></circle>`, number(place(v)), s.Seeds[i], p.score(v))
		}
	}
	b.WriteString("</svg>")
	return template.HTML(b.String()) // numbers and escaped text only
}

// shared returns the parts of the configuration that all runs have in common.
func shared(records []*record.Record) []row {
	var configs []record.Config
	for _, r := range records {
		configs = append(configs, r.Config)
	}
	var rows []row
	for _, a := range facets() {
		if len(configs) > 0 && !differs(a, configs) {
			text := fmt.Sprint(a.Value(configs[0]))
			if a.Label != nil {
				text = strings.TrimPrefix(a.Label(configs[0]), a.Key+" ")
			}
			rows = append(rows, row{a.Key, text})
		}
	}
	var seeds []uint64
	for _, c := range configs {
		if !slices.Contains(seeds, c.Seed) {
			seeds = append(seeds, c.Seed)
		}
	}
	slices.Sort(seeds)
	return append(rows, row{"seeds", strings.Trim(fmt.Sprint(seeds), "[]")})
}

// settings returns all settings of each setup, with the problems it had them on where they
// differ: those of its optimizer and, where other things are compared, the other parts in
// which it differs from the baseline, of which all are told that anything differs in.
func settings(r *Ranking) []row {
	var rows []row
	used := map[string]map[string][]string{} // of a label: settings to problems
	var order [][2]string
	for _, p := range r.Problems {
		setups := slices.SortedFunc(slices.Values(p.Setups), func(a, b Setup) int { return a.listed - b.listed })
		for _, s := range setups {
			text := p.settings(r, s)
			if used[s.Label] == nil {
				used[s.Label] = map[string][]string{}
			}
			if used[s.Label][text] == nil {
				order = append(order, [2]string{s.Label, text})
			}
			used[s.Label][text] = append(used[s.Label][text], p.Label)
		}
	}
	slices.SortStableFunc(order, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	previous := ""
	for _, o := range order {
		value := o[1]
		if len(used[o[0]]) > 1 {
			value += " – on " + strings.Join(used[o[0]][o[1]], "; ")
		}
		name := o[0]
		if name == previous {
			name = ""
		}
		previous = o[0]
		rows = append(rows, row{name, value})
	}
	return rows
}

// settings returns those of one setup.
func (p *Problem) settings(r *Ranking, s Setup) string {
	spaced := func(c catalogue.Choice) string { return strings.ReplaceAll(c.String(), ",", ", ") }
	if p.what == "optimizer" {
		text := strings.TrimPrefix(spaced(s.Optimizer), s.Optimizer.Name)
		if text = strings.Trim(text, "()"); text == "" {
			text = "no settings"
		}
		return text
	}
	own := p.records[s.Rank-1][0].Config
	var bases []record.Config // of the baseline on each problem
	base := own
	for i := range r.Problems {
		for k, o := range r.Problems[i].Setups {
			if o.first {
				bases = append(bases, r.Problems[i].records[k][0].Config)
				if r.Problems[i].Label == p.Label {
					base = bases[len(bases)-1]
				}
			}
		}
	}
	var parts []string
	for _, a := range study.Axes {
		switch {
		case !slices.ContainsFunc(r.Problems, func(p Problem) bool { return p.varies(a) }):
			continue
		case s.first && differs(a, bases): // the problem's label has it
			continue
		case !s.first && a.Key != "optimizer" && !differs(a, []record.Config{base, own}):
			continue
		}
		switch v := a.Value(own).(type) {
		case catalogue.Choice:
			parts = append(parts, a.Key+" "+spaced(v))
		default:
			parts = append(parts, fmt.Sprintf("%s %v", a.Key, v))
		}
	}
	return strings.Join(parts, "; ")
}

// varies reports whether the setups differ in an axis.
func (p *Problem) varies(a study.Axis) bool {
	var configs []record.Config
	for _, runs := range p.records {
		configs = append(configs, runs[0].Config)
	}
	return len(configs) > 0 && differs(a, configs)
}

func failures(r *Ranking) [][]string {
	var rows [][]string
	for _, p := range r.Problems {
		for i, s := range p.Setups {
			for _, record := range p.records[i] {
				if diverged(record) {
					sum := record.Summary
					rows = append(rows, []string{p.Label, s.Label, fmt.Sprint(record.Config.Seed), fmt.Sprint(sum.Steps), sum.Layer, sum.Reason})
				}
			}
		}
	}
	return rows
}
