package study

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gofrs/flock"
	"github.com/gradflow/gradflow/internal/atomicfile"
	"github.com/pkg/errors"
	"github.com/sbinet/npyio"
	"gonum.org/v1/gonum/mat"
)

// The files of a study directory and of a run in it.
const (
	studyFile   = "study.yaml"
	lockFile    = "lock"
	runsDir     = "runs"
	configFile  = "config.json"
	metricsFile = "metrics.jsonl"
	layersFile  = "layers.npy"
	learnedFile = "learned.jsonl" // only if an activation learns
	summaryFile = "summary.json"
	timingFile  = "timing.json"
	unfinished  = atomicfile.Prefix // starts the directory of a run that is being written
)

// ErrLocked says that another process is writing to a study directory.
var ErrLocked = errors.New("another process is running this study")

// Results is a study directory, read.
type Results struct {
	Dir      string
	Spec     *Spec     // nil if study.yaml is missing or does not fit the records
	Records  []*Record // in the order of the study
	Warnings []string  // what could not be read
}

// Open reads the records of a study directory. What is damaged is left out, with a
// warning; it returns an error if there are no records at all.
func Open(dir string) (*Results, error) {
	r := &Results{Dir: dir}
	text, err := os.ReadFile(filepath.Join(dir, studyFile))
	if err == nil {
		r.Spec, err = Parse(filepath.Join(dir, studyFile), text)
	}
	if err != nil {
		r.Warnings = append(r.Warnings, err.Error())
	}
	entries, err := os.ReadDir(filepath.Join(dir, runsDir))
	if err != nil {
		return nil, errors.Wrapf(err, "%s holds no study", dir)
	}
	for _, e := range entries {
		if !e.IsDir() || strings.HasPrefix(e.Name(), unfinished) {
			continue
		}
		record, warnings := readRecord(filepath.Join(dir, runsDir, e.Name()))
		r.Warnings = append(r.Warnings, warnings...)
		if record != nil {
			r.Records = append(r.Records, record)
		}
	}
	if len(r.Records) == 0 {
		message := dir + " holds no runs that can be read"
		if n := len(r.Warnings); n > 0 {
			message += fmt.Sprintf(" (%d warnings, the last: %s)", n, r.Warnings[n-1])
		}
		return nil, errors.New(message)
	}
	order := map[string]int{}
	if r.Spec != nil {
		for i, c := range r.Spec.Configs {
			order[c.Hash()] = i + 1
		}
	}
	slices.SortStableFunc(r.Records, func(a, b *Record) int {
		x, y := order[a.Hash], order[b.Hash]
		switch {
		case x == y:
			return strings.Compare(a.Hash, b.Hash)
		case x == 0: // not in the study file: last
			return 1
		case y == 0:
			return -1
		}
		return x - y
	})
	return r, nil
}

