package models

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/normalization"
	"github.com/gradflow/gradflow/ops"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// RBF is a network of radial basis functions: Depth layers
//
//	y_j = exp(-z_j),  z_j = b_j ‖x - c_j‖²
//
// of Width units, named layer01, layer02, …, and a linear output layer, named output.
// Learned are the centers c_j, as layer01/center of shape (units, inputs), and r_j, as
// layer01/width: the widths b_j = log(1 + e^r_j) are positive whatever r_j is. z is the
// layers' pre-activation, and the centers are their weight. A normalisation may
// stand at the squared distances ‖x - c_j‖², at z or at y.
//
// Parameters start from data, by [Prepare], layer by layer: the centers of the
// first layer are examples, all different ones unless there are fewer than units, which
// [Start] then notes: batches are drawn until there are enough. The centers of the other
// layers are drawn from N(0, CenterVariance). b is then the same for all units of a layer:
// that with which the mean of z over the first batch is Kappa. Without Prepare all centers are drawn, and b fits inputs of variance 1.
//
// The slope of exp(-κd²/mean d²) by an input is largest at κ = 1. But the squared
// distances of n independent coordinates are nearly equal: their deviation is about 1/√n of
// their mean. So are the z of all examples, and with centers of variance 1 the squared
// gradient falls by a factor of the order of n in each layer, for any κ. Dividing
// distances by their mean does not change that. Standardising them does, and so do
// centers of a variance of .1: then most of ‖x - c‖² is the ‖x‖² that all units of a layer
// share, as their inputs are positive, and the gradient passes through that one
// direction. All activations come to depend on it alone, and a network of ten layers hardly
// learns. What keeps both the gradient and the directions apart is to center activations:
// layer-norm after f; or, with distances alone, a working point. Of standardised distances n with
// the shift s a unit is e^(-bn), b = Kappa/s, but for a factor, and its χ is b²/(1 - e^(-b²)): at
// most 1 + 1/L in L layers for b ≤ √(2/L). What is left is the ‖x‖² that units share: a common part
// of the activations, of mean m, is a share of about m²n/(CenterVariance + m²n) of the next
// layer's distances, and grows from layer to layer unless the centers are far from each other,
// CenterVariance > m²n. With a Kappa of .4 and a CenterVariance of 10 (64 units, s = 2, digits, 300
// steps of Adam at .01, validation part) 20 layers came from .40 to .92 and 50 from .10 to .78;
// either of the two alone does not do that: .23 and .10 for 20 layers.
type RBF struct {
	Depth int // hidden layers; 0 makes a linear model
	Width int // units of each
	// Kappa is the mean of z at initialisation; 0: 1.
	Kappa float64
	// CenterVariance is that of the drawn centers' coordinates; 0: 1.
	CenterVariance float64
	// Centers says how examples become the centers of the first layer; "": KMeansPP.
	Centers       Centers
	Initializer   initializers.Initializer    // of the output layer's weights
	Normalization normalization.Normalization // of the hidden layers; nil: none
	Widths        Widths                      // units of the layers where these differ, instead of Width
}

// Centers is a way in which examples become centers.
type Centers string

const (
	// SampleCenters takes random examples, each one once before any is taken again.
	SampleCenters Centers = "sample"
	// KMeansPP takes each next one with a probability proportional to its squared distance from
	// the nearest one taken (D. Arthur, S. Vassilvitskii: k-means++, 2007).
	KMeansPP Centers = "k-means++"
)

// RBFFunction is what the layers of an RBF network call their function.
const RBFFunction = "rbf"

// RBFSaturation is where the slope of exp(-z) is less than activations.SaturationShare
// of its slope at 0.
func RBFSaturation() []activations.Interval {
	return []activations.Interval{{Lo: -math.Log(activations.SaturationShare), Hi: math.Inf(1)}}
}

