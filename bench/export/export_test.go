package export_test

import (
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/bench/export"
	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/models/train"
	"github.com/parquet-go/parquet-go"
	"google.golang.org/protobuf/encoding/protowire"
)

// runs are two: one is done, the other diverged and has hostile texts.
func runs() []*record.Record {
	nan := record.Number(math.NaN())
	config := record.Config{
		Task: catalogue.Choice{Name: "digits"}, Model: catalogue.Choice{Name: "mlp"}, Depth: 2, Width: 8,
		Activation: catalogue.Choice{Name: "tanh"}, Initializer: catalogue.Choice{Name: "glorot-normal"},
		Normalization: catalogue.Choice{Name: "none"}, Optimizer: catalogue.Choice{Name: "sgd", Settings: map[string]any{"rate": 0.1}},
		DType: "float32", FlushToZero: true, Batch: 16, Steps: 60, Evaluate: 30, Probe: 8, Target: 0.9, Seed: 1,
	}
	whole := &record.Record{Hash: config.Hash(), Config: config,
		Metrics: []record.Metric{{Step: 0, TrainLoss: nan, ValidationLoss: 2.3, ValidationAccuracy: 0.1}, {Step: 60, TrainLoss: 1. / 3, ValidationLoss: math.Pi, ValidationAccuracy: 0.7}},
		Layers: &record.LayerTable{Columns: []string{"step", "layer", "weight-gradient", "chi"},
			Rows: [][]float64{{0, 0, -1.5, 0.25}, {0, 1, math.Inf(-1), math.NaN()}, {60, 0, -0.1, 1}, {60, 1, -0.3, 2}}},
		Summary: record.Summary{Status: train.Done, Steps: 60, Final: record.Metric{Step: 60, TrainLoss: 1. / 3, ValidationLoss: math.Pi, ValidationAccuracy: 0.7},
			TestAccuracy: 0.1 + 0.2, TestLoss: 1e-300, Best: 0.7, Target: 0.9, StepsToTarget: nan, Chance: 0.1, Judged: 360,
			DecadesFirst: 2.5, DecadesLast: nan, DenormalSteps: nan, FlushedSteps: 3, Parameters: 682, LayerNames: []string{"layer01", "output"},
			Environment: record.Environment{Kernel: "avx2", CPU: "a, \"b\"", Platform: "linux/amd64"}},
		Timing: record.Timing{Seconds: 0.5}}
	other := *whole
	other.Config.Seed, other.Config.Depth = 2, 3
	other.Config.Activation = catalogue.Choice{Name: "own/é\n\"x\""}
	other.Hash = other.Config.Hash()
	other.Summary.Status, other.Summary.Reason = train.Diverged, "the loss is\nNaN"
	other.Summary.TestAccuracy, other.Summary.TestLoss = nan, nan
	other.Layers, other.Metrics = nil, nil
	return []*record.Record{whole, &other}
}

