package tasks

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/catalogue"
)

// idxBytes makes the content of an IDX file.
func idxBytes(data []byte, dims ...int) []byte {
	b := []byte{0, 0, 8, byte(len(dims))}
	for _, d := range dims {
		b = binary.BigEndian.AppendUint32(b, uint32(d))
	}
	return append(b, data...)
}

func gzipped(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	z.Write(b)
	z.Close()
	return out.Bytes()
}

// images makes n images of h x w and their labels, which cycle through the
// classes; no two images are equal.
func images(n, h, w, classes, salt int) (x, labels []byte) {
	for i := range n {
		labels = append(labels, byte(i%classes))
		for j := range h * w {
			switch j {
			case 0:
				x = append(x, byte(salt))
			case 1:
				x = append(x, byte(i>>8))
			case 2:
				x = append(x, byte(i))
			default:
				x = append(x, byte((i*7+j*13+(i%classes)*29)%251))
			}
		}
	}
	return x, labels
}

// writeSet writes the four files of a data set of 3 x 2 images in 4 classes: 60
// training and 20 test examples. change may alter their content.
func writeSet(t testing.TB, dir string, change func(files map[string][]byte)) {
	t.Helper()
	x, l := images(60, 3, 2, 4, 1)
	tx, tl := images(20, 3, 2, 4, 2)
	files := map[string][]byte{
		"train-images-idx3-ubyte": idxBytes(x, 60, 3, 2),
		"train-labels-idx1-ubyte": idxBytes(l, 60),
		"t10k-images-idx3-ubyte":  idxBytes(tx, 20, 3, 2),
		"t10k-labels-idx1-ubyte":  idxBytes(tl, 20),
	}
	if change != nil {
		change(files)
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// rename moves one entry.
func rename(files map[string][]byte, from, to string) {
	files[to] = files[from]
	delete(files, from)
}

func TestIDXNames(t *testing.T) {
	for name, change := range map[string]func(map[string][]byte){
		"plain": nil,
		"gzip": func(f map[string][]byte) {
			for _, n := range []string{"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"} {
				f[n+".gz"] = gzipped(f[n])
				delete(f, n)
			}
		},
		"gzip under names without .gz": func(f map[string][]byte) {
			for n := range f {
				f[n] = gzipped(f[n])
			}
		},
		"plain under names with .gz": func(f map[string][]byte) {
			for _, n := range slices.Collect(maps.Keys(f)) {
				rename(f, n, n+".gz")
			}
		},
		"dots, test and one gzip": func(f map[string][]byte) {
			rename(f, "train-images-idx3-ubyte", "train-images.idx3-ubyte")
			rename(f, "train-labels-idx1-ubyte", "train-labels.idx1-ubyte")
			rename(f, "t10k-images-idx3-ubyte", "test-images-idx3-ubyte")
			f["t10k-labels.idx1-ubyte.gz"] = gzipped(f["t10k-labels-idx1-ubyte"])
			delete(f, "t10k-labels-idx1-ubyte")
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			writeSet(t, dir, change)
			task, err := NewIDX(IDXConfig{Dir: dir})
			if err != nil {
				t.Fatal(err)
			}
			if task.Inputs() != 6 || task.Outputs() != 4 || task.Name() != "idx" || task.Target() != 0.9 {
				t.Errorf("%d inputs, %d outputs, name %s, target %v", task.Inputs(), task.Outputs(), task.Name(), task.Target())
			}
			train := task.Train().(*Set)
			if train.Len() != 50 || task.Validation().Len() != 10 || task.Test().Len() != 20 {
				t.Errorf("%d, %d and %d examples", train.Len(), task.Validation().Len(), task.Test().Len())
			}
			// Example i of the test file has class i mod 4.
			for i, l := range task.Test().Labels() {
				if l != i%4 {
					t.Errorf("test label %d is %d", i, l)
				}
			}
		})
	}
}

func TestIDXPrefix(t *testing.T) {
	dir := t.TempDir()
	writeSet(t, dir, func(f map[string][]byte) {
		for _, n := range []string{"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"} {
			rename(f, n, "emnist-letters-"+n)
		}
	})
	if _, err := NewIDX(IDXConfig{Dir: dir}); !errors.Is(err, ErrNotFound) {
		t.Errorf("without prefix: %v", err)
	}
	if _, err := NewIDX(IDXConfig{Dir: dir, Prefix: "emnist-letters-"}); err != nil {
		t.Error(err)
	}
}

func TestIDXErrors(t *testing.T) {
	const ti, tl = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
	type change = func(f map[string][]byte)
	tests := []struct {
		name   string
		change change
		config IDXConfig
		want   []string // all must be part of the message
		is     error
	}{
		{"empty file", func(f map[string][]byte) { f[ti] = nil }, IDXConfig{},
			[]string{"/" + ti + ": byte 0: file ends within the header"}, ErrFormat},
		{"cut in the magic number", func(f map[string][]byte) { f[ti] = f[ti][:3] }, IDXConfig{},
			[]string{ti + ": byte 3: file ends within the header"}, ErrFormat},
		{"cut in the dimensions", func(f map[string][]byte) { f[ti] = f[ti][:10] }, IDXConfig{},
			[]string{ti + ": byte 10: file ends within the header"}, ErrFormat},
		{"no IDX file", func(f map[string][]byte) { f[ti] = []byte("<html>not found</html>") }, IDXConfig{},
			[]string{ti + ": byte 0: it begins with 3c 68 74 6d, not with 00 00 as an IDX file does"}, ErrFormat},
		{"floats", func(f map[string][]byte) { f[ti][2] = 0x0d }, IDXConfig{},
			[]string{ti + ": byte 2: type 0x0d; only 0x08, unsigned byte"}, ErrFormat},
		{"labels as images", func(f map[string][]byte) { f[ti] = f[tl] }, IDXConfig{},
			[]string{ti + ": byte 3: 1 dimensions instead of 3"}, ErrFormat},
		{"no rows", func(f map[string][]byte) { f[ti][11] = 0 }, IDXConfig{},
			[]string{ti + ": byte 8: dimension 2 is 0"}, ErrFormat},
		{"lying header", func(f map[string][]byte) { copy(f[ti][4:], []byte{0x7f, 0xff, 0xff, 0xff}) }, IDXConfig{},
			[]string{ti + ": byte 376: file ends within the [2147483647 3 2] array"}, ErrFormat},
		{"overflowing header", func(f map[string][]byte) { copy(f[ti][4:16], bytes.Repeat([]byte{0xff}, 12)) }, IDXConfig{},
			[]string{ti + ": byte 8: dimensions [4294967295] x 4294967295 are too large"}, ErrFormat},
		{"cut in the array", func(f map[string][]byte) { f[ti] = f[ti][:100] }, IDXConfig{},
			[]string{ti + ": byte 100: file ends within the [60 3 2] array"}, ErrFormat},
		{"trailing bytes", func(f map[string][]byte) { f[ti] = append(f[ti], 0) }, IDXConfig{},
			[]string{ti + ": byte 376: data go on after the [60 3 2] array"}, ErrFormat},
		{"fewer labels", func(f map[string][]byte) { f[tl] = idxBytes(f[tl][8:67], 59) }, IDXConfig{},
			[]string{tl + ": byte 4: 59 labels, but ", ti + " has 60 images"}, ErrFormat},
		{"label too large", func(f map[string][]byte) { f[tl][8+17] = 9 }, IDXConfig{Classes: 4},
			[]string{tl + ": byte 25: label 9 of example 17 is outside 0..3"}, ErrFormat},
		{"test label that training has not", func(f map[string][]byte) { f["t10k-labels-idx1-ubyte"][8] = 4 }, IDXConfig{},
			[]string{"t10k-labels-idx1-ubyte: byte 8: label 4 of example 0 is outside 0..3"}, ErrFormat},
		{"other image size", func(f map[string][]byte) {
			x, _ := images(20, 2, 2, 4, 2)
			f["t10k-images-idx3-ubyte"] = idxBytes(x, 20, 2, 2)
		}, IDXConfig{}, []string{"t10k-images-idx3-ubyte have 4 pixels", ti + " have 6"}, nil},
		{"cut in the gzip header", func(f map[string][]byte) { f[ti] = gzipped(f[ti])[:6] }, IDXConfig{},
			[]string{ti + ": byte 0 of its uncompressed content: file ends within the gzip header: the file is damaged; copy or download it again"}, ErrFormat},
		{"gzip of another method", func(f map[string][]byte) { f[ti] = gzipped(f[ti]); f[ti][2] = 7 }, IDXConfig{},
			[]string{ti + ": byte 0 of its uncompressed content: reading the gzip header: gzip: invalid header"}, ErrFormat},
		{"gzip bomb", func(f map[string][]byte) { f[ti] = gzipped(append(f[ti], make([]byte, 50_000_000)...)) }, IDXConfig{},
			[]string{ti + ": byte 376 of its uncompressed content: data go on after the [60 3 2] array"}, ErrFormat},
		{"gzip of a lying header", func(f map[string][]byte) {
			copy(f[ti][4:], []byte{0, 0xff, 0xff, 0xff})
			f[ti] = gzipped(f[ti])
		}, IDXConfig{}, []string{ti + ": byte 376 of its uncompressed content: file ends within the [16777215 3 2] array"}, ErrFormat},
		{"gzip of too much", func(f map[string][]byte) {
			copy(f[ti][4:], []byte{0x7f, 0xff, 0xff, 0xff})
			f[ti] = gzipped(f[ti])
		}, IDXConfig{}, []string{ti + ": byte 4 of its uncompressed content: the header tells of 12884901882 values, and at most 1073741824 are read"}, ErrFormat},
		{"gzipped twice", func(f map[string][]byte) { f[ti] = gzipped(gzipped(f[ti])) }, IDXConfig{},
			[]string{ti + ": byte 0 of its uncompressed content: it begins with 1f 8b 08 00"}, ErrFormat},
		{"cut gzip", func(f map[string][]byte) { z := gzipped(f[ti]); f[ti+".gz"] = z[:len(z)-20]; delete(f, ti) }, IDXConfig{},
			[]string{ti + ".gz: byte ", " of its uncompressed content: file ends within the [60 3 2] array"}, ErrFormat},
		{"gzip checksum", func(f map[string][]byte) {
			z := gzipped(f[ti])
			z[len(z)-8] ^= 1
			f[ti+".gz"] = z
			delete(f, ti)
		}, IDXConfig{}, []string{ti + ".gz: byte 376 of its uncompressed content: reading the [60 3 2] array: gzip: invalid checksum"}, ErrFormat},
		{"one file missing", func(f map[string][]byte) { delete(f, tl) }, IDXConfig{},
			[]string{"has some files of a data set, but not train-labels-idx1-ubyte[.gz]"}, ErrIncomplete},
		{"all files missing", func(f map[string][]byte) { clear(f) }, IDXConfig{},
			[]string{"no train-images-idx3-ubyte[.gz]", "(setting dir)", "name their directory with the setting dir"}, ErrNotFound},
		{"too many for validation", nil, IDXConfig{Validation: 60}, []string{"validation: is 60", "60 examples"}, nil},
		{"too many for training", nil, IDXConfig{Train: 51}, []string{"train: is 51, but there are only 50"}, nil},
		{"too many for test", nil, IDXConfig{Test: 21}, []string{"test: is 21, but there are only 20"}, nil},
		{"negative", nil, IDXConfig{Train: -1}, []string{"train: is -1"}, nil},
		{"too many classes", nil, IDXConfig{Classes: 300}, []string{"classes: is 300"}, nil},
		{"target", nil, IDXConfig{Target: 1.5}, []string{"target: is 1.5"}, nil},
		{"set is a path", nil, IDXConfig{Set: "../x"}, []string{"set: ", "is a path"}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.config.Dir = t.TempDir()
			writeSet(t, test.config.Dir, test.change)
			_, err := NewIDX(test.config)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error\n%v\ndoes not contain\n%s", err, want)
				}
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("error of several lines: %q", err)
			}
			var invalid *catalogue.Error
			switch {
			case test.is != nil && !errors.Is(err, test.is), test.is == ErrIncomplete && !errors.Is(err, ErrNotFound):
				t.Errorf("error %v is not %v", err, test.is)
			case test.is == nil && test.change == nil && !errors.As(err, &invalid):
				t.Errorf("error %v does not name a setting", err)
			}
		})
	}
}

