package record

import (
	"io"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
	"github.com/gradflow/gradflow/internal/atomicfile"
	"github.com/pkg/errors"
	"github.com/sbinet/npyio"
	"gonum.org/v1/gonum/mat"
)

// ErrLocked says that another process is writing to a study directory.
var ErrLocked = errors.New("another process is running this study")

// Directory is a study directory opened for writing, and locked.
type Directory struct {
	path string
	lock *flock.Flock
}

// Create creates or opens the directory of a study, locks it, and writes the study's text
// into it. The error is [ErrLocked] if another process has locked it.
func Create(path string, study []byte) (*Directory, error) {
	if err := os.MkdirAll(filepath.Join(path, runsDir), 0o755); err != nil {
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
	if err := d.prepare(study); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

func (d *Directory) prepare(study []byte) error {
	leftovers, err := filepath.Glob(filepath.Join(d.path, runsDir, unfinished+"*"))
	if err != nil {
		return errors.Wrap(err, "clean the study directory")
	}
	for _, l := range leftovers {
		if err := os.RemoveAll(l); err != nil {
			return errors.Wrap(err, "clean the study directory")
		}
	}
	return atomicfile.Write(filepath.Join(d.path, studyFile), study)
}

// Close unlocks the directory.
func (d *Directory) Close() error { return d.lock.Unlock() }

// Has tells whether a run is recorded and readable.
func (d *Directory) Has(c Config) bool {
	record, _ := readRecord(filepath.Join(d.path, runsDir, c.Hash()))
	return record != nil
}

// Write records a run: its directory has its name only when all files are there.
func (d *Directory) Write(r *Record) error {
	hash := r.Config.Hash()
	temporary, final := filepath.Join(d.path, runsDir, unfinished+hash), filepath.Join(d.path, runsDir, hash)
	if err := os.RemoveAll(temporary); err != nil {
		return errors.Wrap(err, "record a run")
	}
	if err := os.MkdirAll(temporary, 0o755); err != nil {
		return errors.Wrap(err, "record a run")
	}
	files := map[string]func(io.Writer) error{
		configFile:  jsonTo(r.Config),
		summaryFile: jsonTo(r.Summary),
		timingFile:  jsonTo(r.Timing),
		metricsFile: linesOf(r.Metrics),
	}
	if len(r.Learned) > 0 {
		files[learnedFile] = linesOf(r.Learned)
	}
	if r.Layers != nil && len(r.Layers.Rows) > 0 {
		files[layersFile] = func(w io.Writer) error {
			m := mat.NewDense(len(r.Layers.Rows), len(LayerColumns), nil)
			for i, row := range r.Layers.Rows {
				m.SetRow(i, row)
			}
			return npyio.Write(w, m)
		}
	}
	for name, write := range files {
		if err := create(filepath.Join(temporary, name), write); err != nil {
			return errors.Wrap(err, "record a run")
		}
	}
	if err := os.RemoveAll(final); err != nil { // a damaged record
		return errors.Wrap(err, "record a run")
	}
	return errors.Wrap(os.Rename(temporary, final), "record a run")
}