func table(t testing.TB, name string) export.Table {
	table, err := export.TableNamed(name)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// TestCSV checks that numbers come back bit for bit, and that what is not known is empty.
func TestCSV(t *testing.T) {
	var b bytes.Buffer
	if err := export.CSV(&b, table(t, "runs"), runs()); err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(&b).ReadAll()
	if err != nil || len(lines) != 3 {
		t.Fatalf("%d lines, %v", len(lines), err)
	}
	cell := func(row int, column string) string { return lines[row][slices.Index(lines[0], column)] }
	if x, err := strconv.ParseFloat(cell(1, "test_accuracy"), 64); err != nil || x != 0.1+0.2 {
		t.Errorf("test_accuracy %q is not 0.1+0.2", cell(1, "test_accuracy"))
	}
	for column, want := range map[string]string{"activation": "tanh", "depth": "2", "steps_to_target": "", "test_loss": "1e-300", "env_cpu": "a, \"b\"", "optimizer": "sgd(rate=0.1)"} {
		if got := cell(1, column); got != want {
			t.Errorf("%s is %q, want %q", column, got, want)
		}
	}
	if cell(2, "test_accuracy") != "" || cell(2, "status") != "diverged" || cell(2, "reason") != "the loss is\nNaN" {
		t.Errorf("the diverged run is %q", lines[2])
	}
}

// TestJSONLines checks each line against the CSV's columns.
func TestJSONLines(t *testing.T) {
	for _, name := range []string{"runs", "curves", "layers"} {
		var b bytes.Buffer
		if err := export.JSONLines(&b, table(t, name), runs()); err != nil {
			t.Fatal(err)
		}
		columns := table(t, name).Columns(runs())
		lines := bytes.Split(bytes.TrimSpace(b.Bytes()), []byte("\n"))
		if want := map[string]int{"runs": 2, "curves": 2, "layers": 4}[name]; len(lines) != want {
			t.Errorf("%s has %d lines, want %d", name, len(lines), want)
		}
		for _, line := range lines {
			var row map[string]any
			if err := json.Unmarshal(line, &row); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			for _, c := range columns {
				v, ok := row[c.Name]
				_, isText := v.(string)
				if !ok || v != nil && isText != (c.Kind == export.Text) {
					t.Errorf("%s: %s, a %v, is %v", name, c.Name, c.Kind, v)
				}
			}
			if len(row) != len(columns) {
				t.Errorf("%s has %d keys, want %d", name, len(row), len(columns))
			}
		}
	}
}

// TestParquet reads the file back with names and types found in it.
func TestParquet(t *testing.T) {
	var b bytes.Buffer
	if err := export.Parquet(&b, table(t, "layers"), runs()); err != nil {
		t.Fatal(err)
	}
	f, err := parquet.OpenFile(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if doc, ok := f.Lookup("chi"); !ok || !strings.Contains(doc, "χ") && doc == "" {
		t.Errorf("chi is documented as %q, %t", doc, ok)
	}
	type layer struct {
		Run            *string  `parquet:"run,optional"`
		Step           *int64   `parquet:"step,optional"`
		Layer          *string  `parquet:"layer,optional"`
		WeightGradient *float64 `parquet:"weight_gradient,optional"`
		Chi            *float64 `parquet:"chi,optional"`
	}
	rows, err := parquet.Read[layer](bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil || len(rows) != 4 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	second := rows[1]
	if *second.Run != runs()[0].Hash || *second.Step != 0 || *second.Layer != "output" || !math.IsInf(*second.WeightGradient, -1) || second.Chi != nil {
		t.Errorf("the second row is %+v", second)
	}
	if *rows[3].Step != 60 || *rows[3].Chi != 2 {
		t.Errorf("the last row is %+v", rows[3])
	}
	if f.NumRows() != 4 {
		t.Errorf("the file says that it has %d rows", f.NumRows())
	}
}

// TestBenchmarks checks the format's rules: a name without spaces that begins with Benchmark,
// the iterations, then pairs of a number and a unit.
func TestBenchmarks(t *testing.T) {
	var b bytes.Buffer
	if err := export.Benchmarks(&b, runs()); err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, line := range strings.Split(b.String(), "\n") {
		if !strings.HasPrefix(line, "Benchmark") {
			continue
		}
		found++
		fields := strings.Fields(line)
		if _, err := strconv.Atoi(fields[1]); err != nil || len(fields)%2 != 0 {
			t.Errorf("%q is not a line of a benchmark", line)
		}
		for i := 2; i < len(fields); i += 2 {
			if _, err := strconv.ParseFloat(fields[i], 64); err != nil {
				t.Errorf("%q: %v", line, err)
			}
		}
	}
	if found != 2 || !strings.Contains(b.String(), "/depth=2") || strings.Contains(b.String(), "NaN") {
		t.Errorf("the benchmarks are\n%s", b.String())
	}
}

// castagnoli is CRC-32C by its definition: the remainder by the polynomial 0x1EDC6F41, bits
// reversed.
func castagnoli(b []byte) uint32 {
	crc := ^uint32(0)
	for _, c := range b {
		crc ^= uint32(c)
		for range 8 {
			if crc&1 == 1 {
				crc = crc>>1 ^ 0x82F63B78
			} else {
				crc >>= 1
			}
		}
	}
	return ^crc
}

// messages reads TFRecords and checks their checksums.
func messages(t *testing.T, text []byte) (list [][]byte) {
	check := func(what string, b []byte, want uint32) {
		if crc := castagnoli(b); crc>>15|crc<<17 != want-0xa282ead8 {
			t.Fatalf("the checksum of %s %d is wrong", what, len(list))
		}
	}
	for len(text) > 0 {
		n := binary.LittleEndian.Uint64(text)
		check("length", text[:8], binary.LittleEndian.Uint32(text[8:]))
		message := text[12 : 12+n]
		check("message", message, binary.LittleEndian.Uint32(text[12+n:]))
		list, text = append(list, message), text[16+n:]
	}
	return list
}

// fields reads a message: the last value of each number, as bytes.
func fields(t *testing.T, b []byte) map[protowire.Number][]byte {
	m := map[protowire.Number][]byte{}
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		b = b[n:]
		n = protowire.ConsumeFieldValue(number, kind, b)
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		value := b[:n]
		if kind == protowire.BytesType {
			value, _ = protowire.ConsumeBytes(b)
		}
		m[number], b = value, b[n:]
	}
	return m
}

// TestEvents reads an event file by the format's definition.
func TestEvents(t *testing.T) {
	var b bytes.Buffer
	if err := export.Events(&b, runs()[0]); err != nil {
		t.Fatal(err)
	}
	all := messages(t, b.Bytes())
	if version := fields(t, all[0])[3]; string(version) != "brain.Event:2" {
		t.Errorf("the first event has version %q", version)
	}
	tags := map[string]map[protowire.Number][]byte{}
	for _, m := range all[1:] {
		event := fields(t, m)
		step, _ := protowire.ConsumeVarint(event[2])
		value := fields(t, fields(t, event[5])[1])
		tags[fmt.Sprint(string(value[1]), " ", step)] = value
	}
	if v := tags["weight-gradient/layer01 0"]; v == nil || math.Float32frombits(binary.LittleEndian.Uint32(v[2])) != -1.5 {
		t.Errorf("weight-gradient of layer01 at step 0 is %v", v)
	}
	if _, there := tags["weight-gradient/output 0"]; there {
		t.Error("an infinite value has an event")
	}
	h := fields(t, tags["layers/weight-gradient 60"][5])
	number := func(n protowire.Number) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(h[n])) }
	if number(1) != -0.3 || number(2) != -0.1 || number(3) != 2 || number(4) != -0.4 {
		t.Errorf("the histogram has min %v, max %v, num %v, sum %v", number(1), number(2), number(3), number(4))
	}
	counted := 0.
	for i := 0; i < len(h[7]); i += 8 {
		counted += math.Float64frombits(binary.LittleEndian.Uint64(h[7][i:]))
	}
	if counted != 2 || len(h[6]) != len(h[7]) {
		t.Errorf("the buckets hold %v values", counted)
	}
}

