package serve

import (
	"cmp"
	"context"
	"fmt"

	"math"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/gradflow/gradflow/bench/compare"
	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/stats"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/gradflow/gradflow/models/train"
)

// watched is a study that is looked at.
type watched struct {
	found

	mu       sync.Mutex
	records  map[string]*kept // by the name of the run's directory
	layout   *plan
	layoutOf string // the mark of the study file that the layout is of
	state    *state
	mark     string // of what the state is of
	checked  time.Time
	took     time.Duration // to look
	version  int
}

// kept is a record that has been read, without its layers.
type kept struct {
	mark   string // of its files
	record *record.Record
	err    error
}

// plan says where the runs of a study stand.
type plan struct {
	things, facets []string
	target         []record.Number   // by facet
	place          map[string][2]int // thing and facet, by a run's hash
	planned        map[[2]int]int
}

// state is what the page is told.
type state struct {
	Version  int     `json:"version"`
	Name     string  `json:"name"`
	About    string  `json:"about,omitempty"`
	Phase    string  `json:"phase"` // running, paused, complete or gone
	Sentence string  `json:"sentence"`
	Share    float64 `json:"share"` // of the updates, or of the runs, that are done
	Left     string  `json:"left,omitempty"`
	Recorded int     `json:"recorded"`
	Planned  int     `json:"planned"`
	Diverged int     `json:"diverged"`
	Damaged  int     `json:"damaged"`
	Failed   int     `json:"failed"`

	Score    string    `json:"score"` // accuracy or loss, of the validation part
	Running  []running `json:"running"`
	Facets   []facet   `json:"facets"`
	Failures []failure `json:"failures"`
	Warnings []string  `json:"warnings"`
	Hidden   string    `json:"hidden,omitempty"` // what is left out of a large study
}

type running struct {
	Label string        `json:"label"`
	Seed  uint64        `json:"seed"`
	Step  int           `json:"step"`
	Steps int           `json:"steps"`
	Score record.Number `json:"score"`
}

type facet struct {
	Label  string        `json:"label"`
	Best   string        `json:"best"`
	Target record.Number `json:"target"`
	Lines  []line        `json:"lines"` // best first
}

// line is a thing in a facet: its runs so far, and the median of their validation scores.
type line struct {
	Label    string          `json:"label"`
	Colour   int             `json:"colour"`
	Done     int             `json:"done"`
	Planned  int             `json:"planned"`
	Diverged int             `json:"diverged"`
	Running  int             `json:"running"`
	Median   record.Number   `json:"median"` // of the runs that ended
	Steps    []int           `json:"steps"`
	Scores   []record.Number `json:"scores"`
}

type failure struct {
	Label  string `json:"label"`
	Seed   uint64 `json:"seed"`
	Reason string `json:"reason"`
}

// What the page is told of, at most.
const (
	mostLines, mostFacets    = 40, 12
	mostPoints, mostFailures = 80, 20
	// recheck is how often records are looked at again that seem to be as they were.
	recheck = 5 * time.Second
)

func (s *Server) study(w http.ResponseWriter, r *http.Request) {
	at := s.find(r.PathValue("id"))
	if at == nil {
		s.notFound(w, "There is no such study: it may have been deleted.")
		return
	}
	s.page(w, "study.html", at.found.page())
}

func (f found) page() any { return struct{ ID, Name, Dir string }{f.id, f.name, f.dir} }

func (s *Server) studyEvents(w http.ResponseWriter, r *http.Request) {
	at := s.find(r.PathValue("id"))
	if at == nil {
		http.Error(w, "no such study", http.StatusNotFound)
		return
	}
	s.stream(w, r, func() (any, string) {
		now := at.now(r.Context())
		return now, fmt.Sprint(now.Version)
	})
}

// markOf changes when a file does.
func markOf(paths ...string) (mark string) {
	for _, path := range paths {
		if info, err := os.Lstat(path); err == nil {
			mark += fmt.Sprint(info.ModTime().UnixNano(), " ", info.Size(), ";")
		} else {
			mark += "-;"
		}
	}
	return mark
}

