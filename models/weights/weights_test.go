package weights

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"gorgonia.org/tensor"
)

// network builds a tanh network of 5 inputs, depth layers of 4 and 3 outputs.
func network(t testing.TB, dtype tensor.Dtype, seed uint64, depth, batch int) *models.Network {
	t.Helper()
	p, err := models.NewParameters(dtype, seed)
	if err != nil {
		t.Fatal(err)
	}
	m := models.MLP{Depth: depth, Width: 4, Activation: activations.Tanh(), Initializer: initializers.GlorotNormal(1)}
	n, err := models.Build(m, models.Shape{Inputs: 5, Outputs: 3, Batch: batch, Loss: models.MeanSquaredError}, p, false)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// run returns the output for the inputs x.
func run(t testing.TB, n *models.Network, x []float64) []float64 {
	t.Helper()
	m, err := n.EvaluationMachine()
	if err != nil {
		t.Fatal(err)
	}
	in := n.Input.Value().(*tensor.Dense)
	for i, v := range x {
		if in.Dtype() == tensor.Float32 {
			in.Float32s()[i] = float32(v)
		} else {
			in.Float64s()[i] = v
		}
	}
	if err := m.RunAll(); err != nil {
		t.Fatal(err)
	}
	return values(n.Output.Value().(*tensor.Dense))
}

func values(d *tensor.Dense) []float64 {
	if d.Dtype() == tensor.Float64 {
		return slices.Clone(d.Float64s())
	}
	var out []float64
	for _, v := range d.Float32s() {
		out = append(out, float64(v))
	}
	return out
}

// all returns the bits of all parameters.
func all(p *models.Parameters) []uint64 {
	var out []uint64
	for _, name := range p.Names() {
		t := p.Tensor(name)
		if t.Dtype() == tensor.Float32 {
			for _, v := range t.Float32s() {
				out = append(out, uint64(math.Float32bits(v)))
			}
		} else {
			for _, v := range t.Float64s() {
				out = append(out, math.Float64bits(v))
			}
		}
	}
	return out
}

var input = []float64{0.3, -1.2, 0.05, 2, -0.7}

func save(t testing.TB, p *models.Parameters, metadata map[string]string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "net.safetensors")
	if err := Save(file, p, metadata); err != nil {
		t.Fatal(err)
	}
	return file
}

// A network that loads a file gives the same output to the last bit.
func TestRoundTrip(t *testing.T) {
	for _, dtype := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		a, b := network(t, dtype, 1, 3, 1), network(t, dtype, 2, 3, 1)
		want := run(t, a, input)
		if slices.Equal(run(t, b, input), want) {
			t.Fatal("two seeds, one network")
		}
		file := save(t, a.Parameters, map[string]string{"step": "12"})
		metadata, err := Load(file, b.Parameters)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(all(b.Parameters), all(a.Parameters)) || !slices.Equal(run(t, b, input), want) {
			t.Errorf("%v: another network", dtype)
		}
		if metadata["step"] != "12" || !strings.Contains(metadata["layout"], "(inputs, units)") || len(metadata) != 2 {
			t.Errorf("metadata %v", metadata)
		}
		// The same network gives the same file.
		again, err := os.ReadFile(save(t, b.Parameters, map[string]string{"step": "12"}))
		if err != nil {
			t.Fatal(err)
		}
		if first, err := os.ReadFile(file); err != nil || !bytes.Equal(first, again) {
			t.Errorf("%v: another file (%v)", dtype, err)
		}
	}
}

// All bit patterns survive: NaN with a payload, infinities, negative zero, denormals.
func TestBits(t *testing.T) {
	a, b := network(t, tensor.Float32, 1, 1, 1), network(t, tensor.Float32, 2, 1, 1)
	patterns := []uint32{0x7fc00001, 0xffc12345, 0x7f800000, 0xff800000, 0x80000000, 1, 0x007fffff}
	for i, v := range patterns {
		a.Parameters.Tensor("layer01/weight").Float32s()[i] = math.Float32frombits(v)
	}
	if _, err := Load(save(t, a.Parameters, nil), b.Parameters); err != nil {
		t.Fatal(err)
	}
	for i, v := range patterns {
		if got := math.Float32bits(b.Parameters.Tensor("layer01/weight").Float32s()[i]); got != v {
			t.Errorf("%08x became %08x", v, got)
		}
	}
	c, d := network(t, tensor.Float64, 1, 1, 1), network(t, tensor.Float64, 2, 1, 1)
	wide := []uint64{0x7ff8000000000001, 0xfff0000000000000, 1 << 63, 1, 0x000fffffffffffff}
	for i, v := range wide {
		c.Parameters.Tensor("output/bias").Float64s()[i%3] = math.Float64frombits(v)
		if _, err := Load(save(t, c.Parameters, nil), d.Parameters); err != nil {
			t.Fatal(err)
		}
		if got := math.Float64bits(d.Parameters.Tensor("output/bias").Float64s()[i%3]); got != v {
			t.Errorf("%016x became %016x", v, got)
		}
	}
}

