package atomicfile

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/pkg/errors"
)

// names lists a directory.
func names(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return strings.Join(list, " ")
}

func content(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.txt")
	for _, text := range []string{"one", "", "three"} {
		if err := Write(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got := content(t, path); got != text {
			t.Errorf("wrote %q, read %q", text, got)
		}
	}
	if got := names(t, dir); got != "a.txt" {
		t.Errorf("the directory holds %s", got)
	}
}

// TestFailure checks that a failure leaves the old file and nothing else.
func TestFailure(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.txt")
	if err := Write(path, []byte("old")); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	err := WriteFrom(path, func(w io.Writer) error {
		fmt.Fprint(w, "new")
		return broken
	})
	if !errors.Is(err, broken) {
		t.Errorf("error %v, want %v", err, broken)
	}
	err = WriteDirectory(filepath.Join(dir, "d"), func(temporary string) error {
		if err := os.WriteFile(filepath.Join(temporary, "x"), nil, 0o666); err != nil {
			t.Fatal(err)
		}
		return broken
	})
	if !errors.Is(err, broken) {
		t.Errorf("error %v, want %v", err, broken)
	}
	if got := content(t, path); got != "old" {
		t.Errorf("the file holds %q", got)
	}
	if got := names(t, dir); got != "a.txt" {
		t.Errorf("the directory holds %s", got)
	}
	if err := Write(dir, nil); err == nil || err.Error() != "write "+dir+": is a directory" {
		t.Errorf("onto a directory: %v", err)
	}
	missing := filepath.Join(dir, "missing", "a.txt")
	if err := Write(missing, nil); err == nil || err.Error() != "write "+missing+": no such file or directory" {
		t.Errorf("into a missing directory: %v", err)
	}
}

// TestTogether checks that writers of one path do not get into each other's way.
func TestTogether(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.txt")
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			for range 10 {
				if err := Write(path, []byte(strings.Repeat(string(rune('a'+i)), 10000))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got := content(t, path); got != strings.Repeat(got[:1], 10000) {
		t.Error("the file is a mixture")
	}
	if got := names(t, dir); got != "a.txt" {
		t.Errorf("the directory holds %s", got)
	}
}

func TestWriteDirectory(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "d")
	for _, name := range []string{"one", "two"} {
		err := WriteDirectory(path, func(temporary string) error {
			if got := names(t, dir); !strings.HasPrefix(got, Prefix+"d-") {
				t.Errorf("while it is written, the directory holds %s", got)
			}
			return os.WriteFile(filepath.Join(temporary, name), []byte(name), 0o666)
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := names(t, path); got != name {
			t.Errorf("it holds %s, want %s", got, name)
		}
	}
	if got := names(t, dir); got != "d" {
		t.Errorf("the directory holds %s", got)
	}
}

func TestAbandon(t *testing.T) {
	dir := t.TempDir()
	t.Cleanup(func() { pending.abandoned = false })
	err := WriteFrom(filepath.Join(dir, "a"), func(w io.Writer) error {
		return WriteDirectory(filepath.Join(dir, "d"), func(string) error {
			Abandon()
			if got := names(t, dir); got != "" {
				t.Errorf("after Abandon, the directory holds %s", got)
			}
			return nil
		})
	})
	if err == nil {
		t.Error("an abandoned write has no error")
	}
	if err := Write(filepath.Join(dir, "b"), nil); !errors.Is(err, ErrAbandoned) {
		t.Errorf("a later write: %v", err)
	}
	if got := names(t, dir); got != "" {
		t.Errorf("the directory holds %s", got)
	}
}

// TestCleaned takes the temporary file away while it is written, as a process that cleans the
// directory does: it is written again. What takes it away always gets an error.
func TestCleaned(t *testing.T) {
	for _, times := range []int{1, 10} {
		dir := t.TempDir()
		path := filepath.Join(dir, "file")
		calls := 0
		err := WriteFrom(path, func(w io.Writer) error {
			if calls++; calls <= times {
				names, err := filepath.Glob(filepath.Join(dir, Prefix+"*"))
				if err != nil || len(names) != 1 {
					t.Fatalf("temporary files %v, %v", names, err)
				}
				if err := os.Remove(names[0]); err != nil {
					t.Skip("an open file can't be removed: ", err)
				}
			}
			_, err := io.WriteString(w, "text")
			return err
		})
		if text, readErr := os.ReadFile(path); times == 1 && (err != nil || string(text) != "text") {
			t.Errorf("%v; the file holds %q, %v", err, text, readErr)
		}
		if times > 1 && (!errors.Is(err, fs.ErrNotExist) || calls != 3) {
			t.Errorf("%v after %d calls", err, calls)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, Prefix+"*")); len(left) > 0 {
			t.Errorf("%v is left", left)
		}
	}
}
