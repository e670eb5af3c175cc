package record

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/gradflow/gradflow/internal/atomicfile"
	"github.com/pkg/errors"
)

// The files of a study directory and of a run in it.
const (
	studyFile    = "study.yaml"
	tunedFile    = "tuned.json" // only of a study that tunes
	lockFile     = "lock"
	failuresFile = "failed.json" // only if runs of the last process failed
	runsDir      = "runs"
	configFile   = "config.json"
	metricsFile  = "metrics.jsonl"
	layersFile   = "layers.npy"
	learnedFile  = "learned.jsonl" // only if an activation learns
	summaryFile  = "summary.json"
	timingFile   = "timing.json"
	unfinished   = atomicfile.Prefix // starts the directory of a run that is being written
)

// sealed are the files whose checksums summary.json has.
var sealed = []string{configFile, metricsFile, layersFile, learnedFile}

// largest is the size in bytes that a file of a record can have.
const largest = 1 << 30

// Damage is what is wrong with the record of a run. It implements error.
type Damage struct {
	Run  string // the name of its directory
	File string // the file in it, "" if it is the directory itself
	What string
}

func (d *Damage) Error() string {
	return filepath.Join(runsDir, d.Run, d.File) + ": " + d.What
}

// Read reads the record in a run's directory. It is whole and unchanged, or the error is a
// *Damage.
func Read(dir string) (*Record, error) {
	s := &source{dir: dir, run: filepath.Base(dir)}
	r := s.record()
	if s.damage != nil {
		return nil, s.damage
	}
	return r, nil
}

// source reads a run's files and keeps the first damage that it finds.
type source struct {
	dir, run string
	damage   *Damage
}

func (s *source) fail(file, format string, args ...any) {
	if s.damage == nil {
		s.damage = &Damage{s.run, file, fmt.Sprintf(format, args...)}
	}
}

func (s *source) check(file string, err error) {
	if err != nil {
		s.fail(file, "%v", err)
	}
}

func (s *source) record() *Record {
	if info, err := os.Stat(s.dir); err != nil {
		s.fail("", "%v", reason(err))
		return nil
	} else if !info.IsDir() {
		s.fail("", "is not a directory")
		return nil
	}
	r := &Record{Hash: s.run}
	text := s.text(summaryFile)
	schema, err := schemaOf(text)
	s.check(summaryFile, err)
	if schema > 1 {
		s.unseal(summaryFile, text)
	}
	s.check(summaryFile, decode(text, &r.Summary))
	r.Summary.Schema = schema
	if s.damage == nil && schema > 1 && r.Summary.Run != s.run {
		s.fail(summaryFile, "is of the run %q", r.Summary.Run)
	}
	if s.damage != nil {
		return nil
	}
	texts := map[string][]byte{}
	for _, name := range sealed {
		texts[name] = s.sealedText(name, &r.Summary)
	}
	if s.damage != nil {
		return nil
	}
	s.config(texts[configFile], r)
	r.Metrics = lines[Metric](s, metricsFile, texts[metricsFile])
	r.Learned = lines[Learned](s, learnedFile, texts[learnedFile])
	s.layers(texts[layersFile], r)
	s.timing(r)
	if s.damage == nil && schema == 1 {
		s.agree(r)
	}
	return r
}

// text reads a file whole; nil if there is damage.
func (s *source) text(name string) []byte {
	if s.damage != nil {
		return nil
	}
	path := filepath.Join(s.dir, name)
	info, err := os.Stat(path) // first: opening a FIFO would wait
	switch {
	case errors.Is(err, fs.ErrNotExist):
		s.fail(name, "is missing")
	case err != nil:
		s.fail(name, "%v", reason(err))
	case !info.Mode().IsRegular():
		s.fail(name, "is not a regular file")
	case info.Size() == 0:
		s.fail(name, "is empty")
	case info.Size() > largest:
		s.fail(name, "has %d bytes: too many for a record", info.Size())
	}
	if s.damage != nil {
		return nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		s.fail(name, "%v", reason(err))
	}
	return text
}

// sealedText reads a file that the summary may have a checksum of; nil if the record does not
// have it.
func (s *source) sealedText(name string, summary *Summary) []byte {
	info, err := os.Stat(filepath.Join(s.dir, name))
	if summary.Schema == 1 { // these two need not be there
		if (name == learnedFile || name == layersFile) && errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return s.text(name)
	}
	want, listed := summary.Files[name]
	switch {
	case !listed && errors.Is(err, fs.ErrNotExist):
		return nil
	case !listed:
		s.fail(name, "is not of this record")
		return nil
	case err == nil && info.Mode().IsRegular() && info.Size() != want.Bytes:
		s.fail(name, "has %d bytes, but had %d when it was recorded", info.Size(), want.Bytes)
		return nil
	}
	text := s.text(name)
	if s.damage == nil && checksum(text) != want.SHA256 {
		s.fail(name, "has changed since it was recorded: its checksum is another")
	}
	return text
}

