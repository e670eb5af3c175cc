package cmd

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/gradflow/gradflow/bench/tasks"
	"github.com/pkg/errors"
)

// toy is a data set of four small files, and their content by name.
func toy(t *testing.T) (tasks.DataSet, map[string][]byte) {
	d := tasks.DataSet{Name: "toy", About: "about", Source: "source", Licence: "licence"}
	files := map[string][]byte{}
	for i, name := range []string{"train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"} {
		content := []byte(strings.Repeat(strconv.Itoa(i)+name, 100))
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		if _, err := z.Write(content); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(content)
		d.Files = append(d.Files, tasks.DataFile{Name: name, Bytes: int64(len(content)), SHA256: hex.EncodeToString(sum[:])})
		files[name] = b.Bytes()
	}
	return d, files
}

// mirror serves files and counts the requests for each. before may answer instead.
type mirror struct {
	*httptest.Server
	mu       sync.Mutex
	requests map[string]int
	before   func(w http.ResponseWriter, name string, n int) bool
}

func newMirror(t *testing.T, files map[string][]byte) *mirror {
	m := &mirror{requests: map[string]int{}}
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := path.Base(r.URL.Path)
		m.mu.Lock()
		n := m.requests[name]
		m.requests[name]++
		m.mu.Unlock()
		if m.before != nil && m.before(w, name, n) {
			return
		}
		if files[name] == nil {
			http.NotFound(w, r)
			return
		}
		w.Write(files[name])
	}))
	t.Cleanup(m.Close)
	return m
}

func (m *mirror) count() (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, k := range m.requests {
		n += k
	}
	return n
}

// data runs gradflow data with a table of one data set.
func data(ctx context.Context, d tasks.DataSet, args ...string) (stdout, stderr string, err error) {
	var out, log bytes.Buffer
	c := newData([]tasks.DataSet{d})
	c.SilenceErrors, c.SilenceUsage = true, true
	c.SetArgs(args)
	c.SetOut(&out)
	c.SetErr(&log)
	err = c.ExecuteContext(ctx)
	return out.String(), log.String(), err
}

// home makes an empty cache the user's.
func home(t *testing.T) (cache string) {
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("XDG_CACHE_HOME", filepath.Join(dir, "cache"))
	t.Setenv("LocalAppData", filepath.Join(dir, "cache"))
	t.Setenv(tasks.DataVariable, "")
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(cache, "gradflow", "toy")
}

func TestDataGet(t *testing.T) {
	d, files := toy(t)
	cache := home(t)
	m := newMirror(t, files)
	// The first file is cut once.
	m.before = func(w http.ResponseWriter, name string, n int) bool {
		if name != d.Files[0].Name || n > 0 {
			return false
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(files[name])))
		w.Write(files[name][:20])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	d.Mirrors = []string{m.URL + "/toy/"}
	if _, _, err := data(t.Context(), d, "path", "toy"); !errors.Is(err, tasks.ErrNotFound) {
		t.Errorf("path before: %v", err)
	}
	out, log, err := data(t.Context(), d, "get", "toy", "--json")
	if err != nil {
		t.Fatal(err)
	}
	var reports []fileReport
	if err := json.Unmarshal([]byte(out), &reports); err != nil || len(reports) != 4 {
		t.Fatalf("%v: %s", err, out)
	}
	for i, r := range reports {
		if want := filepath.Join(cache, d.Files[i].Name); r.Status != "downloaded" || r.Path != want || r.SHA256 != d.Files[i].SHA256 {
			t.Errorf("%+v", r)
		}
	}
	if m.count() != 5 || strings.Count(log, " MB\n") != 4 {
		t.Errorf("%d requests; log %q", m.count(), log)
	}
	if out, _, err := data(t.Context(), d, "path", "toy"); err != nil || out != cache+"\n" {
		t.Errorf("path: %q, %v", out, err)
	}
	if out, _, err := data(t.Context(), d, "verify", "toy"); err != nil || strings.Count(out, "ok ") != 4 {
		t.Errorf("verify: %q, %v", out, err)
	}
	// What is here is not fetched again.
	if out, _, err = data(t.Context(), d, "get", "toy"); err != nil || strings.Count(out, "present") != 4 || m.count() != 5 {
		t.Errorf("again: %q, %v, %d requests", out, err, m.count())
	}
	// A damaged file is found, and fetched again alone.
	if err := os.WriteFile(filepath.Join(cache, d.Files[2].Name), files[d.Files[1].Name], 0o666); err != nil {
		t.Fatal(err)
	}
	if out, _, err := data(t.Context(), d, "verify"); err == nil || strings.Count(out, "ok ") != 3 || !strings.Contains(out, "wrong") || !strings.Contains(err.Error(), "1 of 4 files") {
		t.Errorf("verify: %q, %v", out, err)
	}
	if out, _, err = data(t.Context(), d, "get", "toy"); err != nil || strings.Count(out, "downloaded") != 1 || m.count() != 6 {
		t.Errorf("mending: %q, %v, %d requests", out, err, m.count())
	}
	// An incomplete set is completed.
	if err := os.Remove(filepath.Join(cache, d.Files[0].Name)); err != nil {
		t.Fatal(err)
	}
	if out, _, err := data(t.Context(), d, "list"); err != nil || !strings.Contains(out, "toy: incomplete") || !strings.Contains(out, "but not train-images") {
		t.Errorf("list: %q, %v", out, err)
	}
	if out, _, err := data(t.Context(), d, "verify"); err == nil || strings.Count(out, "missing") < 4 {
		t.Errorf("verify: %q, %v", out, err)
	}
	if out, _, err = data(t.Context(), d, "get", "toy"); err != nil || strings.Count(out, "downloaded") != 1 {
		t.Errorf("completing: %q, %v", out, err)
	}
}

