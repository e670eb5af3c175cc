package record_test

import (
	"math"
	"testing"

	"github.com/gradflow/gradflow/bench/probe"
	"github.com/gradflow/gradflow/bench/record"
)

// table has two hidden layers and the output's, at each step the quantities given.
func courseTable(rows map[int][3][3]float64, steps ...int) *record.LayerTable {
	t := &record.LayerTable{Columns: []string{record.StepColumn, record.LayerColumn,
		string(probe.PreActivationGradient), string(probe.Decorrelation), string(probe.Saturated)}}
	for _, s := range steps {
		for l := range 3 {
			t.Rows = append(t.Rows, []float64{float64(s), float64(l), rows[s][0][l], rows[s][1][l], rows[s][2][l]})
		}
	}
	return t
}

func TestCourse(t *testing.T) {
	alive := [3]float64{-1, -1, 0}
	rows := map[int][3][3]float64{
		0:   {{-9, -5, 0}, {0, -4, -5}, {0, 0, 0}},        // dead both ways
		10:  {{-2, -1, 0}, {0, -4, -5}, {0, 0, 0}},        // the gradient arrives
		30:  {{-5, -1, 0}, {0, -1, -1}, {0.2, 0.7, 0}},    // and not; forward lives; layer 2 saturates
		100: {alive, {0, -1, -1}, {0.2, 0.7, 0}},          // and arrives
		200: {{math.NaN(), 0, 0}, {0, 0, 0}, {0, 0.9, 0}}, // not known
	}
	c := record.CourseOf(courseTable(rows, 0, 10, 30, 100, 200), 400)
	// Known are steps 0 to 200: dead 0 to 10 and 30 to 100.
	if c.GradientDead != 80./200 || c.GradientArrives != 100 {
		t.Errorf("gradient: dead %g, arrives %g", c.GradientDead, c.GradientArrives)
	}
	if c.ForwardDead != 30./400 || c.ForwardArrives != 30 {
		t.Errorf("forward: dead %g, arrives %g", c.ForwardDead, c.ForwardArrives)
	}
	if c.Saturates != 30 || c.SaturatedLayer != 2 {
		t.Errorf("saturates at %g in layer %d", c.Saturates, c.SaturatedLayer)
	}
	never := record.CourseOf(courseTable(map[int][3][3]float64{0: rows[0], 10: rows[0]}, 0, 10), 20)
	if never.GradientDead != 1 || !never.GradientArrives.IsNaN() || !never.Saturates.IsNaN() || never.SaturatedLayer != 0 {
		t.Errorf("%+v", never)
	}
	if record.CourseOf(nil, 10) != nil || record.CourseOf(&record.LayerTable{}, 10) != nil {
		t.Error("no layers have a course")
	}
	// Of an older table, without the forward signal.
	old := &record.LayerTable{Columns: []string{record.StepColumn, record.LayerColumn, string(probe.PreActivationGradient)}, Rows: [][]float64{{0, 0, -9}, {0, 1, 0}}}
	if c := record.CourseOf(old, 10); c.GradientDead != 1 || !c.ForwardDead.IsNaN() || !c.Saturates.IsNaN() {
		t.Errorf("%+v", c)
	}
}
