package download_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"github.com/gradflow/gradflow/bench/tasks/download"
)

// content is what the right file holds.
var content = func() []byte {
	r := rand.New(rand.NewPCG(1, 1))
	b := make([]byte, 300_000)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}()

var errWrong = errors.New("wrong content")

func file(dir string, urls ...string) download.File {
	return download.File{Path: filepath.Join(dir, "data", "a.gz"), URLs: urls, Limit: int64(len(content)) + 10,
		Check: func(path string) error {
			b, err := os.ReadFile(path)
			if err == nil && !bytes.Equal(b, content) {
				err = fmt.Errorf("%w: %d bytes", errWrong, len(b))
			}
			return err
		}}
}

// quick does not wait long.
var quick = download.Client{Attempts: 3, Pause: time.Millisecond, Idle: 300 * time.Millisecond}

// partOf is where the incomplete file is kept.
func partOf(f download.File) string {
	dir, name := filepath.Split(f.Path)
	return filepath.Join(dir, ".part-"+name)
}

// serve serves b with support for ranges.
func serve(w http.ResponseWriter, r *http.Request, b []byte) {
	w.Header().Set("ETag", strconv.Quote(fmt.Sprint(len(b), b[:8])))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b))
}

// cut promises all of b from the requested offset on, sends n bytes and breaks the
// connection.
func cut(w http.ResponseWriter, r *http.Request, b []byte, n int) {
	at := 0
	if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &at); err == nil {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", at, len(b)-1, len(b)))
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(b)-at))
	if at > 0 {
		w.WriteHeader(http.StatusPartialContent)
	}
	w.Write(b[at:min(len(b), at+n)])
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

// server answers request number n, from 0, with handler; it records the ranges.
type server struct {
	*httptest.Server
	mu   sync.Mutex
	seen []string
}

func (s *server) ranges() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.seen)
}

