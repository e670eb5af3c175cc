package report

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"math"
	"slices"

	"github.com/gradflow/gradflow/bench/probe"
	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/stats"
	"github.com/gradflow/gradflow/catalogue"
)

// What the page's script draws. Curves are thinned out and numbers rounded: the picture
// of a study of hundreds of runs stays below 2 MB.
const (
	curvePoints = 160     // of a curve
	heatColumns = 48      // probed steps of a heat map
	heatCells   = 120_000 // of all heat maps; above, only those of chosen runs are kept
)

// figures is the data of one problem.
type figures struct {
	Label     string   `json:"label"`
	Score     string   `json:"score"`
	Target    Number   `json:"target"`
	LogSteps  bool     `json:"logSteps"`  // setups differ in their budgets, so the axis starts logarithmic
	Quartiles bool     `json:"quartiles"` // bands are from quartile to quartile, else from least to greatest
	Setups    []line   `json:"setups"`
	Steps     []int    `json:"steps"` // of the points of all curves
	Layers    int      `json:"layers"`
	Maps      []scale  `json:"maps"`
	Runs      []heat   `json:"runs"`
	Seeds     []uint64 `json:"seeds"` // that can be chosen; none if only chosen runs were kept
}

// line is a setup's look and its curves.
type line struct {
	Label  string `json:"label"`
	Colour int    `json:"colour"`
	Dash   int    `json:"dash"`
	First  bool   `json:"first"` // shown at first
	Step   Number `json:"step"`  // seconds that one takes with its evaluations, the median run's
	Scores band   `json:"scores"`
	Losses band   `json:"losses"`
}

// band is a curve over seeds.
type band struct {
	Median []Number `json:"median"`
	Lo     []Number `json:"lo"`
	Hi     []Number `json:"hi"`
}

// scale is one of the quantities of heat maps, with the range of its colours.
type scale struct {
	Quantity string  `json:"quantity"`
	Title    string  `json:"title"`
	Kind     string  `json:"kind"` // "log10", "share" or "number"
	Lo       float64 `json:"lo"`
	Hi       float64 `json:"hi"`
	Unit     float64 `json:"unit"` // of the encoded values
}

// heat is a run's layers by steps, a map for each scale: int16 in little-endian order, in
// base64, a row of layers for each step.
type heat struct {
	Setup   int      `json:"setup"`
	Seed    uint64   `json:"seed"`
	Typical bool     `json:"typical"` // the setup's median run
	Steps   []int    `json:"steps"`
	Maps    []string `json:"maps"`
}

// mapped returns the quantities that have heat maps: those of the catalogue that ask for
// one.
func mapped() (list []scale) {
	for _, e := range probe.Catalogue.Entries() {
		m, err := probe.Catalogue.Make(catalogue.Choice{Name: e.Name})
		if err != nil || !m.Map {
			continue
		}
		s := scale{Quantity: e.Name, Title: e.Doc, Kind: m.Unit}
		if m.Unit != "log10" && m.Unit != "share" {
			s.Kind = "number"
		}
		list = append(list, s)
	}
	return list
}

// fit sets the range of a scale's colours, without the outermost values, such as those of
// runs about to diverge, and the unit of the encoding.
func (s *scale) fit(values []float64) {
	largest := 0.
	for _, v := range values {
		largest = max(largest, math.Abs(v))
	}
	lo, hi := stats.Quantile(values, 0.005), stats.Quantile(values, 0.995)
	switch s.Kind {
	case "share":
		s.Lo, s.Hi, s.Unit = 0, 1, 0.0001
	case "log10":
		s.Lo = math.Floor(lo)
		s.Hi, s.Unit = max(math.Ceil(hi), s.Lo+1), 0.01
	default:
		s.Lo, s.Hi, s.Unit = lo, hi, max(largest, math.SmallestNonzeroFloat64)/30000
		if s.Hi <= s.Lo {
			s.Hi = s.Lo + max(math.Abs(s.Lo), 1)
		}
	}
}

// Codes of what is no number on the scale.
const (
	codeMissing = math.MinInt16     // not finite
	codeZero    = math.MinInt16 + 1 // log10 of exactly 0
)

