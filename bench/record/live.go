package record

import (
	"encoding/json"
	"os"
	"path/filepath"
	"time"

	"github.com/gradflow/gradflow/internal/atomicfile"
	"github.com/pkg/errors"
)

// liveFile is there while a process runs the study.
const liveFile = "live.json"

// Live is what the process that runs a study says of it about once a second, for others to
// watch. Nothing that is said of results rests on it.
type Live struct {
	Began   time.Time `json:"began"`
	Written time.Time `json:"written"`
	// Runs is how many there are to do, as far as is known, those recorded before included;
	// of those that this process did, Diverged are in Finished.
	Runs     int `json:"runs"`
	Recorded int `json:"recorded"` // before
	Finished int `json:"finished"`
	Diverged int `json:"diverged"`
	Failed   int `json:"failed"`
	// Updates are those of all runs, Before those of runs that were recorded before, Done
	// those that this process has made.
	Updates int       `json:"updates"`
	Before  int       `json:"updates_before"`
	Done    int       `json:"updates_done"`
	Running []LiveRun `json:"running"`
	Errors  []string  `json:"errors,omitempty"` // of the first runs that failed
}

// LiveRun is a run in progress.
type LiveRun struct {
	Run     string    `json:"run"` // its hash
	Config  Config    `json:"config"`
	Began   time.Time `json:"began"`
	Step    int       `json:"step"` // updates done
	Metrics []Metric  `json:"metrics"`
}

// Left estimates how long the rest takes, at the pace so far: 0 if that is not known.
func (l *Live) Left() time.Duration {
	left := l.Updates - l.Before - l.Done
	if l.Done <= 0 || left <= 0 {
		return 0
	}
	return time.Duration(float64(l.Written.Sub(l.Began)) * float64(left) / float64(l.Done))
}

// WriteLive tells those who watch.
func (d *Directory) WriteLive(l *Live) error {
	text, err := json.Marshal(l)
	if err == nil {
		err = atomicfile.Write(filepath.Join(d.path, liveFile), text)
	}
	return errors.Wrap(err, "write the state of the study")
}

// EndLive tells those who watch that the process has ended.
func (d *Directory) EndLive() {
	_ = os.Remove(filepath.Join(d.path, liveFile)) // what is left behind is seen to be old
}

// stale is how old the last word of a process is that has ended without another.
const stale = 15 * time.Second

// ReadLive returns what the process that runs the study in a directory last said; nil if none
// runs.
func ReadLive(dir string) (*Live, error) {
	path := filepath.Join(dir, liveFile)
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() > largest || time.Since(info.ModTime()) > stale {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if os.IsNotExist(err) { // it has ended since
		return nil, nil
	}
	l := &Live{}
	if err == nil {
		err = json.Unmarshal(text, l)
	}
	if err != nil {
		return nil, errors.Wrap(err, path)
	}
	return l, nil
}