func newServer(t *testing.T, handler func(n int, w http.ResponseWriter, r *http.Request)) *server {
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		n := len(s.seen)
		s.seen = append(s.seen, r.Header.Get("Range"))
		s.mu.Unlock()
		handler(n, w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func TestGet(t *testing.T) {
	other := bytes.Repeat([]byte("wrong"), 1000)
	damaged := bytes.Clone(content)
	damaged[1000] ^= 1
	type handler = func(n int, w http.ResponseWriter, r *http.Request)
	for _, c := range []struct {
		name    string
		there   []byte // left of an earlier process
		handler handler
		err     string // "" if the file is to arrive
		ranges  []string
	}{
		{"plain", nil, func(_ int, w http.ResponseWriter, r *http.Request) { serve(w, r, content) }, "", []string{""}},
		{"unknown size", nil, func(_ int, w http.ResponseWriter, r *http.Request) {
			w.(http.Flusher).Flush()
			w.Write(content)
		}, "", []string{""}},
		{"cut again and again", nil, func(n int, w http.ResponseWriter, r *http.Request) {
			if n < 8 { // more often than the attempts in a row
				cut(w, r, content, 30_000)
			}
			serve(w, r, content)
		}, "", []string{"", "bytes=30000-", "bytes=60000-", "bytes=90000-", "bytes=120000-", "bytes=150000-", "bytes=180000-", "bytes=210000-", "bytes=240000-"}},
		{"of unknown size and cut", nil, func(n int, w http.ResponseWriter, r *http.Request) {
			if n == 0 {
				w.(http.Flusher).Flush()
				w.Write(content[:1000])
				return
			}
			serve(w, r, content)
		}, "", []string{"", ""}},
		{"cut before the first byte", nil, func(n int, w http.ResponseWriter, r *http.Request) {
			if n < 2 {
				panic(http.ErrAbortHandler)
			}
			serve(w, r, content)
		}, "", []string{"", "", ""}},
		{"always cut before the first byte", nil, func(int, http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
			"3 attempts in a row failed", []string{"", "", ""}},
		{"no ranges", nil, func(n int, w http.ResponseWriter, r *http.Request) {
			r.Header.Del("Range")
			if n == 0 {
				cut(w, r, content, 100_000)
			}
			w.Write(content)
		}, "", []string{"", "bytes=100000-"}},
		{"no ranges and always cut", nil, func(n int, w http.ResponseWriter, r *http.Request) {
			r.Header.Del("Range")
			cut(w, r, content, 100_000)
		}, "3 attempts in a row failed", []string{"", "bytes=100000-", "bytes=100000-", "bytes=100000-"}},
		{"goes on from an earlier process", content[:1234], func(_ int, w http.ResponseWriter, r *http.Request) { serve(w, r, content) },
			"", []string{"bytes=1234-"}},
		{"complete from an earlier process", content, func(_ int, w http.ResponseWriter, r *http.Request) { serve(w, r, content) },
			"", []string{"bytes=300000-"}},
		{"rubbish from an earlier process", other, func(_ int, w http.ResponseWriter, r *http.Request) { serve(w, r, content) },
			"", []string{"bytes=5000-", ""}},
		{"too much from an earlier process", append(bytes.Clone(content), 0), func(_ int, w http.ResponseWriter, r *http.Request) { serve(w, r, content) },
			"", []string{"bytes=300001-", ""}},
		{"file changes in between", nil, func(n int, w http.ResponseWriter, r *http.Request) {
			if n == 0 {
				w.Header().Set("ETag", `"old"`)
				cut(w, r, damaged, 50_000)
			}
			serve(w, r, content) // If-Range does not hold: it comes from the start
		}, "", []string{"", "bytes=50000-"}},
		{"another range than asked for", nil, func(n int, w http.ResponseWriter, r *http.Request) {
			if n == 0 {
				cut(w, r, content, 50_000)
			}
			if n == 1 {
				w.Header().Set("Content-Range", "bytes 0-299999/300000")
				w.WriteHeader(http.StatusPartialContent)
				w.Write(content)
				return
			}
			serve(w, r, content)
		}, "", []string{"", "bytes=50000-", ""}},
		{"busy at first", nil, func(n int, w http.ResponseWriter, r *http.Request) {
			if n < 2 {
				http.Error(w, "busy", []int{503, 429}[n])
				return
			}
			serve(w, r, content)
		}, "", []string{"", "", ""}},
		{"not found", nil, func(_ int, w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }, "404 Not Found", []string{""}},
		{"another file", nil, func(_ int, w http.ResponseWriter, r *http.Request) { serve(w, r, other) }, "wrong content: 5000 bytes", []string{""}},
		{"a page instead", nil, func(_ int, w http.ResponseWriter, r *http.Request) { w.Write([]byte("<html>sign in</html>")) }, "wrong content", []string{""}},
		{"one bit wrong", nil, func(_ int, w http.ResponseWriter, r *http.Request) { serve(w, r, damaged) }, "wrong content: 300000 bytes", []string{""}},
		{"too long by its head", nil, func(_ int, w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "9000000000000")
		}, "has a file of 9000000000000 bytes, and it can have at most 300010", []string{""}},
		{"endless", nil, func(_ int, w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				w.Write(content)
			}
		}, "sends more than the 300010 bytes", []string{""}},
		{"stalls", nil, func(n int, w http.ResponseWriter, r *http.Request) {
			if n == 0 {
				w.Header().Set("Content-Length", "300000")
				w.Write(content[:1000])
				w.(http.Flusher).Flush()
				<-r.Context().Done()
				return
			}
			serve(w, r, content)
		}, "", []string{"", "bytes=1000-"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newServer(t, c.handler)
			f := file(t.TempDir(), s.URL+"/a.gz")
			if err := os.MkdirAll(filepath.Dir(f.Path), 0o777); err != nil {
				t.Fatal(err)
			}
			if c.there != nil {
				if err := os.WriteFile(partOf(f), c.there, 0o666); err != nil {
					t.Fatal(err)
				}
			}
			again := 0
			client := quick
			client.Again = func(_ download.File, err error, wait time.Duration) {
				if again++; err == nil || wait <= 0 {
					t.Errorf("again after %v because of %v", wait, err)
				}
			}
			err := client.Get(t.Context(), f)
			if want := len(c.ranges) - 1; again != want {
				t.Errorf("%d further attempts announced, want %d", again, want)
			}
			if got := s.ranges(); !slices.Equal(got, c.ranges) {
				t.Errorf("requests for %q, want %q", got, c.ranges)
			}
			if c.err == "" {
				if err != nil {
					t.Fatal(err)
				}
				if err := f.Check(f.Path); err != nil {
					t.Error(err)
				}
				if _, err := os.Stat(partOf(f)); !os.IsNotExist(err) {
					t.Errorf("the temporary file is still there: %v", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.err) || !strings.HasPrefix(err.Error(), "download a.gz: ") || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v; want %q", err, c.err)
			}
			if _, err := os.Stat(f.Path); !os.IsNotExist(err) {
				t.Errorf("a file has appeared: %v", err)
			}
		})
	}
}

// A mirror that has no good file is left for the next.
func TestMirrors(t *testing.T) {
	missing := newServer(t, func(_ int, w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) })
	cutting := newServer(t, func(n int, w http.ResponseWriter, r *http.Request) {
		if n == 0 {
			cut(w, r, bytes.Repeat([]byte("x"), 20_000), 10_000)
		}
		http.Error(w, "broken", http.StatusInternalServerError)
	})
	good := newServer(t, func(_ int, w http.ResponseWriter, r *http.Request) { serve(w, r, content) })
	f := file(t.TempDir(), missing.URL, cutting.URL, good.URL)
	if err := quick.Get(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	// The last one is not asked to go on with what another had.
	if len(missing.ranges()) != 1 || len(cutting.ranges()) != 4 || !slices.Equal(good.ranges(), []string{""}) {
		t.Errorf("requests %q, %q, %q", missing.ranges(), cutting.ranges(), good.ranges())
	}
	// All failures are named.
	err := quick.Get(t.Context(), file(t.TempDir(), missing.URL, cutting.URL))
	if err == nil || !strings.Contains(err.Error(), missing.URL+": 404") || !strings.Contains(err.Error(), cutting.URL+": 3 attempts in a row failed: 500") {
		t.Errorf("error %v", err)
	}
	for _, urls := range [][]string{nil, {"::"}, {"ftp://127.0.0.1/a"}} {
		if err := quick.Get(t.Context(), file(t.TempDir(), urls...)); err == nil {
			t.Errorf("no error from %q", urls)
		}
	}
}

// A good file that is there is replaced by a good one only.
func TestReplace(t *testing.T) {
	s := newServer(t, func(n int, w http.ResponseWriter, r *http.Request) {
		if n == 0 {
			http.NotFound(w, r)
			return
		}
		serve(w, r, content)
	})
	f := file(t.TempDir(), s.URL)
	if err := os.MkdirAll(filepath.Dir(f.Path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(f.Path, []byte("old"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := quick.Get(t.Context(), f); err == nil {
		t.Fatal("no error")
	}
	if b, err := os.ReadFile(f.Path); err != nil || string(b) != "old" {
		t.Errorf("the file is %q now (%v)", b, err)
	}
	if err := quick.Get(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	if err := f.Check(f.Path); err != nil {
		t.Error(err)
	}
}

// What has arrived when the user interrupts is there for the next time.
func TestInterrupt(t *testing.T) {
	var arrived atomic.Int64
	s := newServer(t, func(n int, w http.ResponseWriter, r *http.Request) {
		if n == 0 {
			w.Header().Set("Content-Length", "300000")
			w.Write(content[:100_000])
			w.(http.Flusher).Flush()
			<-r.Context().Done()
			return
		}
		serve(w, r, content)
	})
	f := file(t.TempDir(), s.URL)
	ctx, cancel := context.WithCancel(t.Context())
	c := quick
	c.Progress = func(_ download.File, done, size int64) {
		if arrived.Store(done); done == 100_000 {
			if size != 300_000 {
				t.Errorf("size %d", size)
			}
			cancel()
		}
	}
	if err := c.Get(ctx, f); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	if _, err := os.Stat(f.Path); !os.IsNotExist(err) {
		t.Errorf("a file has appeared: %v", err)
	}
	if err := c.Get(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	if arrived.Load() != 300_000 || len(s.ranges()) != 2 || s.ranges()[1] != "bytes=100000-" {
		t.Errorf("%d bytes, requests %q", arrived.Load(), s.ranges())
	}
}

func TestLock(t *testing.T) {
	s := newServer(t, func(_ int, w http.ResponseWriter, r *http.Request) { serve(w, r, content) })
	f := file(t.TempDir(), s.URL)
	dir := filepath.Dir(f.Path)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	lock := flock.New(filepath.Join(dir, ".part-lock"))
	if ok, err := lock.TryLock(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if err := quick.Get(t.Context(), f); !errors.Is(err, download.ErrLocked) || len(s.ranges()) != 0 {
		t.Errorf("error %v, requests %q", err, s.ranges())
	}
	lock.Unlock()
	if err := quick.Get(t.Context(), f); err != nil {
		t.Error(err)
	}
}

// A place that cannot be written to is said at once, and not tried again.
func TestLocalFault(t *testing.T) {
	s := newServer(t, func(_ int, w http.ResponseWriter, r *http.Request) { serve(w, r, content) })
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "data"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := quick.Get(t.Context(), file(dir, s.URL)); err == nil || len(s.ranges()) != 0 {
		t.Errorf("error %v, requests %q", err, s.ranges())
	}
	full := file(t.TempDir(), s.URL)
	if err := os.MkdirAll(filepath.Dir(full.Path), 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("there is no device that is always full")
	}
	if err := os.Symlink("/dev/full", partOf(full)); err != nil {
		t.Fatal(err)
	}
	// Whether truncating or writing fails, it is one request at most.
	if err := quick.Get(t.Context(), full); err == nil || len(s.ranges()) > 1 {
		t.Errorf("error %v, requests %q", err, s.ranges())
	}
}