func (p *Problem) figures(styles map[string]style, everything bool) figures {
	f := figures{Label: p.Label, Score: p.Score, Target: Number(p.Config.Target), LogSteps: p.differentBudgets()}
	most := 0
	for _, runs := range p.records {
		most = max(most, len(runs))
	}
	f.Quartiles = most >= 4
	f.Steps = p.curveSteps()
	shown := p.shown()
	for i, s := range p.Setups {
		look := styles[s.Label]
		f.Setups = append(f.Setups, line{
			Label: s.Label, Colour: look.colour, Dash: look.dash, First: slices.Contains(shown, i), Step: secondsOfStep(p.records[i]),
			Scores: f.band(p.records[i], p.worst(), func(m record.Metric) Number {
				if p.Score == "accuracy" {
					return m.ValidationAccuracy
				}
				return m.ValidationLoss
			}),
			Losses: f.band(p.records[i], math.Inf(1), func(m record.Metric) Number { return m.TrainLoss }),
		})
	}
	clip(f.Setups, func(l *line) *band { return &l.Scores })
	clip(f.Setups, func(l *line) *band { return &l.Losses })
	p.maps(&f, everything)
	return f
}

// secondsOfStep is what a step of a setup takes, evaluations included: the median over runs.
func secondsOfStep(runs []*record.Record) Number {
	var seconds []float64
	for _, r := range runs {
		if r.Summary.Steps > 0 && r.Timing.Seconds > 0 {
			seconds = append(seconds, r.Timing.Seconds/float64(r.Summary.Steps))
		}
	}
	return short(stats.Median(seconds))
}

// curveSteps returns the steps at which a run was evaluated, thinned out so that both
// linear and logarithmic axes are served.
func (p *Problem) curveSteps() []int {
	seen := map[int]bool{}
	for _, runs := range p.records {
		for _, r := range runs {
			for _, m := range r.Metrics {
				seen[m.Step] = true
			}
		}
	}
	var steps []int
	for s := range seen {
		steps = append(steps, s)
	}
	slices.Sort(steps)
	return thin(steps, curvePoints)
}

// thin keeps about n of some ascending steps, half of them evenly spaced and half evenly
// on a logarithmic scale, and the first and the last.
func thin(steps []int, n int) []int {
	if len(steps) <= n {
		return steps
	}
	keep := map[int]bool{}
	last := float64(len(steps) - 1)
	for i := range n / 2 {
		t := float64(i) / float64(n/2-1)
		keep[int(math.Round(t*last))] = true
		keep[int(math.Round(math.Pow(last+1, t)-1))] = true
	}
	var kept []int
	for i, s := range steps {
		if keep[i] {
			kept = append(kept, s)
		}
	}
	return kept
}

// band makes a curve of a setup. From where a run diverged on it counts as the worst.
func (f *figures) band(runs []*record.Record, worst float64, value func(record.Metric) Number) band {
	at := make([]map[int]Number, len(runs))
	for i, r := range runs {
		at[i] = map[int]Number{}
		for _, m := range r.Metrics {
			at[i][m.Step] = value(m)
		}
	}
	lo, hi := 0.0, 1.0
	if f.Quartiles {
		lo, hi = 0.25, 0.75
	}
	var b band
	for _, step := range f.Steps {
		var sample []float64
		for i, r := range runs {
			switch v, ok := at[i][step]; {
			case diverged(r) && step > r.Summary.Steps && step <= r.Config.Steps:
				sample = append(sample, worst)
			case ok:
				sample = appendNumber(sample, float64(v))
			}
		}
		b.Median = append(b.Median, short(stats.Median(sample)))
		b.Lo = append(b.Lo, short(stats.Quantile(sample, lo)))
		b.Hi = append(b.Hi, short(stats.Quantile(sample, hi)))
	}
	return b
}

func short(x float64) Number { return Number(rounded(x, 4)) }

// clip moves infinite upper edges of bands to the largest value of the picture. An
// infinite median has no point.
func clip(lines []line, of func(*line) *band) {
	var largest Number
	for i := range lines {
		b := of(&lines[i])
		for _, v := range slices.Concat(b.Median, b.Lo, b.Hi) {
			if !isInf(v) && v > largest {
				largest = v
			}
		}
	}
	for i := range lines {
		b := of(&lines[i])
		for j, v := range b.Hi {
			if isInf(v) && !isInf(b.Lo[j]) {
				b.Hi[j] = largest
			}
		}
	}
}

