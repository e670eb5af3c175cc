package bench_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/gradflow/gradflow/bench/study"
)

// TestStudies checks that the studies that come with the project can be read.
func TestStudies(t *testing.T) {
	files, err := filepath.Glob("studies/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("studies: %v, %v", files, err)
	}
	for _, file := range files {
		s, err := study.Load(context.Background(), file)
		if err != nil {
			t.Error(err)
			continue
		}
		if filepath.Base(file) != s.Name+".yaml" {
			t.Errorf("%s has the name %s", file, s.Name)
		}
	}
}