// now returns the state; the same one while nothing changes.
func (w *watched) now(ctx context.Context) *state {
	w.mu.Lock()
	defer w.mu.Unlock()
	at := func(name string) string { return filepath.Join(w.dir, name) }
	// Of a large study it is not looked all the time: that is for the runs.
	if w.state != nil && time.Since(w.checked) < 10*w.took {
		return w.state
	}
	begin := time.Now()
	mark := markOf(at("runs"), at("study.yaml"), at("live.json"))
	if live, _ := record.ReadLive(w.dir); live == nil { // so old that its process has ended
		mark += "ended"
	}
	if w.state != nil && mark == w.mark && time.Since(w.checked) < recheck {
		return w.state
	}
	next := w.look(ctx)
	if ctx.Err() != nil && w.state != nil {
		return w.state
	}
	if before := w.state; before != nil {
		next.Version = before.Version
		if fmt.Sprintf("%+v", *before) == fmt.Sprintf("%+v", *next) {
			next = before
		}
	}
	if next != w.state {
		w.version++
		next.Version = w.version
	}
	w.state, w.mark, w.checked, w.took = next, mark, time.Now(), time.Since(begin)
	return next
}

// read is readDirect that remembers.
func (w *watched) read(dir string) (*record.Record, error) {
	mark := ""
	entries, err := os.ReadDir(dir)
	if err == nil {
		for _, e := range entries {
			if info, err := e.Info(); err == nil {
				mark += fmt.Sprint(e.Name(), info.Size(), " ", info.ModTime().UnixNano(), ";")
			}
		}
	}
	run := filepath.Base(dir)
	if k := w.records[run]; k != nil && k.mark == mark && mark != "" {
		return k.record, k.err
	}
	r, err := readDirect(dir)
	if r != nil {
		r.Layers, r.Learned = nil, nil
	}
	w.records[run] = &kept{mark, r, err}
	return r, err
}

// look reads the study.
func (w *watched) look(ctx context.Context) *state {
	s := &state{Name: w.name, Running: []running{}, Facets: []facet{}, Failures: []failure{}, Warnings: []string{}}
	if _, err := os.Stat(filepath.Join(w.dir, "runs")); err != nil {
		s.Phase, s.Sentence = "gone", "The study is no longer there: its directory was deleted or moved."
		clear(w.records)
		return s
	}
	if err := w.refuseLinks(); err != nil {
		s.Phase, s.Sentence = "gone", err.Error()
		return s
	}
	live, err := record.ReadLive(w.dir)
	if err != nil {
		s.Warnings = append(s.Warnings, err.Error())
	}
	results, err := study.OpenWith(ctx, w.dir, w.read)
	if err != nil { // no run yet
		results = &record.Results{Dir: w.dir}
		if live == nil {
			s.Warnings = append(s.Warnings, err.Error())
		}
	}
	if results.Spec != nil {
		s.Name, s.About = cmp.Or(results.Spec.Name, s.Name), results.Spec.About
	}
	s.Warnings = append(s.Warnings, results.Warnings...)
	s.Recorded, s.Damaged = len(results.Records), len(results.Damaged)
	all := slices.Clone(results.Records)
	s.Planned = s.Recorded + s.Damaged
	if p := results.Spec; p != nil {
		s.Planned = len(p.Configs)
		if t := results.Tuning; t != nil {
			s.Planned, s.Recorded = t.Planned, s.Recorded+len(results.Tuned)
		}
	}
	inProgress := map[string]record.LiveRun{}
	if live != nil {
		s.Planned, s.Failed = live.Runs, live.Failed
		s.Left = ""
		if left := live.Left(); left > 0 {
			s.Left = duration(left)
		}
		for _, text := range live.Errors {
			s.Failures = append(s.Failures, failure{Label: "a run failed", Reason: text})
		}
		recorded := map[string]bool{}
		for _, r := range slices.Concat(results.Records, results.Tuned) {
			recorded[r.Hash] = true
		}
		for _, run := range live.Running {
			if recorded[run.Run] { // since that was said
				continue
			}
			inProgress[run.Run] = run
			all = append(all, &record.Record{Hash: run.Run, Config: run.Config, Metrics: run.Metrics})
		}
	}
	switch {
	case live != nil:
		s.Phase, s.Share, s.Sentence = "running", share(live), progressOf(live)
	case s.Planned > 0 && s.Recorded >= s.Planned:
		s.Phase, s.Share, s.Sentence = "complete", 1, fmt.Sprintf("Complete: all %d runs are recorded.", s.Planned)
	default:
		s.Phase, s.Share = "paused", float64(s.Recorded)/float64(max(1, s.Planned))
		s.Sentence = fmt.Sprintf("Not running: %d of %d runs are recorded. Run the study to resume.", s.Recorded, s.Planned)
	}
	w.fill(s, results, all, inProgress)
	return s
}

