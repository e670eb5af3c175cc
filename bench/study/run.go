package study

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
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
	// Begin is called once, before the first run.
	Begin(t Total)
	// Updated is called with updates done since the last call.
	Updated(updates int)
	// Finished is called with each run's record, or the error that ended it.
	Finished(c Config, r *record.Record, err error)
}

// Total is what there is to do for a study.
type Total struct {
	Runs            int // in the study
	Recorded        int // of those, before this process began
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
// The error is the first of a run that failed, or [record.ErrLocked]. If a record can't be
// written, on a full disk for instance, Run stops at once with the reason. A directory that
// holds a study of another name is refused with [ErrAnotherStudy].
func Run(ctx context.Context, s *Spec, dir string, o Options) (Outcome, error) {
	d, err := record.Create(dir, s.Source, s.continues(dir))
	if err != nil {
		return Outcome{}, err
	}
	defer d.Close()
	outcome := Outcome{Runs: len(s.Configs)}
	var pending []Config
	total := Total{Runs: len(s.Configs)}
	for _, c := range s.Configs {
		total.Updates += c.Steps
		switch d.State(c) {
		case record.Recorded:
			total.Recorded++
			total.RecordedUpdates += c.Steps
			continue
		case record.Damaged:
			total.Damaged++
		}
		pending = append(pending, c)
	}
	outcome.Recorded, outcome.Damaged = total.Recorded, total.Damaged
	progress := o.Progress
	if progress == nil {
		progress = silent{}
	}
	progress.Begin(total)
	workers := o.Workers
	if workers < 1 {
		workers = runtime.GOMAXPROCS(0)
	}

	working, stop := context.WithCancel(ctx)
	defer stop()
	var (
		mu    sync.Mutex
		wg    sync.WaitGroup
		first error // of a run
		lost  error // a record that could not be written
		queue = make(chan Config)
	)
	sideBySide := min(workers, len(pending))
	for range sideBySide {
		wg.Go(func() {
			for c := range queue {
				keep := s.checkpoints(dir, c)
				r, err := s.catalogues().execute(working, c, workers/sideBySide, keep, progress.Updated)
				var notWritten error
				if err == nil && r != nil {
					notWritten = d.Write(r)
					if err = notWritten; err == nil {
						keep.remove()
					}
				}
				mu.Lock()
				if notWritten != nil && lost == nil {
					lost = notWritten
					stop() // what the others find out would be lost as well
				}
				switch {
				case err != nil:
					outcome.Failed++
					if first == nil {
						first = err
					}
				case r != nil:
					outcome.Finished++
					if r.Summary.Status == train.Diverged {
						outcome.Diverged++
					}
				}
				mu.Unlock()
				if err != nil || r != nil {
					progress.Finished(c, r, err)
				}
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
	os.Remove(filepath.Join(dir, checkpointsDir)) // if it is there and empty
	outcome.Interrupted = ctx.Err() != nil && outcome.Finished+outcome.Failed < len(pending)
	if lost != nil {
		return outcome, errors.Wrapf(lost, "the study was stopped, as its results can't be kept")
	}
	return outcome, errors.Wrapf(first, "%d of %d runs failed, the first", outcome.Failed, outcome.Runs)
}

type silent struct{}

func (silent) Begin(Total)                            {}
func (silent) Updated(int)                            {}
func (silent) Finished(Config, *record.Record, error) {}
