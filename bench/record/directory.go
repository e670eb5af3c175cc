package record

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"
	"github.com/gradflow/gradflow/internal/atomicfile"
	"github.com/pkg/errors"
)

// ErrLocked says that another process is writing to a study directory.
var ErrLocked = errors.New("another process is running this study")

// Directory is a study directory opened for writing, and locked.
type Directory struct {
	path string
	lock *flock.Flock
}

// Create creates or opens the directory of a study, locks it, and writes the study's text
// into it. The error is [ErrLocked] if another process has locked it. accept, if not nil, is
// given the text of the study that the directory is of so far, and may refuse to replace
// it.
func Create(path string, study []byte, accept func(before []byte) error) (*Directory, error) {
	if err := os.MkdirAll(filepath.Join(path, runsDir), 0o777); err != nil {
		return nil, errors.Wrap(err, "create the study directory")
	}
	d := &Directory{path, flock.New(filepath.Join(path, lockFile))}
	locked, err := d.lock.TryLock()
	if err != nil {
		return nil, errors.Wrap(err, "lock the study directory")
	}
	if !locked {
		return nil, errors.Wrapf(ErrLocked, "%s: wait for it, or give another directory", path)
	}
	if err := d.prepare(study, accept); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

func (d *Directory) prepare(study []byte, accept func([]byte) error) error {
	file := filepath.Join(d.path, studyFile)
	if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && info.Size() <= largest && accept != nil {
		before, err := os.ReadFile(file)
		if err != nil {
			return errors.Wrap(err, "read the study that the directory is of")
		}
		if err := accept(before); err != nil {
			return err
		}
	}
	// What a killed process was writing. Others may be writing a report beside it, and then
	// atomicfile begins theirs anew.
	for _, place := range []string{d.path, filepath.Join(d.path, runsDir)} {
		entries, err := os.ReadDir(place)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return errors.Wrap(err, "clean the study directory")
		}
		for _, e := range entries {
			if !strings.HasPrefix(e.Name(), unfinished) {
				continue
			}
			if err := os.RemoveAll(filepath.Join(place, e.Name())); err != nil {
				return errors.Wrap(err, "clean the study directory")
			}
		}
	}
	return atomicfile.Write(file, study)
}

// WriteTuning writes down what was tuned, for people and their programs to read.
func (d *Directory) WriteTuning(t *Tuning) error {
	text, err := indented(t)
	if err == nil {
		err = atomicfile.Write(filepath.Join(d.path, tunedFile), text)
	}
	return errors.Wrap(err, "write what was tuned")
}

// RunDirectory is where the directory of a study has a run's record, by its hash.
func RunDirectory(study, hash string) string { return filepath.Join(study, runsDir, hash) }

// Runs are the names of the runs that a study directory has, whole or not: their hashes.
// Unless there is a directory of runs, ok is false.
func Runs(study string) (hashes []string, ok bool) {
	entries, err := os.ReadDir(filepath.Join(study, runsDir))
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") {
			hashes = append(hashes, e.Name())
		}
	}
	return hashes, err == nil
}

// Close unlocks the directory.
func (d *Directory) Close() error { return d.lock.Unlock() }

// State is what a directory has of a run.
type State int

// States of a run.
const (
	Missing  State = iota
	Damaged        // something is there that can't be used
	Recorded       // whole and unchanged
)

// State tells what the directory has of a run.
func (d *Directory) State(c Config) State {
	_, state := d.Find(c)
	return state
}

// Holds reports whether there is a record, whole or not, under a hash.
func (d *Directory) Holds(hash string) bool {
	_, err := os.Lstat(filepath.Join(d.path, runsDir, hash))
	return err == nil
}

// Find returns the record of a run, nil unless it is whole and unchanged, and its state.
func (d *Directory) Find(c Config) (*Record, State) {
	dir := filepath.Join(d.path, runsDir, c.Hash())
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil, Missing
	}
	r, err := Read(dir)
	if err != nil {
		return nil, Damaged
	}
	return r, Recorded
}

// Write records a run: its directory has its name only when all files are there. What has
// the name already, such as a damaged record, is replaced.
func (d *Directory) Write(r *Record) error {
	return errors.Wrap(atomicfile.WriteDirectory(filepath.Join(d.path, runsDir, r.Config.Hash()), r.write), "record a run")
}

// Failure is a run that ended with an error, and so left no record.
type Failure struct {
	Run   string `json:"run"` // the hash
	Error string `json:"error"`
}

// WriteFailures writes down which runs failed in a process that ends, for people to read;
// without any, what an earlier process wrote is removed.
func (d *Directory) WriteFailures(list []Failure) error {
	path := filepath.Join(d.path, failuresFile)
	if len(list) == 0 {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return errors.Wrap(err, "remove earlier failures")
		}
		return nil
	}
	text, err := indented(list)
	if err == nil {
		err = atomicfile.Write(path, text)
	}
	return errors.Wrap(err, "write which runs failed")
}

// Failures returns the runs that failed in the last process that ran the study of a directory;
// nil if there are none, or the file can't be read.
func Failures(study string) (list []Failure) {
	path := filepath.Join(study, failuresFile)
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() > largest {
		return nil
	}
	text, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(text, &list) != nil {
		return nil
	}
	return list
}

// Adopt copies a record from the directory of a run elsewhere, byte for byte. The caller has
// read it, and knows that it is whole.
func (d *Directory) Adopt(run string) error {
	name := filepath.Base(run)
	return errors.Wrap(atomicfile.WriteDirectory(filepath.Join(d.path, runsDir, name), func(temporary string) error {
		for _, file := range append([]string{summaryFile, timingFile}, sealed...) {
			text, err := os.ReadFile(filepath.Join(run, file))
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err == nil {
				err = os.WriteFile(filepath.Join(temporary, file), text, 0o666)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}), "merge a run")
}
