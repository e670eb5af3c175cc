package study

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/gradflow/gradflow/bench/probe"
	"github.com/gradflow/gradflow/bench/record"
)

// Watch is told of a run while it is made, by the goroutine that makes it; what is nil is not
// called. It does not change the run.
type Watch struct {
	Updated func(updates int)                      // done since the last call
	Scored  func(record.Metric)                    // at each evaluation
	Probed  func(layers []string, s *probe.Sample) // the names of the layers, and what was measured of them
}

// ExecuteWatched is [Execute] with a watch.
func ExecuteWatched(ctx context.Context, c Config, w Watch) (*record.Record, error) {
	return catalogues().execute(ctx, c, 1, nil, w)
}

// tell calls the watch with what is new.
func (e *execution) tell() {
	if p := e.Probe(); p != nil && e.watch.Probed != nil {
		for ; e.probed < len(p.Samples); e.probed++ {
			e.watch.Probed(p.Layers, &p.Samples[e.probed])
		}
	}
}

// live is what is told of a study in progress to other processes.
type live struct {
	mu      sync.Mutex
	state   record.Live
	running map[string]*record.LiveRun
	order   []string // hashes of those
}

// livePoints is how many evaluations of a run in progress are told, at most.
const livePoints = 100

// start writes the state now and then, until the function is called that it returns. What
// can't be written is not told: a full disk is for the records to say.
func (l *live) start(d *record.Directory) (end func()) {
	l.state.Began = time.Now()
	l.running = map[string]*record.LiveRun{}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				state := l.now()
				_ = d.WriteLive(&state)
			}
		}
	}()
	return func() {
		close(done)
		<-ended
		d.EndLive()
	}
}

func (l *live) now() record.Live {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.state
	s.Written = time.Now()
	s.Errors = slices.Clone(s.Errors)
	s.Running = []record.LiveRun{}
	for _, hash := range l.order {
		run := *l.running[hash]
		every := (len(run.Metrics) + livePoints - 1) / livePoints
		var kept []record.Metric
		for i, m := range run.Metrics {
			if i%every == 0 || i == len(run.Metrics)-1 {
				kept = append(kept, m)
			}
		}
		run.Metrics = kept
		s.Running = append(s.Running, run)
	}
	return s
}

// begin implements Progress.Begin for those who watch.
func (l *live) begin(t Total) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state.Runs, l.state.Recorded, l.state.Updates, l.state.Before = t.Runs, t.Recorded, t.Updates, t.RecordedUpdates
}

// run adds a run in progress, and returns what watches it.
func (l *live) run(c Config, updated func(int)) Watch {
	l.mu.Lock()
	defer l.mu.Unlock()
	run := &record.LiveRun{Run: c.Hash(), Config: c, Began: time.Now()}
	l.running[run.Run] = run
	l.order = append(l.order, run.Run)
	return Watch{
		Updated: func(n int) {
			updated(n)
			l.mu.Lock()
			defer l.mu.Unlock()
			run.Step += n
			l.state.Done += n
		},
		Scored: func(m record.Metric) {
			l.mu.Lock()
			defer l.mu.Unlock()
			run.Step = max(run.Step, m.Step)
			run.Metrics = append(run.Metrics, m)
		},
	}
}

// liveErrors is how many are told.
const liveErrors = 5

// ended takes a run away.
func (l *live) ended(c Config, finished, diverged bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	hash := c.Hash()
	delete(l.running, hash)
	l.order = slices.DeleteFunc(l.order, func(h string) bool { return h == hash })
	switch {
	case err != nil:
		if l.state.Failed++; len(l.state.Errors) < liveErrors {
			l.state.Errors = append(l.state.Errors, err.Error())
		}
	case finished:
		l.state.Finished++
		if diverged {
			l.state.Diverged++
		}
	}
}
