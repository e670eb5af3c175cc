package study

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/internal/atomicfile"
	"github.com/gradflow/gradflow/models/train"
	"github.com/pkg/errors"
)

// checkpointsDir is the directory, in that of a study, of what unfinished runs have got to:
// a file for each, by the hash of its configuration.
const checkpointsDir = "checkpoints"

// checkpoints says where and how often the state of a run is saved; nil: never.
type checkpoints struct {
	file  string
	every int // updates
}

// checkpoints returns what a study keeps of a run in progress.
func (s *Spec) checkpoints(dir string, c Config) *checkpoints {
	if s.Checkpoint == 0 {
		return nil
	}
	return &checkpoints{filepath.Join(dir, checkpointsDir, c.Hash()), s.Checkpoint}
}

// cleanCheckpoints removes what killed processes left in a study's checkpoints: files that
// they were writing, and checkpoints of runs that they had just recorded. The caller holds
// the directory's lock. What can't be removed is in nobody's way.
func cleanCheckpoints(dir string, d *record.Directory) {
	checkpoints := filepath.Join(dir, checkpointsDir)
	entries, _ := os.ReadDir(checkpoints)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), atomicfile.Prefix) || d.Holds(e.Name()) {
			os.Remove(filepath.Join(checkpoints, e.Name()))
		}
	}
	os.Remove(checkpoints) // if it is empty
}

// remove takes away the checkpoint of a run that is recorded.
func (k *checkpoints) remove() {
	if k != nil {
		os.Remove(k.file)
	}
}

// madeBy begins a checkpoint: on another processor, or with other code, the rest of the run
// might not be what it would have been.
func madeBy() ([]byte, error) {
	line, err := json.Marshal(record.Here())
	return append(line, '\n'), err
}

// save is for train.Checkpoints.
func (k *checkpoints) save(l *train.Loop) error {
	line, err := madeBy()
	if err == nil {
		err = os.MkdirAll(filepath.Dir(k.file), 0o777)
	}
	if err == nil {
		err = atomicfile.WriteFrom(k.file, func(w io.Writer) error {
			if _, err := w.Write(line); err != nil {
				return err
			}
			return l.Save(w)
		})
	}
	return errors.Wrap(err, "checkpoint")
}

// restore brings a loop to where its checkpoint was, if there is a whole one that this
// program made on this machine; otherwise the run begins anew, with the same result.
func (k *checkpoints) restore(l *train.Loop) (restored bool, err error) {
	text, err := os.ReadFile(k.file)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, errors.Wrap(err, "checkpoint")
	}
	line, err := madeBy()
	if err != nil {
		return false, errors.Wrap(err, "checkpoint")
	}
	state, ok := bytes.CutPrefix(text, line)
	if !ok {
		return false, nil
	}
	err = l.Restore(bytes.NewReader(state))
	if errors.Is(err, train.ErrCheckpoint) {
		return false, nil
	}
	return err == nil, errors.Wrapf(err, "checkpoint: delete %s to restart the run", k.file)
}

// memory is what an execution remembers from step to step.
type memory struct {
	Metrics []record.Metric
	Learned []record.Learned
	Losses  float64
	Batches int
}

// MarshalBinary implements encoding.BinaryMarshaler.
func (e *execution) MarshalBinary() ([]byte, error) {
	var b bytes.Buffer
	err := gob.NewEncoder(&b).Encode(memory{e.metrics, e.learned, e.losses, e.batches})
	return b.Bytes(), errors.WithStack(err)
}

// UnmarshalBinary implements encoding.BinaryUnmarshaler.
func (e *execution) UnmarshalBinary(text []byte) error {
	var m memory
	if err := gob.NewDecoder(bytes.NewReader(text)).Decode(&m); err != nil {
		return errors.WithStack(err)
	}
	e.metrics, e.learned, e.losses, e.batches = m.Metrics, m.Learned, m.Losses, m.Batches
	return nil
}