// A header may promise 2 TiB: what is allocated is what the file delivers.
func TestIDXAllocation(t *testing.T) {
	lying := idxBytes(make([]byte, 100), 1<<20, 1<<10, 1<<10)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := parseIDX(bytes.NewReader(lying), 3, unknown, math.MaxInt64, plainFault)
	runtime.ReadMemStats(&after)
	if err == nil {
		t.Error("no error")
	}
	if got := after.TotalAlloc - before.TotalAlloc; got > 1<<16 {
		t.Errorf("%d bytes allocated for a file of %d", got, len(lying))
	}
}

func plainFault(at int64, format string, a ...any) error {
	return &FormatError{File: "f", Offset: at, Problem: fmt.Sprintf(format, a...)}
}

func FuzzIDX(f *testing.F) {
	x, l := images(5, 3, 2, 4, 1)
	f.Add(idxBytes(x, 5, 3, 2))
	f.Add(idxBytes(l, 5))
	f.Add(idxBytes(nil, 1<<30, 1<<30, 1<<30))
	f.Add([]byte{0, 0, 8, 3, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, dimensions := range []int{1, 3} {
			a, err := parseIDX(bytes.NewReader(b), dimensions, unknown, maxContent, plainFault)
			if err != nil {
				var e *FormatError
				if !errors.As(err, &e) || e.Offset < 0 || e.Offset > int64(len(b)) {
					t.Errorf("error %#v for %d bytes", err, len(b))
				}
				continue
			}
			// What was accepted is written the same.
			if got := idxBytes(a.data, a.dims...); !bytes.Equal(got, b) {
				t.Errorf("%x was read as %x", b, got)
			}
		}
	})
}