// A network of PyTorch, saved with another order of the tensors, has the same output
// here. See testdata/torch_mlp.py.
func TestFromPyTorch(t *testing.T) {
	text, err := os.ReadFile("testdata/torch_mlp.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct{ X, Y []float64 }
	if err := json.Unmarshal(text, &golden); err != nil {
		t.Fatal(err)
	}
	n := network(t, tensor.Float64, 1, 2, 2)
	metadata, err := Load("testdata/torch_mlp.safetensors", n.Parameters)
	if err != nil || metadata["format"] != "pt" {
		t.Fatal(err, metadata)
	}
	for i, got := range run(t, n, golden.X) {
		if math.Abs(got-golden.Y[i]) > 1e-14 {
			t.Errorf("output %d is %v, PyTorch's %v", i, got, golden.Y[i])
		}
	}
}

// An independent program reads the file and computes the same output.
func TestToPython(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3")
	}
	for dtype, tolerance := range map[tensor.Dtype]float64{tensor.Float32: 1e-6, tensor.Float64: 1e-14} {
		n := network(t, dtype, 3, 2, 1)
		file := save(t, n.Parameters, map[string]string{"epoch": "3 é\n\"<"})
		args := []string{"testdata/forward.py", file}
		for _, v := range input {
			args = append(args, strconv.FormatFloat(v, 'x', -1, 64))
		}
		out, err := exec.Command(python, args...).Output()
		if err != nil {
			var exit *exec.ExitError
			if errors.As(err, &exit) {
				t.Fatalf("%v\n%s", err, exit.Stderr)
			}
			t.Fatal(err)
		}
		got := strings.Fields(string(out))
		want := run(t, n, input)
		if len(got) != len(want) {
			t.Fatalf("output %q", out)
		}
		for i, text := range got {
			if v, err := strconv.ParseFloat(text, 64); err != nil || math.Abs(v-want[i]) > tolerance {
				t.Errorf("%v: output %d is %v in Python, %v here (%v)", dtype, i, v, want[i], err)
			}
		}
	}
}

// The bytes of a small file, written out by hand.
func TestBytes(t *testing.T) {
	p, err := models.NewParameters(tensor.Float32, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := models.Build(models.MLP{Initializer: initializers.GlorotNormal(1)},
		models.Shape{Inputs: 2, Outputs: 1, Batch: 1, Loss: models.MeanSquaredError}, p, false); err != nil {
		t.Fatal(err)
	}
	copy(p.Tensor("output/weight").Float32s(), []float32{1, -2})
	copy(p.Tensor("output/bias").Float32s(), []float32{0.5})
	got, err := os.ReadFile(save(t, p, nil))
	if err != nil {
		t.Fatal(err)
	}
	text := `{"__metadata__":{"layout":"row-major; a layer is y = f(x W + b) with weight (inputs, units), the transpose of torch.nn.Linear's"},` +
		`"output/weight":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"output/bias":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}`
	text += strings.Repeat(" ", (8-len(text)%8)%8)
	want := binary.LittleEndian.AppendUint64(nil, uint64(len(text)))
	want = append(want, text...)
	want = append(want, 0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0, 0, 0, 0, 0x3f)
	if !bytes.Equal(got, want) {
		t.Errorf("%q\nwant\n%q", got, want)
	}
}

// image makes a file of a header and n bytes of values.
func image(header string, n int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), make([]byte, n)...)
}