// lay works out where runs stand: of all that are planned, and of those that are there.
func (w *watched) lay(results *record.Results, all []*record.Record) *plan {
	o := compare.Of(results)
	var runs []*record.Record
	seen := map[string]bool{}
	add := func(c record.Config, hash string) {
		if !seen[hash] {
			seen[hash] = true
			runs = append(runs, &record.Record{Hash: hash, Config: c})
		}
	}
	for _, c := range o.Planned {
		add(c, c.Hash())
	}
	if results.Spec == nil {
		for _, r := range all {
			add(r.Config, r.Hash)
		}
	}
	mark := fmt.Sprint(markOf(filepath.Join(w.dir, "study.yaml")), len(runs))
	if results.Tuning != nil { // things are named by what was chosen, as it becomes known
		mark += fmt.Sprint(results.Tuning.Cost)
	}
	if w.layout != nil && w.layoutOf == mark {
		return w.layout
	}
	p := &plan{place: map[string][2]int{}, planned: map[[2]int]int{}}
	if c, err := compare.Runs(runs, o); err == nil {
		for _, f := range c.Facets {
			p.facets, p.target = append(p.facets, f.Label), append(p.target, f.Target)
		}
		order := map[string]int{}
		for i, r := range runs {
			order[r.Hash] = i
		}
		slices.SortStableFunc(c.Things, func(a, b compare.Thing) int { return cmp.Compare(earliest(a, order), earliest(b, order)) })
		for t, thing := range c.Things {
			p.things = append(p.things, thing.Label)
			for f := range thing.Cells {
				for _, r := range thing.Cells[f].Records() {
					p.place[r.Hash] = [2]int{t, f}
					p.planned[[2]int{t, f}]++
				}
			}
		}
	}
	w.layout, w.layoutOf = p, mark
	return p
}

func earliest(t compare.Thing, order map[string]int) int {
	first := math.MaxInt
	for f := range t.Cells {
		for _, r := range t.Cells[f].Records() {
			first = min(first, order[r.Hash])
		}
	}
	return first
}