// Layout implements [Model].
func (m RBF) Layout(b *Builder, x *G.Node) (*G.Node, error) {
	units, err := m.Widths.Of(m.Depth, m.Width)
	if err != nil {
		return nil, errors.Wrap(err, "RBF network")
	}
	if m.Kappa == 0 {
		m.Kappa = 1
	}
	if m.CenterVariance == 0 {
		m.CenterVariance = 1
	}
	if m.Centers == "" {
		m.Centers = KMeansPP
	}
	switch {
	case !(m.Kappa > 0) || math.IsInf(m.Kappa, 0):
		return nil, errors.Errorf("an RBF network with kappa %g: want a positive number", m.Kappa)
	case !(m.CenterVariance > 0) || math.IsInf(m.CenterVariance, 0):
		return nil, errors.Errorf("an RBF network with a center variance of %g: want a positive number", m.CenterVariance)
	case m.Centers != SampleCenters && m.Centers != KMeansPP:
		return nil, errors.Errorf("an RBF network with centers from %q: want %s or %s", m.Centers, SampleCenters, KMeansPP)
	case m.Normalization != nil && m.Normalization.Site() == normalization.Weight:
		return nil, errors.Errorf("%s normalises weights, and an RBF layer has none: its centers are points, of which the length means nothing", m.Normalization.Name())
	}
	for i, n := range units {
		m.Width = n
		if x, err = m.layer(b, i, x); err != nil {
			return nil, err
		}
	}
	return b.Output(x, m.Initializer)
}

func (m RBF) layer(b *Builder, i int, x *G.Node) (*G.Node, error) {
	name, inputs := LayerName(i), x.Shape()[1]
	deviation := math.Sqrt(m.CenterVariance)
	centers, err := b.Learnable(name+"/center", func(c []float64) {
		r := b.Stream(name + "/center")
		for k := range c {
			c[k] = deviation * r.NormFloat64()
		}
	}, m.Width, inputs)
	if err != nil {
		return nil, err
	}
	first := m.Kappa
	if m.Normalization == nil || m.Normalization.Site() != normalization.Distance {
		first /= float64(inputs) * (1 + m.CenterVariance)
	}
	raw, err := b.Learnable(name+"/width", func(r []float64) {
		for k := range r {
			r[k] = inverseSoftplus(first)
		}
	}, m.Width)
	if err != nil {
		return nil, err
	}
	distances, err := ops.SquaredDistance(x, centers)
	if err != nil {
		return nil, errors.Wrap(err, name)
	}
	if distances, err = b.Normalize(m.Normalization, normalization.Distance, name, distances); err != nil {
		return nil, err
	}
	widths, err := activations.Softplus().Node(raw)
	if err != nil {
		return nil, errors.Wrap(err, name)
	}
	z, err := ops.ScaleColumns(distances, widths)
	if err != nil {
		return nil, errors.Wrap(err, name)
	}
	if z, err = b.Normalize(m.Normalization, normalization.PreActivation, name, z); err != nil {
		return nil, err
	}
	y, err := ops.ExpNeg(z)
	if err != nil {
		return nil, errors.Wrap(err, name)
	}
	if i == 0 {
		b.OnData(x, func(d *Data) (Start, error) {
			s := Start{Layer: name, Values: map[string]float64{}}
			data, err := examplesFor(d, inputs, m.Width, m.Centers)
			if err != nil {
				return s, err
			}
			rows, distinct := choose(data, inputs, m.Width, m.Centers, b.Stream(name+"/centers from data")), len(data)/inputs
			c := make([]float64, 0, m.Width*inputs)
			for _, row := range rows {
				c = append(c, data[row*inputs:(row+1)*inputs]...)
			}
			s.Values["centers"], s.Values["examples"] = float64(min(m.Width, distinct)), float64(distinct)
			if distinct < m.Width {
				s.Note = fmt.Sprintf("%d units, but only %d distinct examples were found: several units share each center and differ in their output weights alone", m.Width, distinct)
			}
			return s, d.Set(centers, c)
		})
	}
	b.OnData(distances, func(d *Data) (Start, error) {
		s := Start{Layer: name, Values: map[string]float64{}}
		all, err := d.Evaluate()
		if err != nil {
			return s, err
		}
		var mean float64
		for _, v := range all {
			mean += v / float64(len(all))
		}
		width := m.Kappa / mean
		if !(width > 0) || math.IsInf(width, 0) {
			return s, errors.Errorf("the squared distances have mean %g over the batch: no width makes it %g", mean, m.Kappa)
		}
		fill := make([]float64, m.Width)
		for k := range fill {
			fill[k] = inverseSoftplus(width)
		}
		s.Values["mean_squared_distance"], s.Values["width"] = mean, width
		return s, d.Set(raw, fill)
	})
	if err := b.AddLayer(Layer{Name: name, PreActivation: z, Activation: y, Weight: centers, Function: RBFFunction}); err != nil {
		return nil, err
	}
	return b.Normalize(m.Normalization, normalization.Activation, name, y)
}

