package cmd

import (
	"fmt"
	"io"
	"sync/atomic"

	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/gradflow/gradflow/internal/texttab"
	"github.com/gradflow/gradflow/models/train"
)

// studyProgress shows the progress of a study. It implements [study.Progress].
type studyProgress struct {
	w                           io.Writer
	shown                       atomic.Pointer[progress] // nil: nothing to do
	updates                     amount
	runs, recorded, damaged     atomic.Int64
	finished, diverged, failing atomic.Int64
}

func newStudyProgress(w io.Writer) *studyProgress { return &studyProgress{w: w} }

// Begin implements study.Progress.
func (p *studyProgress) Begin(t study.Total) {
	p.runs.Store(int64(t.Runs))
	p.recorded.Store(int64(t.Recorded))
	p.damaged.Store(int64(t.Damaged))
	p.updates.all.Store(int64(t.Updates))
	p.updates.before.Store(int64(t.RecordedUpdates))
	if t.Runs == t.Recorded || p.shown.Load() != nil {
		return
	}
	if t.Recorded > 0 {
		fmt.Fprintf(p.w, "%d of %s recorded before: resuming\n", t.Recorded, texttab.Count(t.Runs, "run"))
	}
	if t.Damaged > 0 {
		fmt.Fprintf(p.w, "%s damaged: running again\n", texttab.Count(t.Damaged, "record"))
	}
	p.shown.Store(watch(p.w, &p.updates, p.count))
}

// Updated implements study.Progress.
func (p *studyProgress) Updated(n int) { p.updates.done.Add(int64(n)) }

// Finished implements study.Progress.
func (p *studyProgress) Finished(_ study.Config, r *record.Record, err error) {
	switch {
	case err != nil:
		p.failing.Add(1)
		return
	case r.Summary.Status == train.Diverged:
		p.diverged.Add(1)
	}
	p.finished.Add(1)
}

func (p *studyProgress) count() (done, more string) {
	if n := p.diverged.Load(); n > 0 {
		more += fmt.Sprintf(", %d diverged", n)
	}
	if n := p.failing.Load(); n > 0 {
		more += fmt.Sprintf(", %d failed", n)
	}
	over := p.recorded.Load() + p.finished.Load() + p.failing.Load()
	return fmt.Sprintf("%d/%s", over, texttab.Count(int(p.runs.Load()), "run")), more
}

// end leaves the terminal to later output.
func (p *studyProgress) end() {
	if shown := p.shown.Load(); shown != nil {
		shown.end()
	}
}

// tell summarises what was done.
func (p *studyProgress) tell() string {
	s := texttab.Count(int(p.runs.Load()), "run")
	if n := p.recorded.Load(); n > 0 {
		s += fmt.Sprintf(", %d recorded before", n)
	}
	if n := p.damaged.Load(); n > 0 {
		s += fmt.Sprintf(", %d damaged", n)
	}
	s += fmt.Sprintf(", %d done now", p.finished.Load())
	if n := p.diverged.Load(); n > 0 {
		s += fmt.Sprintf(" (%d diverged)", n)
	}
	if n := p.failing.Load(); n > 0 {
		s += fmt.Sprintf(", %d failed", n)
	}
	return s
}
