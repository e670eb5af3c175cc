package study

import (
	"context"
	"runtime"
	"slices"
	"sync"

	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/models/train"
	"github.com/pkg/errors"
)

// Options are the settings of [Run] that don't change results.
type Options struct {
	// Workers is the number of runs side by side; 0: one for each core. If there are fewer
	// runs, they divide their large matrix products over the workers that are left.
	Workers  int
	Progress Progress
}

// Progress is told what happens; its methods are called by several goroutines.
type Progress interface {
	// Begin is called before the first run, and again when a study that tunes has found
	// more to do: with all that there is to do, and what was recorded before the first.
	Begin(t Total)
	// Updated is called with updates done since the last call.
	Updated(updates int)
	// Finished is called with each run's record, or the error that ended it.
	Finished(c Config, r *record.Record, err error)
}

// Total is what there is to do for a study.
type Total struct {
	Runs            int // in the study
	Tuning          int // of those, that choose settings
	Recorded        int // of all, before this process began
	Damaged         int // of those, recorded but damaged: to be done again
	Updates         int // of all runs
	RecordedUpdates int // of the runs recorded
}

// Outcome is what [Run] did.
type Outcome struct {
	Runs        int // in the study
	Recorded    int // were there before, whole and unchanged
	Damaged     int // were there before, but damaged: they are done again
	Finished    int // were done now, diverged ones included
	Diverged    int // of those
	Failed      int // ended with an error
	Interrupted bool
}

// Run does the runs of a study that are not yet recorded in dir, which it creates, and
// records them. When ctx ends, the runs in progress stop after their current step and
// are left out: a later Run does them again, with the same result, from their last
// checkpoint if the study asks for checkpoints. Damaged records are made again, too.
//
// A study that tunes is run in rounds, as the runs that choose settings, and those with the
// settings chosen, follow from the records; what was chosen is written to tuned.json.
//
// The error is the first of a run that failed, or [record.ErrLocked]. If a record can't be
// written, on a full disk for instance, Run stops at once with the reason. A directory that
// holds a study of another name is refused with [ErrAnotherStudy].
func Run(ctx context.Context, s *Spec, dir string, o Options) (Outcome, error) {
	d, err := record.Create(dir, s.Source, s.continues(dir))
	if err != nil {
		return Outcome{}, err
	}
	defer d.Close()
	cleanCheckpoints(dir, d)
	r := &running{Spec: s, dir: dir, directory: d, workers: o.Workers, progress: o.Progress, state: map[string]record.State{}, records: map[string]*record.Record{}, finished: map[string]bool{}}
	if r.progress == nil {
		r.progress = silent{}
	}
	if r.workers < 1 {
		r.workers = runtime.GOMAXPROCS(0)
	}
	defer r.live.start(d)()
	var tuning *record.Tuning
	for first := true; ; first = false {
		tuning = s.Resolve(r.find)
		pending, total := r.pending(tuning)
		if r.outcome.Runs = total.Runs; len(pending) > 0 || first {
			r.outcome.Recorded, r.outcome.Damaged = total.Recorded, total.Damaged
			r.progress.Begin(total)
			r.live.begin(total)
		}
		if len(pending) == 0 || ctx.Err() != nil || r.first != nil || r.lost != nil {
			break
		}
		r.work(ctx, pending)
	}
	cleanCheckpoints(dir, d)
	out := &r.outcome
	out.Interrupted = ctx.Err() != nil && out.Recorded+out.Finished+out.Failed < out.Runs
	if s.Tune != nil && r.lost == nil {
		r.lost = d.WriteTuning(tuning)
	}
	if r.lost != nil {
		return r.outcome, errors.Wrapf(r.lost, "the study was stopped, as its results can't be kept")
	}
	return r.outcome, errors.Wrapf(r.first, "%d of %d runs failed, the first", r.outcome.Failed, r.outcome.Runs)
}

// running is a study being run.
type running struct {
	*Spec
	dir       string
	directory *record.Directory
	workers   int
	progress  Progress
	live      live

	state map[string]record.State // by hash, as it was before

	mu       sync.Mutex
	records  map[string]*record.Record // those that choose settings
	finished map[string]bool           // now, by hash
	outcome  Outcome
	first    error // of a run
	lost     error // a record that could not be written
}

// find returns the record of a run that chooses settings.
func (r *running) find(c Config) *record.Record {
	hash := c.Hash()
	if _, known := r.state[hash]; !known {
		r.records[hash], r.state[hash] = r.directory.Find(c)
	}
	return r.records[hash]
}

// pending returns the runs that are to be done, as far as they are known, and the totals.
func (r *running) pending(tuning *record.Tuning) (pending []Config, total Total) {
	total = Total{Runs: tuning.Planned, Updates: tuning.PlannedUpdates, Tuning: tuning.Planned - len(r.Configs)}
	for _, c := range slices.Concat(tuning.Runs, tuning.Final) {
		hash := c.Hash()
		state, known := r.state[hash]
		if !known {
			state = r.directory.State(c)
			r.state[hash] = state
		}
		switch state {
		case record.Recorded:
			total.Recorded++
			total.RecordedUpdates += c.Steps
			continue
		case record.Damaged:
			total.Damaged++
		}
		if !r.finished[hash] {
			pending = append(pending, c)
		}
	}
	return pending, total
}

// work does runs, side by side.
func (r *running) work(ctx context.Context, pending []Config) {
	working, stop := context.WithCancel(ctx)
	defer stop()
	var wg sync.WaitGroup
	queue := make(chan Config)
	sideBySide := min(r.workers, len(pending))
	for range sideBySide {
		wg.Go(func() {
			for c := range queue {
				r.one(working, stop, c, r.workers/sideBySide)
			}
		})
	}
feed:
	for _, c := range pending {
		select {
		case queue <- c:
		case <-working.Done():
			break feed
		}
	}
	close(queue)
	wg.Wait()
}

// one does a run and records it.
func (r *running) one(working context.Context, stop func(), c Config, workers int) {
	keep := r.checkpoints(r.dir, c)
	result, err := r.catalogues().execute(working, c, workers, keep, r.live.run(c, r.progress.Updated))
	var notWritten error
	if err == nil && result != nil {
		notWritten = r.directory.Write(result)
		if err = notWritten; err == nil {
			keep.remove()
		}
	}
	r.mu.Lock()
	if notWritten != nil && r.lost == nil {
		r.lost = notWritten
		stop() // what the others find out would be lost as well
	}
	switch {
	case err != nil:
		r.outcome.Failed++
		if r.first == nil {
			r.first = err
		}
	case result != nil:
		hash := c.Hash()
		r.finished[hash] = true
		if _, chooses := r.records[hash]; chooses {
			result := *result
			result.Layers, result.Learned = nil, nil // what chooses does not look at
			r.records[hash] = &result
		}
		r.outcome.Finished++
		if result.Summary.Status == train.Diverged {
			r.outcome.Diverged++
		}
	}
	r.mu.Unlock()
	r.live.ended(c, result != nil, result != nil && result.Summary.Status == train.Diverged, err)
	if err != nil || result != nil {
		r.progress.Finished(c, result, err)
	}
}

type silent struct{}

func (silent) Begin(Total)                            {}
func (silent) Updated(int)                            {}
func (silent) Finished(Config, *record.Record, error) {}