// readRecord reads what there is of a run. Without a readable configuration or
// summary there is no record.
func readRecord(dir string) (*Record, []string) {
	r := &Record{Hash: filepath.Base(dir)}
	var warnings []string
	warn := func(name string, err error) {
		warnings = append(warnings, errors.Wrap(err, filepath.Join(dir, name)).Error())
	}
	for name, into := range map[string]any{configFile: &r.Config, summaryFile: &r.Summary} {
		if err := readJSON(filepath.Join(dir, name), into); err != nil {
			warn(name, err)
			return nil, warnings
		}
	}
	if hash := r.Config.Hash(); hash != r.Hash {
		warn(configFile, errors.Errorf("the configuration has the hash %s: written by another version, or changed", hash))
		return nil, warnings
	}
	var err error
	if r.Metrics, err = readLines[Metric](filepath.Join(dir, metricsFile)); err != nil {
		warn(metricsFile, err)
	}
	if r.Learned, err = readLines[Learned](filepath.Join(dir, learnedFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		warn(learnedFile, err)
	}
	if r.Config.Probe > 0 {
		if r.Layers, err = readLayers(filepath.Join(dir, layersFile)); err != nil {
			warn(layersFile, err)
		}
	}
	if err := readJSON(filepath.Join(dir, timingFile), &r.Timing); err != nil {
		warn(timingFile, err)
	}
	return r, warnings
}

func readJSON(path string, into any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return reason(err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

// reason is the error without the path, which the caller names.
func reason(err error) error {
	var e *os.PathError
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

// readLines reads the lines that are whole: the last may have been cut.
func readLines[T any](path string) ([]T, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, reason(err)
	}
	defer f.Close()
	var list []T
	lines := bufio.NewReader(f)
	for n := 1; ; n++ {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return list, nil
		}
		if err != nil {
			return list, reason(err)
		}
		var v T
		if err := json.Unmarshal(line, &v); err != nil {
			return list, errors.Wrapf(err, "line %d", n)
		}
		list = append(list, v)
	}
}

func linesOf[T any](list []T) func(io.Writer) error {
	return func(w io.Writer) error {
		e := json.NewEncoder(w)
		for _, v := range list {
			if err := e.Encode(v); err != nil {
				return err
			}
		}
		return nil
	}
}

// readLayers reads a table. Its library reads a file that was cut as if zeros
// followed, and panics on some damaged ones.
func readLayers(path string) (t *LayerTable, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, reason(err)
	}
	defer func() {
		if p := recover(); p != nil {
			t, err = nil, errors.Errorf("damaged: %v", p)
		}
	}()
	var m mat.Dense
	if err := npyio.Read(bytes.NewReader(text), &m); err != nil {
		return nil, err
	}
	rows, cols := m.Dims()
	// Magic, version, the length of the header in two bytes or four, the header.
	header := 10 + int(binary.LittleEndian.Uint16(text[8:]))
	if version := text[6]; version > 1 {
		header = 12 + int(binary.LittleEndian.Uint32(text[8:]))
	}
	if want := header + 8*rows*cols; len(text) != want {
		return nil, errors.Errorf("damaged: %d bytes, want %d", len(text), want)
	}
	if cols != len(LayerColumns) {
		return nil, errors.Errorf("%d columns, want %d", cols, len(LayerColumns))
	}
	t = &LayerTable{}
	for i := range rows {
		t.Rows = append(t.Rows, m.RawRowView(i))
	}
	return t, nil
}

// directory is a study directory opened for writing.
type directory struct {
	path string
	lock *flock.Flock
}

// openForWriting creates or opens the directory of a study and locks it.
func openForWriting(path string, s *Spec) (*directory, error) {
	if err := os.MkdirAll(filepath.Join(path, runsDir), 0o755); err != nil {
		return nil, errors.Wrap(err, "create the study directory")
	}
	d := &directory{path, flock.New(filepath.Join(path, lockFile))}
	locked, err := d.lock.TryLock()
	if err != nil {
		return nil, errors.Wrap(err, "lock the study directory")
	}
	if !locked {
		return nil, errors.Wrapf(ErrLocked, "%s: wait for it, or give another directory", path)
	}
	if err := d.prepare(s); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

func (d *directory) prepare(s *Spec) error {
	leftovers, err := filepath.Glob(filepath.Join(d.path, runsDir, unfinished+"*"))
	if err != nil {
		return errors.Wrap(err, "clean the study directory")
	}
	for _, l := range leftovers {
		if err := os.RemoveAll(l); err != nil {
			return errors.Wrap(err, "clean the study directory")
		}
	}
	return atomicfile.Write(filepath.Join(d.path, studyFile), s.Source)
}

func (d *directory) close() error { return d.lock.Unlock() }

// has tells whether a run is recorded and readable.
func (d *directory) has(c Config) bool {
	record, _ := readRecord(filepath.Join(d.path, runsDir, c.Hash()))
	return record != nil
}

// write records a run: the directory has its name only when all files are there.
func (d *directory) write(r *Record) error {
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

func jsonTo(v any) func(io.Writer) error {
	return func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(v)
	}
}

// create writes a file through to the disk.
func create(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	err = write(w)
	if err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}