func TestFormatErrors(t *testing.T) {
	const good = `{"output/bias":{"dtype":"F32","shape":[3],"data_offsets":[60,72]},"output/weight":{"dtype":"F32","shape":[5,3],"data_offsets":[0,60]}}`
	n := network(t, tensor.Float32, 1, 0, 1)
	if _, err := Read("f", bytes.NewReader(image(good, 72)), int64(len(image(good, 72))), n.Parameters); err != nil {
		t.Fatal(err)
	}
	before := all(n.Parameters)
	with := func(old, new string) string {
		if strings.Count(good, old) < 1 {
			t.Fatalf("no %s", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	huge := image(good, 72)
	binary.LittleEndian.PutUint64(huge, math.MaxUint64)
	long := image(good, 72)
	binary.LittleEndian.PutUint64(long, 1<<40)
	for _, c := range []struct {
		name string
		file []byte
		at   int // offset, -1 for any
		want string
	}{
		{"empty", nil, 0, "ends within the length of the header"},
		{"cut in the length", huge[:5], 5, "ends within the length of the header"},
		{"huge header", huge, 0, "a header of 18446744073709551615 bytes in a file of"},
		{"long header", long, 0, "a header of 1099511627776 bytes in a file of"},
		{"cut in the header", image(good, 72)[:40], 0, "no safetensors file, or a cut one"},
		{"another file", []byte("PK\x03\x04 a zip file of numpy or PyTorch"), 0, "no safetensors file"},
		{"empty header", image("", 72), 8, "does not begin with {"},
		{"blank header", image("        ", 72), 8, "does not begin with {"},
		{"a list", image("[1]", 72), 8, "does not begin with {"},
		{"no UTF-8", image("{\"\xff\":1}", 72), 8, "not UTF-8"},
		{"cut JSON", image(good[:60], 72), -1, "header"},
		{"JSON goes on", image(good+"{}", 72), 8 + len(good), "text after"},
		{"padding", image(good+"\x00", 72), 8 + len(good), "text after"},
		{"tensor is a number", image(`{"a":1}`, 72), 8 + 6, "1 instead of {"},
		{"tensor is null", image(`{"a":null}`, 72), 8 + 9, "instead of {"},
		{"twice", image(with("output/weight", "output/bias"), 72), -1, `duplicate key "output/bias"`},
		{"twice in disguise", image(with("output/weight", `output\/bias`), 72), -1, `duplicate key "output/bias"`},
		{"property twice", image(with(`"shape":[3]`, `"dtype":"F64"`), 72), -1, `duplicate key "dtype"`},
		{"unknown property", image(with(`"shape":[3]`, `"stride":[1]`), 72), -1, `unknown property "stride"`},
		{"capitals", image(with(`"shape":[3]`, `"Shape":[3]`), 72), -1, `unknown property "Shape"`},
		{"no shape", image(with(`"shape":[3],`, ""), 72), -1, `"output/bias" has no shape`},
		{"no dtype", image(with(`"dtype":"F32",`, ""), 72), -1, `unknown dtype ""`},
		{"unknown dtype", image(with("F32", "F31"), 72), -1, `unknown dtype "F31"`},
		{"no offsets", image(with(`,"data_offsets":[60,72]`, ""), 72), -1, "data_offsets []; want two"},
		{"three offsets", image(with("[60,72]", "[60,66,72]"), 72), -1, "want two"},
		{"offset is text", image(with("[60,72]", `["60",72]`), 72), -1, "not valid JSON"},
		{"offset is a fraction", image(with("[60,72]", `[60.5,72]`), 72), -1, "not valid JSON"},
		{"offset beyond 64 bits", image(with("[60,72]", `[60,99999999999999999999]`), 72), -1, "not valid JSON"},
		{"negative offset", image(with("[60,72]", "[-12,0]"), 72), -1, "there are 72 bytes of values"},
		{"offsets swapped", image(with("[60,72]", "[72,60]"), 72), -1, "there are 72 bytes of values"},
		{"offset beyond the file", image(with("[60,72]", "[60,9223372036854775807]"), 72), -1, "there are 72 bytes of values"},
		{"negative dimension", image(with("[3]", "[-3]"), 72), -1, "cannot have the shape [-3]"},
		{"overflowing shape", image(with("[3]", "[4294967296,4294967296]"), 72), -1, "cannot have the shape"},
		{"overflow to the right size", image(with("[3]", "[4611686018427387907]"), 72), -1, "cannot have the shape"},
		{"other shape", image(with("[3]", "[4]"), 72), -1, `takes 16 bytes, but has 12`},
		{"other dtype", image(with("F32", "F64"), 72), -1, `takes 24 bytes, but has 12`},
		{"overlap", image(with("[60,72]", "[48,60]"), 72), -1, `"output/bias" begins at byte`},
		{"gap", image(with(`[60,72]`, `[64,76]`), 76), -1, `"output/bias" begins at byte`},
		{"begins late", image(strings.NewReplacer("[60,72]", "[64,76]", "[0,60]", "[4,64]").Replace(good), 76), 8 + len(good), `"output/weight" begins at byte`},
		{"values go on", image(good, 73), 8 + len(good) + 72, "the values end here"},
		{"values cut", image(good, 71), -1, "there are 71 bytes of values"},
		{"metadata is text", image(with("{", `{"__metadata__":"a",`), 72), -1, "a instead of {"},
		{"metadata of numbers", image(with("{", `{"__metadata__":{"a":1},`), 72), -1, "not valid JSON"},
		{"metadata of null", image(with("{", `{"__metadata__":{"a":null},`), 72), -1, "a of __metadata__ is null"},
	} {
		_, err := Read("f", bytes.NewReader(c.file), int64(len(c.file)), n.Parameters)
		var e *FormatError
		if !errors.As(err, &e) || !errors.Is(err, ErrFormat) || errors.Is(err, ErrMismatch) || e.File != "f" || strings.Contains(e.Error(), "\n") {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if !strings.Contains(e.Problem, c.want) || c.at >= 0 && e.Offset != int64(c.at) || e.Offset < 0 || e.Offset > int64(len(c.file)) {
			t.Errorf("%s: %v; want byte %d: %s", c.name, e, c.at, c.want)
		}
		if !slices.Equal(all(n.Parameters), before) {
			t.Fatalf("%s: the parameters have changed", c.name)
		}
	}
}

// A file that is cut anywhere is refused.
func TestCut(t *testing.T) {
	n := network(t, tensor.Float32, 1, 1, 1)
	file, err := os.ReadFile(save(t, n.Parameters, nil))
	if err != nil {
		t.Fatal(err)
	}
	before := all(n.Parameters)
	for size := range file {
		if _, err := Read("f", bytes.NewReader(file[:size]), int64(size), n.Parameters); !errors.Is(err, ErrFormat) {
			t.Fatalf("cut to %d of %d bytes: %v", size, len(file), err)
		}
	}
	// So is one that shrinks while it is read: nothing is half loaded.
	other := network(t, tensor.Float32, 2, 1, 1)
	if _, err := Read("f", bytes.NewReader(file[:len(file)-4]), int64(len(file)), other.Parameters); !errors.Is(err, ErrFormat) {
		t.Error(err)
	}
	if !slices.Equal(all(n.Parameters), before) || !slices.Equal(all(other.Parameters), all(network(t, tensor.Float32, 2, 1, 1).Parameters)) {
		t.Error("the parameters have changed")
	}
}

func TestMismatch(t *testing.T) {
	of := func(dtype tensor.Dtype, depth int) *models.Parameters {
		return network(t, dtype, 1, depth, 1).Parameters
	}
	empty, err := models.NewParameters(tensor.Float32, 1)
	if err != nil {
		t.Fatal(err)
	}
	transposed := strings.NewReplacer("@", `"dtype":"F32"`).Replace(
		`{"output/weight":{@,"shape":[3,5],"data_offsets":[0,60]},"output/bias":{@,"shape":[3],"data_offsets":[60,72]}}`)
	file := filepath.Join(t.TempDir(), "torch")
	if err := os.WriteFile(file, image(transposed, 72), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, file string
		p          *models.Parameters
		want       string
	}{
		{"type", save(t, of(tensor.Float64, 1), nil), of(tensor.Float32, 1), "layer01/weight is of F64, the network of F32"},
		{"deeper network", save(t, of(tensor.Float32, 2), nil), of(tensor.Float32, 4), "the file lacks layer03/weight, layer03/bias, layer04/weight and 1 more"},
		{"deeper file", save(t, of(tensor.Float32, 2), nil), of(tensor.Float32, 1), "the file has layer02/weight, layer02/bias, which the network does not have"},
		{"shape", save(t, of(tensor.Float32, 1), nil), of(tensor.Float32, 0), "output/weight has the shape [4 3], in the network [5 3]"},
		{"transposed", file, of(tensor.Float32, 0), "[5 3]: it has to be transposed, weights are (inputs, units) here"},
		{"no network", save(t, of(tensor.Float32, 1), nil), empty, "build the network first"},
	} {
		before := all(c.p)
		_, err := Load(c.file, c.p)
		if !errors.Is(err, ErrMismatch) || errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.file) {
			t.Errorf("%s: %v; want %s", c.name, err, c.want)
		}
		if !slices.Equal(all(c.p), before) {
			t.Errorf("%s: the parameters have changed", c.name)
		}
	}
	if _, err := Load(filepath.Join(t.TempDir(), "nothing"), of(tensor.Float32, 1)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	if _, err := Load(t.TempDir(), of(tensor.Float32, 1)); err == nil {
		t.Error("a directory was loaded")
	}
}

func TestSaveErrors(t *testing.T) {
	n := network(t, tensor.Float32, 1, 1, 1)
	dir := t.TempDir()
	file := filepath.Join(dir, "net")
	if err := os.WriteFile(file, []byte("old"), 0o666); err != nil {
		t.Fatal(err)
	}
	empty, err := models.NewParameters(tensor.Float32, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := Save(file, empty, nil); err == nil || !strings.Contains(err.Error(), "build the network first") {
		t.Errorf("no parameters: %v", err)
	}
	if err := Save(file, n.Parameters, map[string]string{"layout": "mine"}); err == nil || !strings.Contains(err.Error(), `"layout"`) {
		t.Errorf("layout: %v", err)
	}
	if err := Save(filepath.Join(dir, "no", "net"), n.Parameters, nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no directory: %v", err)
	}
	if err := Save(dir, n.Parameters, nil); err == nil {
		t.Error("a directory was replaced")
	}
	transposed := network(t, tensor.Float32, 1, 1, 1)
	if err := transposed.Parameters.Tensor("layer01/weight").T(); err != nil {
		t.Fatal(err)
	}
	if err := Save(file, transposed.Parameters, nil); err == nil || !strings.Contains(err.Error(), "row-major") {
		t.Errorf("transposed: %v", err)
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != "old" {
		t.Errorf("the file is %q now (%v)", b, err)
	}
	// It is replaced as a whole, and nothing else is left.
	if err := Save(file, n.Parameters, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(file, n.Parameters); err != nil {
		t.Error(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
}

// A header may promise anything: what is allocated is what the file has.
func TestAllocation(t *testing.T) {
	n := network(t, tensor.Float32, 1, 0, 1)
	for _, header := range []string{
		`{"output/weight":{"dtype":"F32","shape":[1099511627776],"data_offsets":[0,4398046511104]}}`,
		`{"output/weight":{"dtype":"U8","shape":[9223372036854775807],"data_offsets":[0,9223372036854775807]}}`,
	} {
		file := image(header, 72)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Read("f", bytes.NewReader(file), int64(len(file)), n.Parameters)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, ErrFormat) {
			t.Error(err)
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > 1<<16 {
			t.Errorf("%d bytes allocated for a file of %d", got, len(file))
		}
	}
}

func FuzzRead(f *testing.F) {
	n := network(f, tensor.Float32, 1, 0, 1)
	good, err := os.ReadFile(save(f, n.Parameters, map[string]string{"a": "b"}))
	if err != nil {
		f.Fatal(err)
	}
	torch, err := os.ReadFile("testdata/torch_mlp.safetensors")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(torch)
	f.Add(image(`{"a":{"dtype":"F16","shape":[],"data_offsets":[0,2]},"b":{"dtype":"BOOL","shape":[0],"data_offsets":[2,2]}}`, 2))
	f.Add(image(`{"__metadata__":{}}`, 0))
	p, q := network(f, tensor.Float32, 2, 0, 1).Parameters, network(f, tensor.Float32, 3, 0, 1).Parameters
	f.Fuzz(func(t *testing.T, b []byte) {
		before := all(p)
		metadata, err := Read("f", bytes.NewReader(b), int64(len(b)), p)
		if err != nil {
			var e *FormatError
			if errors.As(err, &e) == errors.Is(err, ErrMismatch) || e != nil && (e.Offset < 0 || e.Offset > int64(len(b))) {
				t.Errorf("%#v", err)
			}
			if !slices.Equal(all(p), before) {
				t.Error("the parameters have changed")
			}
			return
		}
		// What was accepted is written and read the same.
		delete(metadata, layoutKey)
		var file bytes.Buffer
		if err := Write(&file, p, metadata); err != nil {
			t.Fatal(err)
		}
		again, err := Read("f", bytes.NewReader(file.Bytes()), int64(file.Len()), q)
		delete(again, layoutKey)
		if err != nil || !slices.Equal(all(q), all(p)) || fmt.Sprint(again) != fmt.Sprint(metadata) && len(again)+len(metadata) > 0 {
			t.Errorf("%v: %v, %v", err, metadata, again)
		}
	})
}
