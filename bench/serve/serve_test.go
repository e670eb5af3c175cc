package serve

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/study"
)

const hostile = `<script>alert(1)</script>"'&`

// small runs a study of two seeds, one of whose variants has a hostile name.
func small(t *testing.T, dir string) *study.Spec {
	t.Helper()
	s, err := study.New(context.Background(), study.Settings{
		Name: "small", About: hostile, Task: "digits", Steps: 4, Batch: 8, Evaluate: 2, Seeds: 2, Probe: new(0),
		Grid:     study.Grid{"depth": 1, "width": 4, "activation": "tanh", "initializer": "glorot-normal", "optimizer": "sgd"},
		Variants: []study.Variant{{Name: "plain"}, {Name: hostile, Axes: study.Grid{"activation": "sigmoid"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := study.Run(context.Background(), s, dir, study.Options{}); err != nil {
		t.Fatal(err)
	}
	return s
}

func serving(t *testing.T, dirs ...string) (*Server, *httptest.Server) {
	t.Helper()
	s, err := New(Options{Dirs: dirs, Every: 5 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(s)
	t.Cleanup(func() { s.Close(); h.Close() })
	return s, h
}

func get(t *testing.T, address string, change ...func(*http.Request)) (int, string, http.Header) {
	t.Helper()
	r, err := http.NewRequest("GET", address, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range change {
		c(r)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text), answer.Header
}

// TestStudies: what is found, and what is not.
func TestStudies(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	small(t, filepath.Join(dir, "one", "deep"))
	if err := os.CopyFS(filepath.Join(elsewhere, "secret"), os.DirFS(filepath.Join(dir, "one", "deep"))); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(elsewhere, "secret"), filepath.Join(dir, "link")); err != nil {
		t.Skip("no links here")
	}
	s, h := serving(t, dir)
	list := s.list()
	if len(list) != 1 || list[0].name != "one/deep" {
		t.Fatalf("found %d studies: the link leads out of the directory", len(list))
	}
	_, page, _ := get(t, h.URL)
	if !strings.Contains(page, "/study/"+list[0].id) || !strings.Contains(page, "4 runs recorded") {
		t.Errorf("the list lacks the study:\n%s", page)
	}
	for _, path := range []string{"/study/%2e%2e%2fsecret", "/study/" + url.PathEscape(filepath.Join(elsewhere, "secret")), "/study/" + idOf(filepath.Join(elsewhere, "secret")),
		"/study/x/report", "/study/x/events", "/assets/..%2fserver.go", "/assets/study.html", "/assets/nothing.js", "/study/" + list[0].id + "/../../../etc/passwd"} {
		if code, text, _ := get(t, h.URL+path); code != http.StatusNotFound {
			t.Errorf("%s: %d, want 404:\n%.200s", path, code, text)
		}
	}
	// A link in the study itself.
	at := list[0]
	code, text, header := get(t, h.URL+"/study/"+at.id+"/report")
	if code != 200 || !strings.Contains(text, "gradflow report") || strings.Contains(text, "<script>alert") || header.Get("Content-Security-Policy") != reportPolicy {
		t.Errorf("the report: %d, or it is not escaped", code)
	}
	if err := os.Symlink("/etc/hostname", filepath.Join(at.dir, "stress.svg")); err != nil {
		t.Fatal(err)
	}
	if code, text, _ := get(t, h.URL+"/study/"+at.id+"/report"); code != http.StatusNotFound || !strings.Contains(text, "is a link") {
		t.Errorf("a report with a link to elsewhere: %d", code)
	}
}

// TestRefused: other hosts, other origins, other methods; and the headers of what is served.
func TestRefused(t *testing.T) {
	_, h := serving(t, t.TempDir())
	host := func(name string) func(*http.Request) { return func(r *http.Request) { r.Host = name } }
	for name, want := range map[string]int{"localhost:1": 200, "127.0.0.1": 200, "[::1]:80": 200, "LOCALHOST": 200,
		"evil.example": 421, "localhost.evil.example:80": 421, "192.168.0.1": 421, "": 421} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = name
		w := httptest.NewRecorder()
		h.Config.Handler.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("host %q: %d, want %d", name, w.Code, want)
		}
	}
	_, _, header := get(t, h.URL, host("localhost"))
	for key, want := range map[string]string{"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY"} {
		if !strings.Contains(header.Get(key), want) {
			t.Errorf("%s: %q", key, header.Get(key))
		}
	}
	post := func(path, origin, site string) int {
		r, err := http.NewRequest("POST", h.URL+path, strings.NewReader("depth=1"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", origin)
		r.Header.Set("Sec-Fetch-Site", site)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		return answer.StatusCode
	}
	if code := post("/laboratory/train", "http://evil.example", "cross-site"); code != http.StatusForbidden {
		t.Errorf("training asked for by another origin: %d", code)
	}
	if code := post("/laboratory/train", h.URL, "same-origin"); code != http.StatusOK {
		t.Errorf("training asked for by the page, without an activation: %d", code)
	}
	if code := post("/", h.URL, "same-origin"); code != http.StatusMethodNotAllowed {
		t.Errorf("a POST to a page: %d", code)
	}
	if code, _, _ := get(t, h.URL+"/?"+strings.Repeat("x", maxURL)); code != http.StatusRequestURITooLong {
		t.Errorf("a long address: %d", code)
	}
}

// events reads a stream's events until the function is called that it returns.
func events(t *testing.T, address string) (next func() *state, ended <-chan struct{}) {
	t.Helper()
	answer, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { answer.Body.Close() })
	if kind := answer.Header.Get("Content-Type"); kind != "text/event-stream" {
		t.Fatalf("the stream is %q", kind)
	}
	list, end := make(chan *state, 100), make(chan struct{})
	go func() {
		defer close(end)
		lines := bufio.NewScanner(answer.Body)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			if text, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				s := &state{}
				if json.Unmarshal([]byte(text), s) == nil {
					list <- s
				}
			}
		}
	}()
	return func() *state {
		t.Helper()
		select {
		case s := <-list:
			return s
		case <-time.After(5 * time.Second):
			t.Fatal("nothing comes")
			return nil
		}
	}, end
}

// TestEvents: the page is told what is new: of runs in progress, of damage, of the deletion of
// the study; and the stream ends with the server.
func TestEvents(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "small")
	spec := small(t, dir)
	s, h := serving(t, dir)
	next, ended := events(t, h.URL+"/study/"+idOf(s.roots[0])+"/events")
	first := next()
	if first.Phase != "complete" || first.Recorded != 4 || first.Planned != 4 || first.About != hostile || len(first.Facets) != 1 {
		t.Fatalf("at first: %+v", first)
	}
	lines := first.Facets[0].Lines
	if len(lines) != 2 || lines[0].Done != 2 || len(lines[0].Steps) != 3 || lines[0].Colour+lines[1].Colour != 1 || first.Facets[0].Best == "" {
		t.Errorf("the lines: %+v", lines)
	}

	// A process that resumes it, with a run in progress that is not there.
	gone := spec.Configs[0]
	if err := os.RemoveAll(filepath.Join(dir, "runs", gone.Hash())); err != nil {
		t.Fatal(err)
	}
	d, err := record.Create(dir, spec.Source, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	now := time.Now()
	live := &record.Live{Began: now.Add(-time.Minute), Written: now, Runs: 4, Recorded: 3, Updates: 16, Before: 12, Done: 2,
		Running: []record.LiveRun{{Run: gone.Hash(), Config: gone, Step: 2, Metrics: []record.Metric{{Step: 0, ValidationAccuracy: 0.1}, {Step: 2, ValidationAccuracy: 0.2}}}}}
	if err := d.WriteLive(live); err != nil {
		t.Fatal(err)
	}
	state := next()
	for state.Phase != "running" {
		state = next()
	}
	if len(state.Running) != 1 || state.Running[0].Step != 2 || state.Running[0].Score != 0.2 || state.Left != "60 s" || state.Share != 0.875 || state.Recorded != 3 {
		t.Errorf("while it runs: %+v", state)
	}
	if !strings.HasPrefix(state.Sentence, "3 of 4 runs recorded, 1 in progress") {
		t.Error(state.Sentence)
	}
	live.Running[0].Step = 3
	if err := d.WriteLive(live); err != nil {
		t.Fatal(err)
	}
	if state = next(); state.Running[0].Step != 3 {
		t.Errorf("a step later: %+v", state.Running)
	}

	// Half a file, then damage, then no study.
	if err := os.WriteFile(filepath.Join(dir, "live.json"), []byte("{"), 0o666); err != nil {
		t.Fatal(err)
	}
	if state = next(); state.Phase != "paused" || len(state.Warnings) == 0 {
		t.Errorf("with half a file: %+v", state)
	}
	if err := os.WriteFile(filepath.Join(dir, "runs", spec.Configs[1].Hash(), "metrics.jsonl"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	d.EndLive()
	for state = next(); state.Damaged == 0; state = next() {
	}
	if state.Recorded != 2 {
		t.Errorf("with a damaged run: %+v", state)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	for state.Phase != "gone" {
		state = next()
	}
	if code, _, _ := get(t, h.URL+"/study/"+idOf(s.roots[0])+"/report"); code != http.StatusNotFound {
		t.Errorf("the report of a deleted study: %d", code)
	}
	s.Close()
	select {
	case <-ended:
	case <-time.After(time.Second):
		t.Error("the stream does not end with the server")
	}
}

// TestStudyFileDamaged: what is recorded is shown all the same.
func TestStudyFileDamaged(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "small")
	small(t, dir)
	if err := os.WriteFile(filepath.Join(dir, "study.yaml"), []byte("name: [1\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	w := &watched{found: found{dir: dir, name: "small"}, records: map[string]*kept{}}
	now := w.now(context.Background())
	if now.Recorded != 4 || len(now.Facets) == 0 || !strings.Contains(fmt.Sprint(now.Warnings), "study.yaml") {
		t.Errorf("%+v", now)
	}
	if again := w.now(context.Background()); again != now {
		t.Error("nothing has changed, but the state is another")
	}
}
