package export

import (
	"bufio"
	"encoding/binary"
	"hash/crc32"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/pkg/errors"
	"google.golang.org/protobuf/encoding/protowire"
)

// TensorBoard writes a directory for each run with an event file in it, which
// `tensorboard --logdir DIR` shows:
//
//	train/loss, validation/loss, validation/accuracy     at each evaluation
//	test/loss, test/accuracy                             at the end
//	QUANTITY/LAYER                                       of each layer at each probed step
//	layers/QUANTITY                                      a histogram over the layers
//
// A directory has the run's differing axes and its seed for a name. The wall time of an event
// is not that of the run, which is not recorded for each step: it is the step in seconds, so
// that the same run gives the same file, bit for bit.
//
// The format is that of TensorFlow's Event and Summary messages (tensorflow/core/util/event.proto
// and framework/summary.proto) in TFRecord files: length, masked CRC-32C of the length, message,
// masked CRC-32C of the message. TensorBoard has single precision: for full precision, use another
// format.
func TensorBoard(dir string, runs []*record.Record) error {
	configs := make([]record.Config, len(runs))
	for i, r := range runs {
		configs[i] = r.Config
	}
	labels := study.Labels(configs, study.Axes)
	for i, r := range runs {
		name := fileName(labels[i]) + "-" + r.Hash
		if labels[i] == "" {
			name = r.Hash
		}
		place := filepath.Join(dir, name)
		if err := os.Mkdir(place, 0o777); err != nil {
			return errors.WithStack(err)
		}
		f, err := os.Create(filepath.Join(place, "events.out.tfevents.0.gradflow"))
		if err != nil {
			return errors.WithStack(err)
		}
		err = Events(f, r)
		if closeErr := f.Close(); err == nil {
			err = closeErr
		}
		if err != nil {
			return errors.Wrapf(err, "write the events of run %s", r.Hash)
		}
	}
	return nil
}

// fileName makes the name of a directory of a label: letters, digits and what is harmless.
func fileName(label string) string {
	name := []byte(label)
	for i, c := range name {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.' && i > 0, c == '-' && i > 0, c == '=':
		default:
			name[i] = '_'
		}
	}
	return string(name[:min(len(name), 120)])
}

// Events writes the events of a run: a TFRecord file.
func Events(w io.Writer, r *record.Record) error {
	e := &events{w: bufio.NewWriter(w)}
	var version []byte
	version = protowire.AppendTag(version, 3, protowire.BytesType) // file_version
	e.record(e.event(0, protowire.AppendString(version, "brain.Event:2")))
	for _, m := range r.Metrics {
		e.scalars(m.Step, []scalar{
			{"train/loss", float64(m.TrainLoss)}, {"validation/loss", float64(m.ValidationLoss)}, {"validation/accuracy", float64(m.ValidationAccuracy)},
		})
	}
	e.scalars(r.Summary.Steps, []scalar{{"test/loss", float64(r.Summary.TestLoss)}, {"test/accuracy", float64(r.Summary.TestAccuracy)}})
	if r.Layers != nil {
		e.layers(r)
	}
	if e.err == nil {
		e.err = e.w.Flush()
	}
	return e.err
}

type scalar struct {
	tag   string
	value float64
}

// events writes TFRecords and keeps the first error.
type events struct {
	w   *bufio.Writer
	err error
}

// layers writes a scalar of each quantity of each layer, and histograms over the layers.
func (e *events) layers(r *record.Record) {
	step, layer := r.Layers.Column(record.StepColumn), r.Layers.Column(record.LayerColumn)
	for _, q := range quantities(r) {
		column := r.Layers.Column(q)
		var over []float64
		for i, row := range r.Layers.Rows {
			e.scalars(int(row[step]), []scalar{{q + "/" + layerName(r, int(row[layer])), row[column]}})
			if v := row[column]; !math.IsNaN(v) && !math.IsInf(v, 0) {
				over = append(over, v)
			}
			if i+1 == len(r.Layers.Rows) || r.Layers.Rows[i+1][step] != row[step] {
				if len(over) > 0 {
					e.histogram(int(row[step]), "layers/"+q, over)
				}
				over = over[:0]
			}
		}
	}
}

