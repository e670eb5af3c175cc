package report_test

import (
	"bytes"
	"encoding/csv"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/bench/compare"
	"github.com/gradflow/gradflow/bench/report"
	"github.com/gradflow/gradflow/internal/draw"
)

// TestFigures draws every kind of figure in every format. Its data are the comparison's own
// numbers.
func TestFigures(t *testing.T) {
	c := figureStudy(t)
	for _, kind := range report.FigureNames() {
		f, err := report.NewFigure(c, kind)
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		formats := draw.Endings
		if kind != "scores" { // all are drawn by one canvas of a format
			formats = formats[:1]
		}
		for _, format := range formats {
			path := filepath.Join(t.TempDir(), kind+"."+format)
			data, err := report.WriteFigure(f, path)
			if err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(data)
			if err != nil || strings.TrimSuffix(data, ".csv")+"."+format != path {
				t.Fatalf("data in %s, %v", data, err)
			}
			rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
			if err != nil || len(rows) < 3 {
				t.Fatalf("%s: %d rows, %v", kind, len(rows), err)
			}
			if kind == "scores" {
				checkScores(t, c, rows)
			}
		}
		picture, err := draw.Encode(f, "svg")
		if err != nil {
			t.Fatal(err)
		}
		if label := c.Things[0].Label; !bytes.Contains(picture, []byte(label)) {
			t.Errorf("figure %s does not name %s", kind, label)
		}
	}
	if _, err := report.NewFigure(c, "pie"); err == nil || !strings.Contains(err.Error(), "scores") {
		t.Errorf("a pie: %v", err)
	}
	if _, err := report.NewFigure(nil, "scores"); err == nil {
		t.Error("a figure of nothing")
	}
}

func checkScores(t *testing.T, c *compare.Comparison, rows [][]string) {
	t.Helper()
	at := map[[2]string]string{}
	for _, r := range rows[1:] {
		at[[2]string{r[0], r[1]}] = r[4]
	}
	for k, facet := range c.Facets {
		for _, thing := range c.Things {
			got, err := strconv.ParseFloat(at[[2]string{facet.Label, thing.Label}], 64)
			if want := float64(thing.Cells[k].Score.Median); err != nil || got != want {
				t.Errorf("%s, %s: median %v, want %g", facet.Label, thing.Label, got, want)
			}
		}
	}
}

// figureStudy is a study of two depths.
func figureStudy(t *testing.T) *compare.Comparison {
	t.Helper()
	s := whole
	s.nets = []net{{"sigmoid", 5, 0.2}, {"sigmoid", 20, 0.2}, {"tanh", 5, 0.02}}
	c, err := compare.Study(s.results())
	if err != nil {
		t.Fatal(err)
	}
	return c
}
