package record

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"path/filepath"

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
