package cmd

import (
	"encoding/json"
	"io"
	"sync"

	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/study"
)

// eventProgress prints what happens in a study as JSON lines, for scripts. It implements
// [study.Progress].
type eventProgress struct {
	study.Progress // shows it to people, too
	mu             sync.Mutex
	w              io.Writer
	study          string
}

// beginEvent comes before the first run, and again when a study that tunes has more to do.
type beginEvent struct {
	Event    string `json:"event"` // begin
	Study    string `json:"study"`
	Runs     int    `json:"runs"`
	Tuning   int    `json:"tuning"` // of those, that choose settings
	Recorded int    `json:"recorded"`
	Damaged  int    `json:"damaged"`
	Updates  int    `json:"updates"`
}

// runEvent comes when a run has ended.
type runEvent struct {
	Event         string         `json:"event"` // run
	Run           string         `json:"run"`
	Config        study.Config   `json:"config"`
	Status        string         `json:"status"` // done, diverged or failed
	Error         string         `json:"error,omitempty"`
	TestAccuracy  *record.Number `json:"test_accuracy,omitempty"`
	TestLoss      *record.Number `json:"test_loss,omitempty"`
	StepsToTarget *record.Number `json:"steps_to_target,omitempty"`
	Seconds       float64        `json:"seconds,omitempty"`
}

// endEvent comes last.
type endEvent struct {
	Event       string `json:"event"` // end
	Study       string `json:"study"`
	Runs        int    `json:"runs"`
	Recorded    int    `json:"recorded"` // before
	Finished    int    `json:"finished"` // now
	Diverged    int    `json:"diverged"`
	Failed      int    `json:"failed"`
	Waiting     int    `json:"waiting"` // for runs of other shards
	Interrupted bool   `json:"interrupted"`
	Error       string `json:"error,omitempty"`
}

func (p *eventProgress) write(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	// A reader that has gone is no reason to lose what is measured.
	_ = json.NewEncoder(p.w).Encode(event)
}

// Begin implements study.Progress.
func (p *eventProgress) Begin(t study.Total) {
	p.Progress.Begin(t)
	p.write(beginEvent{"begin", p.study, t.Runs, t.Tuning, t.Recorded, t.Damaged, t.Updates})
}

// Finished implements study.Progress.
func (p *eventProgress) Finished(c study.Config, r *record.Record, err error) {
	p.Progress.Finished(c, r, err)
	e := runEvent{Event: "run", Run: c.Hash(), Config: c, Status: "failed"}
	if err != nil {
		e.Error = message(err)
	} else {
		s := &r.Summary
		e.Status, e.TestAccuracy, e.TestLoss, e.StepsToTarget, e.Seconds = string(s.Status), &s.TestAccuracy, &s.TestLoss, &s.StepsToTarget, r.Timing.Seconds
	}
	p.write(e)
}

func (p *eventProgress) end(o study.Outcome, err error) {
	e := endEvent{Event: "end", Study: p.study, Runs: o.Runs, Recorded: o.Recorded, Finished: o.Finished, Diverged: o.Diverged,
		Failed: o.Failed, Waiting: o.Waiting, Interrupted: o.Interrupted}
	if err != nil {
		e.Error = message(err)
	}
	p.write(e)
}