// TestTensorBoard checks that hostile names stay in the directory, and that a run gives the
// same bytes each time.
func TestTensorBoard(t *testing.T) {
	var text [2][]byte
	for i := range text {
		dir := t.TempDir()
		if err := export.TensorBoard(dir, runs()); err != nil {
			t.Fatal(err)
		}
		entries, err := filepath.Glob(filepath.Join(dir, "*", "events.out.tfevents*"))
		if err != nil || len(entries) != 2 {
			t.Fatalf("%d event files, %v", len(entries), err)
		}
		for _, e := range entries {
			b, err := os.ReadFile(e)
			if err != nil {
				t.Fatal(err)
			}
			text[i] = append(text[i], b...)
		}
	}
	if !bytes.Equal(text[0], text[1]) {
		t.Error("the event files differ from time to time")
	}
}

// TestFullDisk checks that no format hides that it could not write.
func TestFullDisk(t *testing.T) {
	for _, f := range export.Formats {
		if f.Write != nil && f.Write(full{}, table(t, "runs"), runs()) == nil {
			t.Errorf("%s: a write that fails is no error", f.Name)
		}
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

// The curves of recorded runs, as comma-separated values. (Those of a study come from
// study.Open.)
func Example() {
	curves, err := export.TableNamed("curves")
	if err != nil {
		log.Fatal(err)
	}
	run := &record.Record{Hash: "c0ffee", Metrics: []record.Metric{{Step: 100, TrainLoss: 0.5, ValidationLoss: 0.25, ValidationAccuracy: 0.9}}}
	if err := export.CSV(os.Stdout, curves, []*record.Record{run}); err != nil {
		log.Fatal(err)
	}
	// Output:
	// run,step,train_loss,validation_loss,validation_accuracy
	// c0ffee,100,0.5,0.25,0.9
}
