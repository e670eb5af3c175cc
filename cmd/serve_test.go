package cmd_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gradflow/gradflow/cmd"
)

// written is a buffer that one goroutine writes and another reads.
type written struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (w *written) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}

func (w *written) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.String()
}

// TestServe: it serves, to this machine, until it is interrupted, with a page open too.
func TestServe(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var out, problems written
	status := make(chan int, 1)
	go func() {
		status <- cmd.Run(ctx, []string{"serve", t.TempDir(), "--address", "127.0.0.1:0"}, nil, &out, &problems)
	}()
	printed := regexp.MustCompile(`http://127\.0\.0\.1:\d+/`)
	var address string
	for begin := time.Now(); address == "" && time.Since(begin) < 10*time.Second; time.Sleep(time.Millisecond) {
		address = printed.FindString(out.String())
	}
	page, err := http.Get(address + "events")
	if err != nil {
		t.Fatalf("%v\n%s%s", err, out.String(), problems.String())
	}
	defer page.Body.Close()
	begin := make([]byte, 6)
	if _, err := io.ReadFull(page.Body, begin); err != nil || string(begin) != "data: " {
		t.Fatalf("the stream begins with %q: %v", begin, err)
	}
	cancel()
	select {
	case s := <-status:
		if s != 1 || strings.Contains(problems.String(), "warning") {
			t.Errorf("status %d: %s", s, problems.String())
		}
	case <-time.After(5 * time.Second):
		t.Fatal("it does not end")
	}
	if _, err := http.Get(address); err == nil {
		t.Error("it still serves")
	}
}

func TestServeRefuses(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"serve nowhere", "nowhere: no such directory"},
		{"serve --address 8080", "want host:port"},
		{"serve --address localhost:99999", "--address localhost:99999: "},
	} {
		var out, problems written
		if s := cmd.Run(context.Background(), strings.Fields(c.args), nil, &out, &problems); s != 2 || !strings.Contains(problems.String(), c.want) {
			t.Errorf("%s: status %d, %s", c.args, s, problems.String())
		}
	}
}