func TestPlaces(t *testing.T) {
	home := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", filepath.Join(home, "cache"))
	t.Setenv("HOME", home)
	t.Setenv("LocalAppData", filepath.Join(home, "cache"))
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	env, system := filepath.Join(home, "env"), filepath.Join(home, "system")
	defer func(old string) { systemData = old }(systemData)
	systemData = system
	t.Setenv(DataVariable, env)

	places := []string{filepath.Join(env, "toy"), env, filepath.Join(system, "toy"), filepath.Join(cache, "gradflow", "toy")}
	_, err = NewIDX(IDXConfig{Set: "toy"})
	if !errors.Is(err, ErrNotFound) {
		t.Fatalf("error %v", err)
	}
	at := 0
	for _, p := range places {
		i := strings.Index(err.Error()[at:], p+" (")
		if i < 0 {
			t.Fatalf("%v\ndoes not name %s in its place", err, p)
		}
		at += i + 1
	}
	// From last to first, each place hides those after it.
	for i := len(places) - 1; i >= 0; i-- {
		writeSet(t, places[i], nil)
		files, err := locate("toy", "", "")
		if err != nil {
			t.Fatal(err)
		}
		if got := filepath.Dir(files.trainImages); got != places[i] {
			t.Errorf("found in %s, not in %s", got, places[i])
		}
	}
	// An explicit directory is the only place.
	if _, err := locate("toy", filepath.Join(home, "nowhere"), ""); !errors.Is(err, ErrNotFound) || strings.Contains(err.Error(), env) {
		t.Errorf("explicit directory: %v", err)
	}
	t.Setenv(DataVariable, "")
	if got := Places("toy", "")[0].String(); got != "GRADFLOW_DATA (not set)" {
		t.Errorf("first place %q", got)
	}
}

