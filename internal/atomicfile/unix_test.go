//go:build unix

package atomicfile

import (
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestSpecial checks that what is not a regular file is written to, not replaced.
func TestSpecial(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := Write(at("file"), []byte("old")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(at("file"), 0o640); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{"link": "file", "chain": "link", "dangling": "new"} {
		if err := os.Symlink(target, at(link)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ path, lands string }{{"link", "file"}, {"chain", "file"}, {"dangling", "new"}} {
		if err := Write(at(c.path), []byte(c.path)); err != nil {
			t.Fatal(err)
		}
		if got := content(t, at(c.lands)); got != c.path {
			t.Errorf("through %s: %s holds %q", c.path, c.lands, got)
		}
		if info, err := os.Lstat(at(c.path)); err != nil || info.Mode()&os.ModeSymlink == 0 {
			t.Errorf("%s is a link no more: %v, %v", c.path, info, err)
		}
	}
	if info, err := os.Stat(at("file")); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the replaced file has the permissions %v, %v; want -rw-r-----", info.Mode(), err)
	}

	if err := syscall.Mkfifo(at("pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	read := make(chan string)
	go func() {
		f, err := os.Open(at("pipe"))
		if err != nil {
			t.Error(err)
			close(read)
			return
		}
		defer f.Close()
		text, _ := io.ReadAll(f)
		read <- string(text)
	}()
	if err := Write(at("pipe"), []byte("through")); err != nil {
		t.Fatal(err)
	}
	if got := <-read; got != "through" {
		t.Errorf("the FIFO brought %q", got)
	}
	if info, err := os.Lstat(at("pipe")); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		t.Errorf("the FIFO was replaced: %v, %v", info, err)
	}
	if err := Write(os.DevNull, []byte("x")); err != nil {
		t.Error(err)
	}
	if got := names(t, dir); got != "chain dangling file link new pipe" {
		t.Errorf("the directory holds %s", got)
	}
}

// TestPlanted checks that a link planted under a guessable temporary name is not followed.
func TestPlanted(t *testing.T) {
	dir := t.TempDir()
	victim := filepath.Join(t.TempDir(), "victim")
	if err := os.WriteFile(victim, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "report.html")
	if err := os.Symlink(victim, path+".unfinished"); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, []byte("page")); err != nil {
		t.Fatal(err)
	}
	if got := content(t, victim); got != "mine" {
		t.Errorf("the file behind the link holds %q", got)
	}
}
