package tasks

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The table agrees with itself, with the catalogue and with what the tasks expect.
func TestDataSets(t *testing.T) {
	sums := map[string]bool{}
	for _, d := range DataSets {
		if _, err := Catalogue.Lookup(d.Name); err != nil {
			t.Error(err)
		}
		if d.About == "" || d.Source == "" || d.Licence == "" {
			t.Errorf("%s: %+v", d.Name, d)
		}
		for _, m := range d.Mirrors {
			if !strings.HasPrefix(m, "http") || !strings.HasSuffix(m, "/") {
				t.Errorf("%s: mirror %s is no directory", d.Name, m)
			}
		}
		for i, f := range d.Files {
			if len(f.SHA256) != 64 || f.SHA256 != strings.ToLower(f.SHA256) || sums[f.SHA256] {
				t.Errorf("%s: %s: sha256 %s", d.Name, f.Name, f.SHA256)
			}
			sums[f.SHA256] = true
			if d.Embedded() {
				if err := f.Check(""); err != nil {
					t.Error(err)
				}
				continue
			}
			// 60000 and 10000 images of 28 x 28 with a header of 16 bytes, labels of 8.
			if want := []int64{47040016, 60008, 7840016, 10008}[i]; f.Bytes != want {
				t.Errorf("%s: %s has %d bytes, not %d", d.Name, f.Name, f.Bytes, want)
			}
		}
		if d.Embedded() {
			if _, err := d.Locate(""); err == nil {
				t.Errorf("%s is embedded, but is located", d.Name)
			}
		}
	}
}

// What is installed is what the table says.
func TestDataSetsHere(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 55 MB")
	}
	for _, d := range DataSets {
		if d.Embedded() {
			continue
		}
		t.Run(d.Name, func(t *testing.T) {
			paths, err := d.Locate("")
			if errors.Is(err, ErrNotFound) {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			for i, f := range d.Files {
				if err := f.Check(paths[i]); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestDataFileCheck(t *testing.T) {
	content := []byte("some content")
	sum := sha256.Sum256(content)
	f := DataFile{Name: "a.gz", Bytes: int64(len(content)), SHA256: hex.EncodeToString(sum[:])}
	zipped := gzipped(content)
	flipped := append([]byte(nil), zipped...)
	flipped[len(flipped)-8] ^= 1
	dir := t.TempDir()
	for _, c := range []struct {
		name, file string
		data       []byte
		want       string
	}{
		{"gzipped", "a.gz", zipped, ""},
		{"plain", "a", content, ""},
		{"plain under the wrong name", "b.gz", content, ""},
		{"gzipped under the wrong name", "b", zipped, ""},
		{"another", "c", []byte("some CONTENT"), "the sha256 of the content is "},
		{"short", "d", content[:11], "ends after 11 of the 12 bytes"},
		{"empty", "e", nil, "ends after 0 of the 12 bytes"},
		{"long", "f.gz", gzipped(make([]byte, 1<<20)), "longer than the 12 bytes"},
		{"cut", "g.gz", zipped[:len(zipped)-12], "of its content: unexpected EOF"},
		{"bad checksum", "h.gz", flipped, "of its content: gzip: invalid checksum"},
	} {
		path := filepath.Join(dir, c.file)
		if err := os.WriteFile(path, c.data, 0o666); err != nil {
			t.Fatal(err)
		}
		err := f.Check(path)
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v; want %q", c.name, err, c.want)
		}
	}
	if err := f.Check(filepath.Join(dir, "nothing")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
}