// TestTorchvision finds the files where torchvision has them, each set in its own directory.
func TestTorchvision(t *testing.T) {
	root := t.TempDir()
	for _, set := range []string{"MNIST", "FashionMNIST"} {
		writeSet(t, filepath.Join(root, set, "raw"), nil)
	}
	for _, test := range []struct{ name, dir, want string }{
		{"mnist", root, "MNIST/raw"},
		{"fashion-mnist", root, "FashionMNIST/raw"},
		{"idx", filepath.Join(root, "FashionMNIST"), "FashionMNIST/raw"},
		{"idx", filepath.Join(root, "MNIST", "raw"), "MNIST/raw"},
	} {
		files, err := locate(test.name, test.dir, "")
		if want := filepath.Join(root, test.want, "t10k-labels-idx1-ubyte"); err != nil || files.testLabels != want {
			t.Errorf("%s in %s: %v, %v; want %s", test.name, test.dir, files.testLabels, err, want)
		}
	}
	if _, err := locate("idx", root, ""); !errors.Is(err, ErrNotFound) {
		t.Errorf("any of two sets: %v", err)
	}
	t.Setenv(DataVariable, root)
	if files, err := locate("fashion-mnist", "", ""); err != nil || files.trainImages != filepath.Join(root, "FashionMNIST", "raw", "train-images-idx3-ubyte") {
		t.Errorf("by the environment: %v, %v", files, err)
	}
}

