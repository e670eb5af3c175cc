package study

import (
	"cmp"
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
	// Shard is the part of the study to do; nil: all of it. The records are then in
	// [ShardDirectory].
	Shard *Shard
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
	// Waiting is the number of runs of other shards that the choice of settings waits for:
	// the shard has more to do when they are recorded.
	Waiting int
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
// holds a study of another name is refused with [ErrAnotherStudy], and so is one that is split
// into shards with records that are not merged.
func Run(ctx context.Context, s *Spec, dir string, o Options) (Outcome, error) {
	r := &running{Spec: s, dir: dir, workers: o.Workers, progress: o.Progress, state: map[string]record.State{}, records: map[string]*record.Record{}, finished: map[string]bool{}}
	if o.Shard != nil {
		if _, err := s.Split(dir, o.Shard.Of); err != nil {
			return Outcome{}, err
		}
		r.shard, r.dealt = *o.Shard, s.deal(o.Shard.Of)
		r.dir = ShardDirectory(dir, *o.Shard)
		r.whole = dir
	} else if err := unmerged(dir); err != nil {
		return Outcome{}, err
	}
	dir = r.dir
	d, err := record.Create(dir, s.Source, s.continues(dir))
	if err != nil {
		return Outcome{}, err
	}
	defer d.Close()
	r.directory = d
	cleanCheckpoints(dir, d)
	if r.progress == nil {
		r.progress = silent{}
	}
	if r.workers < 1 {
		r.workers = runtime.GOMAXPROCS(0)
	}
	defer r.live.start(d)()
	var tuning *record.Tuning
	for first := true; ; first = false {
		r.forget()
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
	if err := d.WriteFailures(r.failures); err != nil && r.lost == nil {
		r.lost = err
	}
	out := &r.outcome
	out.Interrupted = ctx.Err() != nil && out.Recorded+out.Finished+out.Failed < out.Runs
	if s.Tune != nil && r.lost == nil && r.whole == "" {
		r.lost = d.WriteTuning(tuning)
	}
	if r.whole != "" && !tuning.Complete {
		for _, c := range tuning.Runs {
			if r.state[c.Hash()] != record.Recorded && !r.mine(c, tuning) {
				out.Waiting++
			}
		}
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
	shard     Shard          // zero if it is the whole study
	dealt     map[string]int // the shards of its runs
	whole     string         // the directory of the study; "" unless this is a shard

	state map[string]record.State // by hash, as it was before

	mu       sync.Mutex
	records  map[string]*record.Record // those that choose settings
	finished map[string]bool           // now, by hash
	outcome  Outcome
	first    error // of a run
	failures []record.Failure
	lost     error // a record that could not be written
}

// find returns the record of a run that chooses settings.
func (r *running) find(c Config) *record.Record {
	hash := c.Hash()
	if _, known := r.state[hash]; !known {
		r.records[hash], r.state[hash] = r.look(c)
	}
	return r.records[hash]
}

// look looks for a run's record, that of a shard also in the study's directory and in those of
// the other shards.
func (r *running) look(c Config) (*record.Record, record.State) {
	found, state := r.directory.Find(c)
	if r.whole == "" || state == record.Recorded {
		return found, state
	}
	for _, dir := range append([]string{r.whole}, ShardDirectories(r.whole)...) {
		if there, err := record.Read(record.RunDirectory(dir, c.Hash())); err == nil {
			return there, record.Recorded
		}
	}
	return found, state
}

// forget forgets which runs of other shards are missing: they may have been recorded since.
func (r *running) forget() {
	if r.whole == "" {
		return
	}
	for hash, state := range r.state {
		if state != record.Recorded && !r.finished[hash] {
			delete(r.state, hash)
		}
	}
}

// mine reports whether a run is of this shard.
func (r *running) mine(c Config, tuning *record.Tuning) bool {
	if r.whole == "" {
		return true
	}
	plain, _ := tuning.Plain(c)
	shard, dealt := r.dealt[plain.Hash()]
	if !dealt {
		shard = byHash(c.Hash(), r.shard.Of)
	}
	return shard == r.shard.Index
}

// pending returns the runs that are to be done, as far as they are known, and the totals.
func (r *running) pending(tuning *record.Tuning) (pending []Config, total Total) {
	total = Total{Runs: tuning.Planned, Updates: tuning.PlannedUpdates, Tuning: tuning.Planned - len(r.Configs)}
	if r.whole != "" { // what is planned is the whole study's
		total = Total{}
	}
	for i, c := range slices.Concat(tuning.Runs, tuning.Final) {
		if !r.mine(c, tuning) {
			continue
		}
		if r.whole != "" {
			total.Runs++
			total.Updates += c.Steps
			if i < len(tuning.Runs) {
				total.Tuning++
			}
		}
		hash := c.Hash()
		state, known := r.state[hash]
		if !known {
			_, state = r.look(c)
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
	if r.whole != "" {
		slices.SortStableFunc(pending, func(a, b Config) int { return cmp.Compare(work(b), work(a)) })
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
		r.failures = append(r.failures, record.Failure{Run: c.Hash(), Error: err.Error()})
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
