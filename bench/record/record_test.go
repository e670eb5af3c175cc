package record

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/bench/probe"
	"github.com/gradflow/gradflow/models/train"
	"github.com/pkg/errors"
)

func config() Config {
	return Config{Task: Choice{Name: "digits"}, Model: Choice{Name: "mlp"}, Depth: 3, Width: 8,
		Activation:  Choice{Name: "scaled", Settings: map[string]any{"of": "tanh", "a": 1.5}},
		Initializer: Choice{Name: "glorot-normal"}, Normalization: Choice{Name: "none"},
		Optimizer: Choice{Name: "sgd", Settings: map[string]any{"rate": 0.1}}, DType: "float32",
		Batch: 16, Steps: 12, Evaluate: 4, Probe: 8, Target: 0.9, Seed: 7}
}

// TestHash has the hashes of recorded runs: they never change.
func TestHash(t *testing.T) {
	kept, flushing, wide := config(), config(), config()
	flushing.FlushToZero = true
	wide.DType = "float64"
	for _, c := range []struct {
		config Config
		schema int
		want   string
	}{
		{kept, 1, "46fb4836b94ee7a5"}, {flushing, 1, "be1f995798ad5177"}, {wide, 1, "5ad298d27c0dc352"},
		{kept, 2, "6b408657e072ebeb"}, {flushing, 2, "93a049ea3a2e0ef5"}, {wide, 2, "1c0c264dc1485f9f"},
	} {
		if got := c.config.hash(c.schema); got != c.want {
			t.Errorf("%s, flushing: %v, schema %d: %s, want %s", c.config.DType, c.config.FlushToZero, c.schema, got, c.want)
		}
		back, schema, err := decodeConfig(c.config.encode(c.schema))
		if err != nil || schema != c.schema || back.hash(schema) != c.want || back.FlushToZero != c.config.FlushToZero {
			t.Errorf("read back: %+v, schema %d, %v", back, schema, err)
		}
	}
}