func TestDataGetPlaces(t *testing.T) {
	d, files := toy(t)
	cache := home(t)
	m := newMirror(t, files)
	d.Mirrors = []string{"http://127.0.0.1:1/"} // never asked
	dir := filepath.Join(t.TempDir(), "a", "b")
	if out, _, err := data(t.Context(), d, "get", "toy", "--url", m.URL, "--dir", dir); err != nil || !strings.Contains(out, dir) {
		t.Fatalf("%q, %v", out, err)
	}
	if _, err := os.Stat(cache); !os.IsNotExist(err) {
		t.Errorf("the cache is there: %v", err)
	}
	// Found elsewhere, it is not fetched.
	t.Setenv(tasks.DataVariable, dir)
	if out, _, err := data(t.Context(), d, "get", "toy"); err != nil || strings.Count(out, "present") != 4 {
		t.Errorf("%q, %v", out, err)
	}
	// Files that would shadow the cache must go first.
	for _, spoil := range []func(string) error{
		func(p string) error { return os.WriteFile(p, []byte("x"), 0o666) },
		os.Remove,
	} {
		if err := spoil(filepath.Join(dir, d.Files[3].Name)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := data(t.Context(), d, "get", "toy", "--url", m.URL); err == nil || !strings.Contains(err.Error(), "would shadow") || m.count() != 4 {
			t.Errorf("%v, %d requests", err, m.count())
		}
	}
	// So must a wrong file of another usual name in the same directory.
	t.Setenv(tasks.DataVariable, "")
	if err := os.MkdirAll(cache, 0o777); err != nil {
		t.Fatal(err)
	}
	plain := filepath.Join(cache, "train-labels-idx1-ubyte")
	if err := os.WriteFile(plain, []byte("x"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, _, err := data(t.Context(), d, "get", "toy", "--url", m.URL); err == nil || !strings.Contains(err.Error(), plain+": ") || !strings.Contains(err.Error(), "remove it") {
		t.Errorf("%v", err)
	}
}

func TestDataGetFailures(t *testing.T) {
	d, files := toy(t)
	cache := home(t)
	wrong := newMirror(t, map[string][]byte{d.Files[0].Name: files[d.Files[1].Name]})
	gone := newMirror(t, nil)
	for _, c := range []struct{ url, want string }{
		{wrong.URL, "the sha256 of the content"},
		{gone.URL, "404 Not Found"},
	} {
		out, _, err := data(t.Context(), withMirror(d, c.url), "get", "toy")
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.url) || strings.Contains(err.Error(), "\n") || out != "" {
			t.Errorf("%v, %q; want %q", err, out, c.want)
		}
		for _, f := range d.Files {
			if _, err := os.Stat(filepath.Join(cache, f.Name)); !os.IsNotExist(err) {
				t.Errorf("%s has appeared: %v", f.Name, err)
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, log, err := data(ctx, withMirror(d, gone.URL), "get", "toy"); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %q", err, log)
	}
	for _, args := range [][]string{{"get"}, {"get", "tyo"}, {"get", "toy", "--url", "ftp://a/b"}, {"get", "toy", "--url", ""}, {"get", "toy", "--dir", ""},
		{"path"}, {"path", "toy", "toy"}, {"verify", "mnist"}, {"list", "tyo"}, {"lst"}} {
		var use useError
		if _, _, err := data(t.Context(), withMirror(d, gone.URL), args...); !errors.As(err, &use) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v", args, err)
		}
	}
}

func TestDataCompletion(t *testing.T) {
	get := dataSets(tasks.DataSets).newGet()
	for _, c := range []struct{ there, want []string }{
		{nil, []string{"digits", "mnist", "fashion-mnist"}},
		{[]string{"mnist"}, []string{"digits", "fashion-mnist"}},
	} {
		if got, _ := get.ValidArgsFunction(get, c.there, ""); !slices.Equal(got, c.want) {
			t.Errorf("after %q: %q", c.there, got)
		}
	}
}

func withMirror(d tasks.DataSet, url string) tasks.DataSet {
	d.Mirrors = []string{url}
	return d
}

// idxFile is the content of an IDX file of bytes.
func idxFile(values []byte, dimensions ...int) []byte {
	b := []byte{0, 0, 8, byte(len(dimensions))}
	for _, d := range dimensions {
		b = binary.BigEndian.AppendUint32(b, uint32(d))
	}
	return append(b, values...)
}

// writeIDX writes the four files of a small data set, after a change to them.
func writeIDX(t *testing.T, dir string, change func(files map[string][]byte)) {
	t.Helper()
	files := map[string][]byte{}
	for part, n := range map[string]int{"train": 60, "t10k": 12} {
		x, labels := make([]byte, 16*n), make([]byte, n)
		for i := range x {
			x[i] = byte(i * 7)
			labels[i/16] = byte(i / 16 % 3)
		}
		files[part+"-images-idx3-ubyte"], files[part+"-labels-idx1-ubyte"] = idxFile(x, n, 4, 4), idxFile(labels, n)
	}
	change(files)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

func zip(t *testing.T, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestIDXFiles reads data files whose names do not say what they are, and refuses damaged ones
// in one line that names the file and what to do.
func TestIDXFiles(t *testing.T) {
	const images, labels = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
	for _, c := range []struct {
		name   string
		change func(map[string][]byte)
		want   string // of the message, after the directory; "": it is read
	}{
		{"gzipped", func(f map[string][]byte) {
			for name := range f {
				f[name] = zip(t, f[name])
			}
		}, ""},
		{"plain under .gz", func(f map[string][]byte) {
			f[images+".gz"] = f[images]
			delete(f, images)
		}, ""},
		{"cut gzip", func(f map[string][]byte) { f[images] = zip(t, f[images])[:10] },
			images + ": byte 0 of its uncompressed content: file ends within the header: the file is damaged; copy or download it again"},
		{"a bomb", func(f map[string][]byte) { f[images] = zip(t, append(f[images], make([]byte, 1<<24)...)) },
			images + ": byte 976 of its uncompressed content: data go on after the [60 4 4] array: the file is damaged; copy or download it again"},
		{"4 GB", func(f map[string][]byte) { f[images] = idxFile(f[images][16:], 1<<28, 4, 4) },
			images + ": byte 976: file ends within the [268435456 4 4] array: the file is damaged; copy or download it again"},
		{"4 GB gzipped", func(f map[string][]byte) { f[images] = zip(t, idxFile(f[images][16:], 1<<28, 4, 4)) },
			images + ": byte 4 of its uncompressed content: the header tells of 4294967296 values, and at most 1073741824 are read: make a smaller file of a part of them"},
		{"long", func(f map[string][]byte) { f[labels] = append(f[labels], 1) },
			labels + ": byte 68: data go on after the [60] array: the file is damaged; copy or download it again"},
		{"counts", func(f map[string][]byte) { f[labels] = idxFile(f[labels][8:67], 59) },
			labels + ": byte 4: 59 labels, but DIR/" + images + " has 60 images: the two must be of one data set"},
		{"label", func(f map[string][]byte) { f["t10k-labels-idx1-ubyte"][8] = 7 },
			"t10k-labels-idx1-ubyte: byte 8: label 7 of example 0 is outside 0..2: raise the setting classes of the task idx, or mend the label"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			writeIDX(t, dir, c.change)
			var out, told bytes.Buffer
			status := Run(t.Context(), []string{"describe", "--task", "idx(dir=" + dir + ")", "--depth", "2", "--width", "4", "--batch", "8"}, nil, &out, &told)
			if c.want == "" {
				if status != done || !strings.Contains(out.String(), "16") {
					t.Errorf("exit status %d\n%s%s", status, out.String(), told.String())
				}
				return
			}
			want := "gradflow: --task: task idx: " + dir + "/" + strings.ReplaceAll(c.want, "DIR", dir) + "\n"
			if status != wrongUse || told.String() != want {
				t.Errorf("exit status %d\n%s, want\n%s", status, told.String(), want)
			}
		})
	}
}
