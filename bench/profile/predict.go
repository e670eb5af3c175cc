package profile

import (
	"fmt"
	"math"
	"strings"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/activations/meanfield"
	"github.com/gradflow/gradflow/bench/probe"
	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/stats"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/normalization"
	"github.com/pkg/errors"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// predict adds what theory says of the start, from the weights' and the biases' own
// variances and the signal that the batch has in the first layer.
func (p *Profile) predict() error {
	a, err := study.Assemble(p.Config)
	if err != nil {
		return err
	}
	if _, err := a.Start(); err != nil {
		return err
	}
	n, err := a.Network()
	if err != nil {
		return err
	}
	if _, ok := a.Model.(models.RBF); ok {
		return p.predictRBF(a, n)
	}
	scalar, err := activations.ScalarOf(a.Activation)
	if err != nil {
		p.NoPrediction = fmt.Sprintf("%s is not element-wise", a.Activation.Name())
		return nil
	}
	field, err := meanfield.New(scalar)
	if err != nil {
		p.NoPrediction = strings.TrimPrefix(err.Error(), "meanfield: ")
		return nil
	}
	w, why := p.theory(a, n)
	if why != "" {
		p.NoPrediction = why
		return nil
	}
	if err := w.fromData(a, n, p.Start[0]); err != nil {
		return err
	}
	sites, err := field.Signal(w.network, w.in)
	if err != nil {
		p.NoPrediction = strings.TrimPrefix(err.Error(), "meanfield: ")
		return nil
	}
	p.setPredictions(sites)
	if m := w.network; m.Shortcut == meanfield.Plain && m.Norm.Kind == meanfield.NoNorm && len(m.Layers) > 1 && !w.recurrent && p.Config.Widths == "" { // one σ² does not describe layers that differ
		return p.fixedPoint(field, m.Layers[1:])
	}
	return nil
}

func (p *Profile) setPredictions(sites []meanfield.Site) {
	for i, s := range sites {
		l := &p.Start[i]
		l.PredictedPreActivation = record.Number(s.Deviation)
		l.PredictedDecorrelation = record.Number(math.Log10(s.Apart))
		l.PredictedChi = record.Number(s.Chi)
		p.Sampled = p.Sampled || s.Sampled
	}
}

// predictRBF adds the theory of layers of radial basis functions, from the first layer's
// outputs for the batch: its centers are examples.
func (p *Profile) predictRBF(a *study.Assembly, n *models.Network) error {
	if name := p.Config.Normalization.Name; name != "none" {
		p.NoPrediction = fmt.Sprintf("%s is not part of the theory of RBF layers, which share the length of an example", name)
		return nil
	}
	hidden := len(n.Layers) - 1
	if hidden < 1 {
		p.NoPrediction = "it has no hidden layers"
		return nil
	}
	x, err := examples(a)
	if err != nil {
		return err
	}
	w := meanfield.RBFNetwork{}
	output := variances(n.Layers[hidden].Weight, n.Layers[hidden].Bias)
	w.Output = &output
	var first [][]float64
	for i, l := range n.Layers[:hidden] {
		centers := l.Weight.Value().(*tensor.Dense)
		raw := a.Parameters.Tensor(l.Name + "/width")
		if raw == nil {
			return errors.Errorf("%s has no widths", l.Name)
		}
		b := softplusMean(raw)
		if i == 0 {
			first = radial(x, centers, b)
			continue
		}
		w.Layers = append(w.Layers, meanfield.RBFLayer{Units: centers.Shape()[0], Width: b, CenterVariance: meanSquare(centers)})
	}
	sites, err := w.Signal(meanfield.RBFSignalOf(first))
	if err != nil {
		p.NoPrediction = strings.TrimPrefix(err.Error(), "meanfield: ")
		return nil
	}
	p.setPredictions(sites)
	p.Start[0].PredictedPreActivation, p.Start[0].PredictedDecorrelation = p.Start[0].PreActivationStd, p.Start[0].Decorrelation // given
	return nil
}

// softplusMean is the mean of log(1 + e^r), the widths that r stand for.
func softplusMean(r *tensor.Dense) (mean float64) {
	values := numbers(r)
	for _, v := range values {
		mean += math.Log1p(math.Exp(v)) / float64(len(values))
	}
	return mean
}

// radial returns exp(-b‖x - c‖²) of each row of x and each center.
func radial(x, centers *tensor.Dense, b float64) [][]float64 {
	inputs := x.Shape()[1]
	points, middles := numbers(x), numbers(centers)
	y := make([][]float64, x.Shape()[0])
	for i := range y {
		y[i] = make([]float64, centers.Shape()[0])
		for j := range y[i] {
			d := floats.Distance(points[i*inputs:][:inputs], middles[j*inputs:][:inputs], 2)
			y[i][j] = math.Exp(-b * d * d)
		}
	}
	return y
}

// wide is a network as theory sees it, and what enters it.
type wide struct {
	network   meanfield.Network
	in        meanfield.Signal
	measured  bool // the first layer's pre-activations are as measured
	recurrent bool // the first layer's pre-activations are injected in each time step
}

// theory finds the theory of a model, or says why there is none.
func (p *Profile) theory(a *study.Assembly, n *models.Network) (w wide, why string) {
	norm, why := normOf(p.Config, a, n)
	if why != "" {
		return w, why
	}
	if init, err := initializers.Catalogue.Make(p.Config.Initializer); err == nil {
		if s, ok := init.(initializers.Structured); ok {
			return w, fmt.Sprintf("theory has independent weights, and with %s %s", init.Name(), s.Structure())
		}
	}
	hidden := len(n.Layers) - 1
	if hidden < 1 {
		return w, "it has no hidden layers"
	}
	for _, l := range n.Layers {
		w.network.Layers = append(w.network.Layers, variances(l.Weight, l.Bias))
	}
	output := w.network.Layers[hidden]
	w.network.Layers, w.network.Output, w.network.Norm = w.network.Layers[:hidden:hidden], &output, norm
	w.measured = norm.Kind == meanfield.NoNorm || norm.After
	parameter := a.Parameters.Tensor
	switch m := a.Model.(type) {
	case models.MLP:
	case models.Highway:
		w.network.Shortcut, w.network.First, w.network.GateBias = meanfield.HighwayGate, 1, m.GateBias
		if hidden > 1 {
			w.network.Gate.Weight = variance(parameter(models.LayerName(1) + "/gate/weight"))
		}
	case models.Residual:
		if m.Order == models.PostActivation {
			return w, "where f comes after the sum with the shortcut, the sum is no longer normal, and the means that f gives it add up: no theory here follows them"
		}
		w.network.Block, w.network.Branch = max(1, m.Block), 1
		last := models.LayerName(max(1, m.Block) - 1)
		switch scale := parameter(last + "/scale"); {
		case scale != nil:
			w.network.Branch = mean(scale)
		case m.Scale == models.ByDepth:
			w.network.Branch = 1 / math.Sqrt(float64(m.Depth/max(1, m.Block)))
		case m.Scale == models.InverseDepth:
			w.network.Branch = 1 / float64(m.Depth/max(1, m.Block))
		}
		w.network.Shortcut, w.measured = meanfield.ResidualInside, false
		if s := parameter(last + "/shortcut"); s != nil {
			w.network.Projection = variance(s)
		}
		if m.Order == models.PreActivation {
			w.network.Shortcut, w.network.Final, w.measured = meanfield.ResidualBefore, true, norm.Kind == meanfield.NoNorm
		}
	case models.Recurrent:
		switch {
		case m.Cell != models.RNN:
			return w, fmt.Sprintf("the gates of an %s multiply what depends on each other: no theory here follows them", m.Cell)
		case m.Depth > 1:
			return w, "the states of one recurrent layer, which the next one reads, depend on each other over time: theory is for one layer"
		}
		w.recurrent = true
	case models.Autoencoder:
		return w, "the layers of an autoencoder narrow, and its code has another f"
	default:
		return w, fmt.Sprintf("no theory covers the model %s", p.Config.Model.Name)
	}
	return w, ""
}

// normOf returns the normalisation as theory sees it.
func normOf(c record.Config, a *study.Assembly, n *models.Network) (norm meanfield.Norm, why string) {
	norm.Gamma = 1
	made, err := normalization.Catalogue.Make(c.Normalization)
	if err != nil || made == nil {
		if c.Normalization.Name != "none" {
			why = fmt.Sprintf("no theory covers the normalisation %s", c.Normalization.Name)
		}
		return norm, why
	}
	switch made.Name() {
	case "batch-norm":
		norm.Kind, norm.Batch = meanfield.BatchNorm, c.Batch
	case "layer-norm", "group-norm": // in wide groups, those of a layer are alike
		norm.Kind = meanfield.LayerNorm
	case "rms-norm":
		norm.Kind = meanfield.RMSNorm
	case "weight-norm":
		return norm, "" // whose weights start as they are
	default:
		return norm, fmt.Sprintf("no theory covers the normalisation %s", made.Name())
	}
	norm.After = made.Site() == normalization.Activation
	if g := a.Parameters.Tensor(n.Layers[0].Name + "/gamma"); g != nil {
		norm.Gamma = mean(g)
	}
	if b := a.Parameters.Tensor(n.Layers[0].Name + "/beta"); b != nil {
		norm.Beta = mean(b)
	}
	return norm, ""
}

// fromData sets what enters the network: the first layer's pre-activations as they were
// measured, or what follows from the batch.
func (w *wide) fromData(a *study.Assembly, n *models.Network, first Layer) error {
	if w.measured {
		mean, deviation := float64(first.PreActivationMean), float64(first.PreActivationStd)
		q := mean*mean + deviation*deviation
		z := meanfield.Signal{Square: q, Apart: q * math.Pow(10, float64(first.Decorrelation))}
		switch {
		case w.recurrent:
			w.network.Injected = z
			for i := range w.network.Layers {
				w.network.Layers[i].Bias = 0 // injected as well
			}
		case w.network.Shortcut == meanfield.ResidualBefore:
			w.in = z
		default:
			w.in, w.network.Layers[0] = z, meanfield.Variances{Weight: 1}
		}
		return nil
	}
	data, err := batch(a)
	if err != nil {
		return err
	}
	w.in = data
	if w.network.Shortcut == meanfield.ResidualBefore { // behind the stem
		stem := variance(a.Parameters.Tensor("stem/weight"))
		w.in = meanfield.Signal{Square: stem * data.Square, Apart: stem * data.Apart}
		if b := a.Parameters.Tensor("stem/bias"); b != nil {
			w.in.Square += meanSquare(b)
		}
	}
	return nil
}

// batch returns the signal of the batch that the network is measured with.
func batch(a *study.Assembly) (s meanfield.Signal, err error) {
	d, err := examples(a)
	if err != nil {
		return s, err
	}
	s.Square, s.Mean = meanSquare(d), mean(d)
	s.Apart = s.Square * math.Pow(10, probe.Apart(d))
	return s, nil
}

// examples returns the inputs of the batch that the network is measured with.
func examples(a *study.Assembly) (*tensor.Dense, error) {
	shape := a.Shape(a.Config.Batch)
	x, t := make([]float64, shape.Batch*shape.Inputs), make([]float64, shape.Batch*shape.Outputs)
	if err := a.Task.Train().Batches(a.Config.Seed, shape.Batch).Next64(x, t); err != nil {
		return nil, errors.Wrap(err, "the batch")
	}
	return tensor.New(tensor.WithShape(shape.Batch, shape.Inputs), tensor.WithBacking(x)), nil
}

// fixedPoint adds what theory says of a deep plain network of such layers.
func (p *Profile) fixedPoint(field *meanfield.Field, layers []meanfield.Variances) error {
	v := medians(layers)
	weight, bias := v.Weight, v.Bias
	t, err := field.Theory(meanfield.Variances{Weight: weight, Bias: bias})
	if err != nil {
		return err
	}
	p.Theory = &Theory{WeightVariance: record.Number(weight), BiasVariance: record.Number(bias), Q: record.Number(t.Q), Chi1: record.Number(t.Chi1),
		Xi: record.Number(t.XiGradient), Phase: t.Phase.String(), Critical: record.Number(math.NaN())}
	if critical, err := field.Critical(bias); err == nil {
		p.Theory.Critical = record.Number(critical.Weight)
	} else {
		p.Theory.NoCritical = err.Error()
	}
	return nil
}

func medians(layers []meanfield.Variances) meanfield.Variances {
	var weights, biases []float64
	for _, v := range layers {
		weights, biases = append(weights, v.Weight), append(biases, v.Bias)
	}
	return meanfield.Variances{Weight: stats.Median(weights), Bias: stats.Median(biases)}
}

// Variances returns σ_w² and σ_b² of the start of a network, the medians of its hidden layers
// from the second on, where there is one.
func Variances(a *study.Assembly) (v meanfield.Variances, err error) {
	if _, err := a.Start(); err != nil {
		return v, err
	}
	n, err := a.Network()
	if err != nil {
		return v, err
	}
	hidden := n.Layers[:len(n.Layers)-1]
	if len(hidden) == 0 {
		return v, errors.New("it has no hidden layers")
	}
	var list []meanfield.Variances
	for _, l := range hidden[min(1, len(hidden)-1):] {
		list = append(list, variances(l.Weight, l.Bias))
	}
	return medians(list), nil
}

// variances returns those of a layer's weights, times fan-in, and of its biases.
func variances(weight, bias *G.Node) (v meanfield.Variances) {
	v.Weight = variance(weight.Value().(*tensor.Dense))
	if bias != nil {
		v.Bias = meanSquare(bias.Value().(*tensor.Dense))
	}
	return v
}

// variance returns σ² of weights (inputs, units): their squared norm over the units.
func variance(w *tensor.Dense) float64 { return meanSquare(w) * float64(w.Shape()[0]) }

func meanSquare(x *tensor.Dense) float64 {
	return math.Pow(10, 2*probe.Norm(x)) / float64(x.Shape().TotalSize())
}

func mean(x *tensor.Dense) float64 { return stat.Mean(numbers(x), nil) }

// numbers returns a copy of the elements.
func numbers(x *tensor.Dense) []float64 {
	v := make([]float64, 0, x.Shape().TotalSize())
	switch d := x.Data().(type) {
	case []float64:
		v = append(v, d...)
	case []float32:
		for _, e := range d {
			v = append(v, float64(e))
		}
	}
	return v
}