// maps adds the heat maps: of all runs with probes, or of the typical ones. A quantity that
// no run has has none.
func (p *Problem) maps(f *figures, everything bool) {
	scales := mapped()
	values := make([][]float64, len(scales)) // all that are finite
	zeros := make([]bool, len(scales))       // there are log10 of 0
	var drawn [][][][]float64                // of each run and quantity, layers by step
	for i, runs := range p.records {
		typical := p.typical(i)
		for j, r := range runs {
			if r.Layers == nil || len(r.Layers.Rows) == 0 || !everything && j != typical {
				continue
			}
			layers := len(r.Summary.LayerNames)
			f.Layers = max(f.Layers, layers)
			if everything && !slices.Contains(f.Seeds, r.Config.Seed) {
				f.Seeds = append(f.Seeds, r.Config.Seed)
			}
			h := heat{Setup: i, Seed: r.Config.Seed, Typical: j == typical}
			steps := r.Layers.Steps()
			rows := thin(indices(len(steps)), heatColumns)
			for _, k := range rows {
				h.Steps = append(h.Steps, steps[k])
			}
			matrices := make([][][]float64, len(scales))
			for q, s := range scales {
				matrix := measured(r, probe.Quantity(s.Quantity))
				for _, k := range rows {
					row := slices.Repeat([]float64{math.NaN()}, layers)
					if matrix != nil {
						row = matrix[k]
					}
					matrices[q] = append(matrices[q], row)
					for _, v := range row {
						if v-v == 0 {
							values[q] = append(values[q], v)
						}
						zeros[q] = zeros[q] || math.IsInf(v, -1)
					}
				}
			}
			drawn = append(drawn, matrices)
			f.Runs = append(f.Runs, h)
		}
	}
	slices.Sort(f.Seeds)
	for q := range scales {
		s := scales[q]
		if len(values[q]) == 0 && !zeros[q] {
			continue
		}
		if len(values[q]) == 0 {
			values[q] = []float64{0}
		}
		s.fit(values[q])
		f.Maps = append(f.Maps, s)
		for i := range f.Runs {
			var cells []byte
			for _, row := range drawn[i][q] {
				for _, v := range row {
					cells = binary.LittleEndian.AppendUint16(cells, uint16(encode(v, s.Unit)))
				}
			}
			f.Runs[i].Maps = append(f.Runs[i].Maps, base64.StdEncoding.EncodeToString(cells))
		}
	}
}

func indices(n int) []int {
	x := make([]int, n)
	for i := range x {
		x[i] = i
	}
	return x
}

func encode(v, unit float64) int16 {
	switch {
	case math.IsInf(v, -1):
		return codeZero
	case math.IsNaN(v) || math.IsInf(v, 1):
		return codeMissing
	}
	return int16(max(codeZero+1, min(math.MaxInt16, math.Round(v/unit))))
}

// typical returns which run of a setup has the median score; among equal scores the
// steps to the target decide.
func (p *Problem) typical(setup int) int {
	runs, s := p.records[setup], p.Setups[setup]
	order := indices(len(runs))
	slices.SortStableFunc(order, func(i, j int) int {
		a, b := runs[i].Summary.StepsToTarget, runs[j].Summary.StepsToTarget
		byScore := cmp.Compare(s.Scores[i], s.Scores[j])
		if !p.higher() {
			byScore = -byScore
		}
		// NaN, the target not reached, is what Compare takes for the least.
		return cmp.Or(byScore, cmp.Compare(-b, -a))
	})
	return order[len(order)/2]
}

// cells is the number of those in the heat maps of all runs.
func cells(records []*record.Record) int {
	n, maps := 0, len(mapped())
	for _, r := range records {
		if r.Layers != nil {
			n += len(r.Layers.Rows) * maps
		}
	}
	return n
}

// style is how a setup is drawn, in all pictures of the page alike.
type style struct{ colour, dash int }

// shown returns the setups that pictures show at first: as many as there are colours. Of
// things that are not optimizers these are the best ones and the baseline.
func (p *Problem) shown() []int {
	leaders := p.leaders()
	if p.what == "optimizer" || len(leaders) <= colours {
		return leaders
	}
	var shown []int
	room := colours - 1
	for _, i := range leaders {
		if p.Setups[i].first {
			shown = append(shown, i)
		} else if room > 0 {
			shown, room = append(shown, i), room-1
		}
	}
	return shown
}

// styles gives each optimizer's name a colour and the setups of one name different dashes.
// Other things that are compared have colours in the order of the comparison, the baseline
// the first one, so that those shown at first differ in colour.
func styles(r *Ranking) map[string]style {
	looks := map[string]style{}
	problems := r.Problems
	if c := r.Comparison; c != nil && len(problems) > 0 && problems[0].what != "optimizer" {
		next := 1
		for _, t := range c.Things {
			if t.Label == c.Baseline {
				looks[t.Label] = style{}
				continue
			}
			looks[t.Label] = style{next % colours, next / colours}
			next++
		}
	}
	var names []string
	variants := map[string]int{}
	for _, p := range problems {
		setups := slices.SortedFunc(slices.Values(p.Setups), func(a, b Setup) int { return a.listed - b.listed })
		for _, s := range setups {
			if _, ok := looks[s.Label]; ok {
				continue
			}
			name := s.family()
			i := slices.Index(names, name)
			if i < 0 {
				i = len(names)
				names = append(names, name)
			}
			looks[s.Label] = style{i, variants[name] + i/colours}
			variants[name]++
		}
	}
	return looks
}

// colours is the number of colours in page.css.
const colours = 7
