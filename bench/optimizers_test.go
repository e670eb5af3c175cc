package bench_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/gradflow/gradflow/bench/study"
)

// BenchmarkOptimizers runs the quickstart's comparisons.
func BenchmarkOptimizers(b *testing.B) {
	s, err := study.Load(context.Background(), "studies/quickstart.yaml")
	if err != nil {
		b.Fatal(err)
	}
	first := s.Configs[0].Seed
	budget := s.Configs[0].Steps
	for _, c := range s.Configs {
		if c.Seed != first || c.Steps != budget {
			continue
		}
		name := fmt.Sprintf("activation=%s/depth=%d/optimizer=%s", c.Activation.Name, c.Depth, c.Optimizer.Name)
		b.Run(name, func(b *testing.B) { benchmark(b, c) })
	}
}

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