// scalars writes those that are finite, as one event.
func (e *events) scalars(step int, list []scalar) {
	var summary []byte
	for _, s := range list {
		if math.IsNaN(s.value) || math.IsInf(s.value, 0) {
			continue
		}
		var value []byte
		value = protowire.AppendTag(value, 1, protowire.BytesType) // tag
		value = protowire.AppendString(value, s.tag)
		value = protowire.AppendTag(value, 2, protowire.Fixed32Type) // simple_value
		value = protowire.AppendFixed32(value, math.Float32bits(float32(s.value)))
		summary = protowire.AppendTag(summary, 1, protowire.BytesType) // value
		summary = protowire.AppendBytes(summary, value)
	}
	e.summary(step, summary)
}

// mostBuckets is the number of buckets of a histogram.
const mostBuckets = 30

// histogram writes the distribution of values in buckets of equal width.
func (e *events) histogram(step int, tag string, values []float64) {
	lo, hi := slices.Min(values), slices.Max(values)
	n := mostBuckets
	if hi == lo {
		n = 1
	}
	limits, counts := make([]float64, n), make([]float64, n)
	for i := range limits {
		limits[i] = lo + (hi-lo)*float64(i+1)/float64(n)
	}
	limits[n-1] = hi
	sum, squares := 0., 0.
	for _, v := range values {
		sum, squares = sum+v, squares+v*v
		at, _ := slices.BinarySearch(limits, v) // a bucket ends with its limit
		counts[min(at, n-1)]++
	}
	var h []byte
	for i, v := range []float64{lo, hi, float64(len(values)), sum, squares} {
		h = protowire.AppendTag(h, protowire.Number(i+1), protowire.Fixed64Type)
		h = protowire.AppendFixed64(h, math.Float64bits(v))
	}
	for i, list := range [][]float64{limits, counts} {
		var packed []byte
		for _, v := range list {
			packed = protowire.AppendFixed64(packed, math.Float64bits(v))
		}
		h = protowire.AppendTag(h, protowire.Number(6+i), protowire.BytesType)
		h = protowire.AppendBytes(h, packed)
	}
	var value []byte
	value = protowire.AppendTag(value, 1, protowire.BytesType)
	value = protowire.AppendString(value, tag)
	value = protowire.AppendTag(value, 5, protowire.BytesType) // histo
	value = protowire.AppendBytes(value, h)
	var summary []byte
	summary = protowire.AppendTag(summary, 1, protowire.BytesType)
	e.summary(step, protowire.AppendBytes(summary, value))
}

// summary writes an event with a summary, unless that is empty.
func (e *events) summary(step int, summary []byte) {
	if len(summary) == 0 {
		return
	}
	var what []byte
	what = protowire.AppendTag(what, 5, protowire.BytesType) // summary
	e.record(e.event(step, protowire.AppendBytes(what, summary)))
}

// event is an Event message.
func (e *events) event(step int, what []byte) []byte {
	var event []byte
	event = protowire.AppendTag(event, 1, protowire.Fixed64Type) // wall_time
	event = protowire.AppendFixed64(event, math.Float64bits(float64(step)))
	event = protowire.AppendTag(event, 2, protowire.VarintType) // step
	event = protowire.AppendVarint(event, uint64(step))
	return append(event, what...)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// masked is TFRecord's checksum.
func masked(b []byte) uint32 {
	c := crc32.Checksum(b, castagnoli)
	return (c>>15 | c<<17) + 0xa282ead8
}

// record writes a TFRecord.
func (e *events) record(message []byte) {
	if e.err != nil {
		return
	}
	head := binary.LittleEndian.AppendUint64(nil, uint64(len(message)))
	head = binary.LittleEndian.AppendUint32(head, masked(head))
	tail := binary.LittleEndian.AppendUint32(nil, masked(message))
	for _, part := range [][]byte{head, message, tail} {
		if _, err := e.w.Write(part); err != nil {
			e.err = err
			return
		}
	}
}