// TestNewFields checks that whatever was added to Config since stays out of the hash at its
// zero value.
func TestNewFields(t *testing.T) {
	first := []string{"task", "model", "depth", "width", "activation", "initializer", "normalization", "optimizer",
		"dtype", "flush_to_zero", "batch", "steps", "evaluate", "probe", "target", "seed"}
	c := reflect.TypeFor[Config]()
	for i := range c.NumField() {
		name, options, _ := strings.Cut(c.Field(i).Tag.Get("json"), ",")
		if i < len(first) && name != first[i] {
			t.Errorf("field %d is %s, want %s: the order is part of the hash", i+1, name, first[i])
		}
		if i >= len(first) && options != "omitzero" {
			t.Errorf("field %s: it was added later, and needs the tag omitzero", name)
		}
	}
	// With one more field, hashes are the same unless it is set.
	type larger struct {
		fields
		Clip float64 `json:"clip,omitzero"`
	}
	plain, err := json.Marshal(larger{fields: fields(config())})
	if err != nil || string(plain) != string(config().encode(1)) {
		t.Errorf("%s, %v", plain, err)
	}
	set, err := json.Marshal(larger{fields(config()), 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := decodeConfig(set); err == nil || !strings.Contains(err.Error(), `unknown field "clip"`) {
		t.Errorf("a field of a later version: %v", err)
	}
	if _, _, err := decodeConfig([]byte(`{"schema": 3}`)); err == nil || !strings.Contains(err.Error(), "schema 3: this version of gradflow reads 1 to 2") {
		t.Errorf("a later schema: %v", err)
	}
}

// sample is a record with columns of its own.
func sample(columns []string, rows ...[]float64) *Record {
	c := config()
	final := Metric{Step: 12, TrainLoss: 0.5, ValidationLoss: 0.6, ValidationAccuracy: Number(math.NaN())}
	return &Record{Hash: c.Hash(), Config: c, Metrics: []Metric{final}, Layers: &LayerTable{Columns: columns, Rows: rows},
		Summary: Summary{Status: train.Done, Steps: 12, Final: final, LayerNames: []string{"layer01", "output"}},
		Timing:  Timing{Seconds: 2.5}}
}

func written(t *testing.T, r *Record) string {
	t.Helper()
	d, err := Create(t.TempDir(), []byte("name: x\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := d.Write(r); err != nil {
		t.Fatal(err)
	}
	if d.State(r.Config) != Recorded {
		t.Error("what was written is not recorded")
	}
	return filepath.Join(d.path, runsDir, r.Hash)
}

// TestColumns reads tables with fewer, more and other columns than this version writes.
func TestColumns(t *testing.T) {
	dir := written(t, sample([]string{"layer", "sharpness", "step", "saturated"},
		[]float64{0, 10, 0, 0.25}, []float64{1, 20, 0, math.Inf(-1)}, []float64{0, 30, 11, 0.5}, []float64{1, 40, 11, math.NaN()}))
	r, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if steps := r.Layers.Steps(); !slices.Equal(steps, []int{0, 11}) {
		t.Errorf("steps %v", steps)
	}
	m := r.Layers.Quantity(probe.Saturated)
	if len(m) != 2 || m[0][0] != 0.25 || !math.IsInf(m[0][1], -1) || m[1][0] != 0.5 || !math.IsNaN(m[1][1]) {
		t.Errorf("saturated: %v", m)
	}
	if r.Layers.Quantity(probe.Update) != nil || r.Layers.Column("sharpness") != 1 {
		t.Error("a quantity that was not measured is there, or a new one is not")
	}
}

// TestMoreFields reads files with fields of later versions, and without some of this one.
func TestMoreFields(t *testing.T) {
	r := sample([]string{"step", "layer"}, []float64{0, 0}, []float64{0, 1})
	dir := written(t, r)
	summary := struct {
		Schema        int             `json:"schema"`
		Run           string          `json:"run"`
		Status        string          `json:"status"`
		StepsToTarget Number          `json:"steps_to_target"`
		Novel         []string        `json:"novel"`
		LayerColumns  []string        `json:"layer_columns"`
		Files         map[string]File `json:"files"`
		Checksum      string          `json:"checksum"`
	}{2, r.Hash, "done", 8, []string{"more"}, []string{"step", "layer"}, nil, ""}
	before, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	summary.Files = before.Summary.Files
	text, err := seal(summary)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, summaryFile), text, 0o666); err != nil {
		t.Fatal(err)
	}
	after, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	s := after.Summary
	if s.StepsToTarget != 8 || !s.TestAccuracy.IsNaN() || !s.Final.ValidationLoss.IsNaN() || !s.FlushedSteps.IsNaN() {
		t.Errorf("%+v: want NaN for what is absent", s)
	}
}

// TestTable writes and reads tables of numbers, and reads what only claims to be one.
func TestTable(t *testing.T) {
	for _, rows := range [][][]float64{{{1}}, {{1, 2, 3}, {math.Inf(1), math.NaN(), math.Copysign(0, -1)}}} {
		text, err := encodeTable(rows, len(rows[0]))
		if err != nil {
			t.Fatal(err)
		}
		if n := 8 * len(rows) * len(rows[0]); (len(text)-n)%64 != 0 {
			t.Errorf("the numbers start at %d", len(text)-n)
		}
		back, columns, err := decodeTable(text)
		if err != nil || columns != len(rows[0]) || len(back) != len(rows) {
			t.Fatalf("%v, %d columns, %v", back, columns, err)
		}
		for i, row := range rows {
			for j, v := range row {
				if math.Float64bits(back[i][j]) != math.Float64bits(v) {
					t.Errorf("%g is read as %g", v, back[i][j])
				}
			}
		}
	}
	if _, err := encodeTable([][]float64{{1, 2}, {1}}, 2); err == nil {
		t.Error("a row too short is written")
	}
	for _, text := range []string{"", "\x93NUMPY", npyMagic, npyMagic + "\xff\xff", "\x93NUMPY\x02\x00\xff\xff\xff\xff",
		npyMagic + "\x02\x00{}", npyMagic + "\x02\x00{}01234567",
		npyMagic + "\x40\x00{'descr': '<f8', 'fortran_order': False, 'shape': (0, 0), }    \n",
		npyMagic + "\x4f\x00{'descr': '<f8', 'fortran_order': False, 'shape': (9999999999, 9999999999), }\n",
		npyMagic + "\x3d\x00{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1), }\n12345678"} {
		if rows, _, err := decodeTable([]byte(text)); err == nil {
			t.Errorf("%q is read as %v", text, rows)
		}
	}
}

func FuzzTable(f *testing.F) {
	text, err := encodeTable([][]float64{{1, 2}, {3, 4}}, 2)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Fuzz(func(t *testing.T, text []byte) {
		if rows, columns, err := decodeTable(text); err == nil && 8*columns*len(rows) > len(text) {
			t.Errorf("%d rows of %d columns from %d bytes", len(rows), columns, len(text))
		}
	})
}

// TestLock has two writers, and a lock file that a killed process left.
func TestLock(t *testing.T) {
	dir := t.TempDir()
	d, err := Create(dir, []byte("name: x\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Create(dir, []byte("name: x\n"), nil); !errors.Is(err, ErrLocked) {
		t.Errorf("a second writer gets %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	// The lock file stays; it locks nothing by being there.
	d, err = Create(dir, []byte("name: x\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	d.Close()
}