// fill adds what is known of the runs.
func (w *watched) fill(s *state, results *record.Results, all []*record.Record, inProgress map[string]record.LiveRun) {
	p := w.lay(results, all)
	s.Score = "loss"
	for _, r := range all {
		for _, m := range r.Metrics {
			if !m.ValidationAccuracy.IsNaN() {
				s.Score = "accuracy"
			}
		}
	}
	score := func(m record.Metric) record.Number {
		if s.Score == "accuracy" {
			return m.ValidationAccuracy
		}
		return m.ValidationLoss
	}
	label := func(r *record.Record) string {
		at, ok := p.place[r.Hash]
		switch {
		case !ok:
			return "chooses settings: " + r.Config.Optimizer.String()
		case p.facets[at[1]] == "":
			return p.things[at[0]]
		}
		return p.things[at[0]] + ", " + p.facets[at[1]]
	}
	cells := map[[2]int][]*record.Record{}
	for _, r := range all {
		at, ok := p.place[r.Hash]
		if ok {
			cells[at] = append(cells[at], r)
		}
		if run, now := inProgress[r.Hash]; now {
			last := record.Number(math.NaN())
			if n := len(r.Metrics); n > 0 {
				last = score(r.Metrics[n-1])
			}
			s.Running = append(s.Running, running{label(r), r.Config.Seed, run.Step, r.Config.Steps, last})
			continue
		}
		if r.Summary.Status == train.Diverged {
			s.Diverged++
			if len(s.Failures) < mostFailures {
				s.Failures = append(s.Failures, failure{label(r), r.Config.Seed, fmt.Sprintf("diverged after %d steps: %s", r.Summary.Steps, r.Summary.Reason)})
			}
		}
	}
	for f := range p.facets[:min(mostFacets, len(p.facets))] {
		out := facet{Label: p.facets[f], Target: p.target[f], Lines: []line{}}
		for t, thing := range p.things {
			at := [2]int{t, f}
			if p.planned[at] == 0 && len(cells[at]) == 0 {
				continue
			}
			l := line{Label: thing, Colour: t, Planned: p.planned[at], Median: record.Number(math.NaN())}
			var ended []float64
			for _, r := range cells[at] {
				if _, now := inProgress[r.Hash]; now {
					l.Running++
					continue
				}
				l.Done++
				v := float64(score(r.Summary.Final))
				if r.Summary.Status == train.Diverged {
					l.Diverged++
					v = worst(s.Score)
				}
				if !math.IsNaN(v) {
					ended = append(ended, v)
				}
			}
			if len(ended) > 0 {
				l.Median = record.Number(stats.Median(ended))
			}
			l.Steps, l.Scores = curve(cells[at], score, worst(s.Score))
			out.Lines = append(out.Lines, l)
		}
		slices.SortStableFunc(out.Lines, func(a, b line) int { return cmp.Compare(rank(a, s.Score), rank(b, s.Score)) })
		if len(out.Lines) > 0 && out.Lines[0].Done > 0 && !out.Lines[0].Median.IsNaN() {
			best := out.Lines[0]
			out.Best = fmt.Sprintf("Best so far: %s, median validation %s %.3g of %d of %d runs", best.Label, s.Score, float64(best.Median), best.Done, best.Planned)
		}
		if n := len(out.Lines); n > mostLines {
			out.Lines, s.Hidden = out.Lines[:mostLines], fmt.Sprintf("The best %d of %d are shown; the report has all.", mostLines, n)
		}
		s.Facets = append(s.Facets, out)
	}
	if n := len(p.facets); n > mostFacets {
		s.Hidden += fmt.Sprintf(" The first %d of %d facets are shown.", mostFacets, n)
	}
}

// worst is the score of a diverged run.
func worst(score string) float64 {
	if score == "accuracy" {
		return 0
	}
	return math.Inf(1)
}

// rank orders lines, the best first, those without a score last.
func rank(l line, score string) float64 {
	switch v := float64(l.Median); {
	case v != v:
		return math.Inf(1)
	case score == "accuracy":
		return -v
	default:
		return v
	}
}

// curve is the median over runs at each evaluated step; a diverged run is the worst from then
// on. Runs in progress count as far as they are.
func curve(runs []*record.Record, score func(record.Metric) record.Number, worst float64) (steps []int, medians []record.Number) {
	samples := map[int][]float64{}
	for _, r := range runs {
		for _, m := range r.Metrics {
			if v := float64(score(m)); v == v {
				samples[m.Step] = append(samples[m.Step], v)
			}
		}
	}
	for step := range samples {
		steps = append(steps, step)
	}
	slices.Sort(steps)
	if n := len(steps); n > mostPoints {
		var thin []int
		for i := range mostPoints {
			thin = append(thin, steps[i*(n-1)/(mostPoints-1)])
		}
		steps = thin
	}
	for _, step := range steps {
		sample := samples[step]
		for _, r := range runs {
			if r.Summary.Status == train.Diverged && step > r.Summary.Steps {
				sample = append(sample, worst)
			}
		}
		medians = append(medians, record.Number(stats.Median(sample)))
	}
	return steps, medians
}