// A header of a large file is believed only as far as there is a limit: the file is sparse,
// and nothing of it is read.
func TestIDXTooLarge(t *testing.T) {
	dir := t.TempDir()
	writeSet(t, dir, nil)
	const n = 1 << 20
	file := filepath.Join(dir, "train-images-idx3-ubyte")
	if err := os.WriteFile(file, idxBytes(nil, n, 64, 32), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, 16+n*64*32); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := NewIDX(IDXConfig{Dir: dir})
	runtime.ReadMemStats(&after)
	if want := "train-images-idx3-ubyte: byte 4: the header tells of 2147483648 values, and at most 1073741824 are read"; !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
	if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20 {
		t.Errorf("%d bytes allocated", got)
	}
}

// All data sets in this format use the same file names. The labels tell.
func TestOtherDataSet(t *testing.T) {
	dir := t.TempDir()
	writeSet(t, dir, func(f map[string][]byte) {
		f["train-images-idx3-ubyte"] = idxBytes(make([]byte, 60000), 60000, 1, 1)
		labels := make([]byte, 60000)
		for i := range labels {
			labels[i] = byte(i % 10)
		}
		f["train-labels-idx1-ubyte"] = idxBytes(labels, 60000)
		f["t10k-images-idx3-ubyte"] = idxBytes(make([]byte, 20), 20, 1, 1)
	})
	_, err := NewMNIST(ImagesConfig{Dir: dir})
	if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "holds another data set") {
		t.Errorf("balanced classes pass for MNIST: %v", err)
	}
	if _, err := NewFashionMNIST(ImagesConfig{Dir: dir}); err != nil {
		t.Error(err)
	}
}

// TestOneClass: a set of one class has nothing to learn.
func TestOneClass(t *testing.T) {
	dir := t.TempDir()
	writeSet(t, dir, func(files map[string][]byte) {
		files["train-labels-idx1-ubyte"], files["t10k-labels-idx1-ubyte"] = idxBytes(make([]byte, 60), 60), idxBytes(make([]byte, 20), 20)
	})
	_, err := NewIDX(IDXConfig{Set: "one", Dir: dir, Target: 0.9})
	if err == nil || !strings.Contains(err.Error(), "of class 0: nothing to learn") {
		t.Errorf("a set of one class: %v", err)
	}
}