func checksum(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// checksumField is the field of a file that has its own checksum. It is the last one.
var checksumField = regexp.MustCompile(`"checksum": "([0-9a-f]*)"\n}\n$`)

// unseal checks a file that has its own checksum.
func (s *source) unseal(name string, text []byte) {
	if s.damage != nil {
		return
	}
	at := checksumField.FindSubmatchIndex(text)
	if at == nil {
		s.fail(name, "does not end with its checksum: it was cut or changed")
		return
	}
	if empty := slices.Concat(text[:at[2]], text[at[3]:]); checksum(empty) != string(text[at[2]:at[3]]) {
		s.fail(name, "has changed since it was recorded: its checksum is another")
	}
}

// seal returns the JSON of a value whose last field, checksum, is empty, with the checksum.
func seal(v any) ([]byte, error) {
	text, err := indented(v)
	if err != nil {
		return nil, err
	}
	at := checksumField.FindSubmatchIndex(text)
	return slices.Concat(text[:at[2]], []byte(checksum(text)), text[at[3]:]), nil
}

func indented(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return b.Bytes(), err
}

func (s *source) config(text []byte, r *Record) {
	c, schema, err := decodeConfig(text)
	s.check(configFile, err)
	if s.damage != nil {
		return
	}
	r.Config = c
	if schema != r.Summary.Schema {
		s.fail(configFile, "is of schema %d, but %s of schema %d", schema, summaryFile, r.Summary.Schema)
	} else if hash := c.hash(schema); hash != r.Hash {
		s.fail(configFile, "is of the run %s", hash)
	}
}

// lines reads JSON lines.
func lines[T any](s *source, name string, text []byte) (list []T) {
	read := bufio.NewReader(bytes.NewReader(text))
	for n := 1; s.damage == nil; n++ {
		line, err := read.ReadBytes('\n')
		if err == io.EOF && len(line) == 0 {
			break
		}
		var v T
		if err == nil {
			err = decode(line, &v)
		}
		if err != nil {
			s.fail(name, "line %d: %v", n, err)
		}
		list = append(list, v)
	}
	return list
}

func (s *source) layers(text []byte, r *Record) {
	if text == nil || s.damage != nil {
		return
	}
	rows, columns, err := decodeTable(text)
	s.check(layersFile, err)
	names := r.Summary.LayerColumns
	if names == nil {
		names = columns1
	}
	t := &LayerTable{Columns: names, Rows: rows}
	if s.damage == nil && (columns != len(names) || t.Column(StepColumn) < 0 || t.Column(LayerColumn) < 0) {
		s.fail(layersFile, "has %d columns, but %s names %q", columns, summaryFile, names)
	}
	r.Layers = t
}

func (s *source) timing(r *Record) {
	text := s.text(timingFile)
	if r.Summary.Schema > 1 {
		s.unseal(timingFile, text)
	}
	if s.damage != nil {
		return
	}
	s.check(timingFile, decode(text, &r.Timing))
	if r.Summary.Schema > 1 && r.Timing.Run != r.Hash {
		s.fail(timingFile, "is of the run %q", r.Timing.Run)
	}
}

// reason is the error without the path, which the caller names.
func reason(err error) error {
	var e *fs.PathError
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

// write writes a record's files into a directory that is there.
func (r *Record) write(dir string) error {
	files := map[string][]byte{}
	var err error
	add := func(name string, text []byte, e error) {
		if files[name] = text; err == nil {
			err = e
		}
	}
	var config bytes.Buffer
	err = json.Indent(&config, r.Config.encode(Schema), "", "  ")
	config.WriteByte('\n')
	add(configFile, config.Bytes(), nil)
	text, e := linesOf(r.Metrics)
	add(metricsFile, text, e)
	if len(r.Learned) > 0 {
		text, e := linesOf(r.Learned)
		add(learnedFile, text, e)
	}
	s := r.Summary
	s.Schema, s.Run, s.Files, s.Checksum = Schema, r.Config.Hash(), map[string]File{}, ""
	s.LayerColumns = LayerColumns
	if r.Layers != nil && len(r.Layers.Rows) > 0 {
		if r.Layers.Columns != nil {
			s.LayerColumns = r.Layers.Columns
		}
		text, e := encodeTable(r.Layers.Rows, len(s.LayerColumns))
		add(layersFile, text, e)
	}
	for name, text := range files {
		s.Files[name] = File{int64(len(text)), checksum(text)}
	}
	text, e = seal(s)
	add(summaryFile, text, e)
	text, e = seal(Timing{Schema: Schema, Run: r.Config.Hash(), Seconds: r.Timing.Seconds})
	add(timingFile, text, e)
	for name, text := range files {
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), text, 0o666)
		}
	}
	return err
}

func linesOf[T any](list []T) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	for _, v := range list {
		if err := e.Encode(v); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}