// inverseSoftplus returns log(e^b - 1) for b > 0.
func inverseSoftplus(b float64) float64 { return b + math.Log(-math.Expm1(-b)) }

// examplesFor returns distinct examples for this many centers: those of the first batch, and
// of further ones while there are too few to choose from. It gives up when it has seen
// many times as many as are needed.
func examplesFor(d *Data, inputs, units int, how Centers) ([]float64, error) {
	enough := units
	if how == KMeansPP {
		enough = 2 * units // for there to be a choice
	}
	var list []float64
	seen := map[[sha256.Size]byte]bool{}
	row := make([]byte, 0, 8*inputs)
	for read := 0; ; {
		data, err := d.Evaluate()
		if err != nil {
			return nil, err
		}
		for ; len(data) >= inputs; data = data[inputs:] {
			row = row[:0]
			for _, v := range data[:inputs] {
				row = binary.LittleEndian.AppendUint64(row, math.Float64bits(v+0)) // -0 is 0
			}
			if key := sha256.Sum256(row); !seen[key] {
				seen[key] = true
				list = append(list, data[:inputs]...)
			}
			read++
		}
		if len(seen) >= enough || read >= 16*enough {
			return list, nil
		}
		if err := d.Next(); err != nil {
			return nil, err
		}
	}
}

// choose returns the numbers of the examples that become centers.
func choose(data []float64, inputs, count int, how Centers, r *rand.Rand) []int {
	rows := len(data) / inputs
	if how == SampleCenters {
		var list []int
		for len(list) < count {
			list = append(list, r.Perm(rows)...)
		}
		return list[:count]
	}
	nearest := make([]float64, rows) // squared distance from the nearest center
	for i := range nearest {
		nearest[i] = math.Inf(1)
	}
	list := []int{r.IntN(rows)}
	for len(list) < count {
		last := data[list[len(list)-1]*inputs:][:inputs]
		var total float64
		for i := range nearest {
			var d float64
			for k, v := range data[i*inputs:][:inputs] {
				d += (v - last[k]) * (v - last[k])
			}
			nearest[i] = min(nearest[i], d)
			total += nearest[i]
		}
		next := r.IntN(rows) // if all examples are taken
		if at := r.Float64() * total; total > 0 {
			for i, d := range nearest {
				if d > 0 {
					next = i
				}
				if at -= d; at < 0 {
					break
				}
			}
		}
		list = append(list, next)
	}
	return list
}

// rbf is the architecture of [RBF] networks.
type rbf struct {
	Kappa          float64 `json:"kappa" default:"1" range:"(0,)" doc:"mean of b‖x - c‖² at the start"`
	CenterVariance float64 `json:"center-variance" default:"1" range:"(0,)" doc:"variance of the coordinates of random centers"`
	Centers        Centers `json:"centers" default:"k-means++" doc:"choose the first layer's centers from examples: k-means++ or sample"`
}

func (a rbf) check() error {
	if a.Centers != SampleCenters && a.Centers != KMeansPP {
		return catalogue.Invalid("centers", "%q: want %s or %s", a.Centers, SampleCenters, KMeansPP)
	}
	return nil
}

func (a rbf) Model(p Plan) (Model, error) {
	if p.Activation != nil && p.Activation.Name() != a.OwnActivation() {
		return nil, errors.Errorf("an RBF layer is exp(-b‖x - c‖²): its activation is %s and can't be %s; use the model mlp for that", a.OwnActivation(), p.Activation.Name())
	}
	return RBF{p.Depth, p.Width, a.Kappa, a.CenterVariance, a.Centers, p.Initializer, p.Normalization, p.Widths}, nil
}

func (rbf) WidthsByLayer() {}

// OwnActivation implements [OwnActivation].
func (rbf) OwnActivation() string { return "gaussian" }
