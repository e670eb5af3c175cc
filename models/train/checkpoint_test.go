package train_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/models/train"
	"github.com/gradflow/gradflow/optimizers"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// seekable is a stream whose batches are functions of their index.
type seekable struct {
	at uint64
}

func (s *seekable) Seek(batch uint64) { s.at = batch }

func (s *seekable) next() *stream {
	s.at++
	return &stream{rand.New(rand.NewPCG(7, s.at))}
}

func (s *seekable) Next64(x, t []float64) error { return s.next().Next64(x, t) }
func (s *seekable) Next32(x, t []float32) error { return s.next().Next32(x, t) }

// history is what a hook remembers: the losses.
type history []float64

func (h *history) MarshalBinary() ([]byte, error)    { return json.Marshal([]float64(*h)) }
func (h *history) UnmarshalBinary(text []byte) error { return json.Unmarshal(text, (*[]float64)(h)) }

func lstm(t *testing.T, dtype tensor.Dtype) *models.Network {
	t.Helper()
	p, err := models.NewParameters(dtype, 1)
	if err != nil {
		t.Fatal(err)
	}
	n, err := models.Build(
		models.Recurrent{Depth: 1, Width: 4, Cell: models.LSTM, Activation: activations.Tanh(), Initializer: initializers.GlorotNormal(1)},
		models.Shape{Inputs: inputs, Outputs: 2, Batch: 16, Loss: models.CrossEntropy, Steps: inputs, TargetSteps: 1}, p, true)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// resumable makes a loop whose hook remembers the losses.
func resumable(t *testing.T, n *models.Network, text string, steps int) (*train.Loop, *history) {
	t.Helper()
	choice, err := optimizers.Catalogue.Read(text)
	if err != nil {
		t.Fatal(err)
	}
	solver, err := optimizers.Catalogue.Make(choice)
	if err != nil {
		t.Fatal(err)
	}
	l, err := train.New(n, &seekable{}, solver, steps)
	if err != nil {
		t.Fatal(err)
	}
	h := &history{}
	l.Hooks = append(l.Hooks, train.Hook{Memory: h, After: func(s *train.State) error { *h = append(*h, s.Loss); return nil }})
	return l, h
}

// numbers are all parameters and running statistics.
func numbers(n *models.Network) (all []float64) {
	for _, name := range append(n.Parameters.Names(), n.Parameters.Statistics()...) {
		all = append(all, floats(n.Parameters.Tensor(name))...)
	}
	return all
}

// TestCheckpoint interrupts runs of every optimizer after a random step, twice, restores
// them into loops made anew, and compares the end with that of an undisturbed run.
func TestCheckpoint(t *testing.T) {
	texts := []string{
		"chain(before=[clip-global-norm(limit=1),centralize,noise],after=[weight-decay,schedule(schedule=cosine(steps=20))],optimizer=adam)",
		"chain(before=[noise,clip-adaptive],optimizer=sgd(momentum=0.9))",
		"partition(rules=[{pattern=*/weight,optimizer=smorms3},{pattern=*/*,optimizer=sgd(momentum=0.9)}])",
	}
	for _, name := range optimizers.Catalogue.Names() {
		if name != "chain" && name != "partition" {
			texts = append(texts, name)
		}
	}
	nets := map[string]func(*testing.T, tensor.Dtype) *models.Network{
		"plain":      func(t *testing.T, d tensor.Dtype) *models.Network { return network(t, d, 2) },
		"batch-norm": batchNormed,
		"lstm":       lstm,
	}
	const steps = 20
	random := rand.New(rand.NewPCG(1, 2))
	for net, build := range nets {
		for _, dtype := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
			for _, text := range texts {
				if net != "plain" && slices.Contains([]string{"vsgd-l", "vsgd-b", "vsgd-g"}, text) {
					continue // there is no curvature
				}
				t.Run(fmt.Sprint(net, "/", dtype, "/", text), func(t *testing.T) {
					whole, losses := resumable(t, build(t, dtype), text, steps)
					end := run(t, whole)
					want := append(numbers(whole.Network), *losses...)

					var saved []byte
					at := 0
					for at < steps {
						at += 1 + random.IntN(steps)
						l, losses := resumable(t, build(t, dtype), text, steps)
						if saved != nil {
							if err := l.Restore(bytes.NewReader(saved)); err != nil {
								t.Fatal(err)
							}
						}
						ctx, cancel := context.WithCancel(context.Background())
						defer cancel()
						l.Hooks[0].After = func(s *train.State) error {
							*losses = append(*losses, s.Loss)
							if s.Step == at {
								cancel()
							}
							return nil
						}
						l.Checkpoints = train.Checkpoints{Every: 7, Save: func(l *train.Loop) error {
							var b bytes.Buffer
							err := l.Save(&b)
							saved = b.Bytes()
							return err
						}}
						got, err := l.Run(ctx)
						if err != nil {
							t.Fatal(err)
						}
						if at < steps {
							if got.Status != train.Interrupted || got.Steps != at {
								t.Fatalf("%+v, want an interruption after %d steps", got, at)
							}
							continue
						}
						if got != end {
							t.Errorf("the run ends with %+v, the undisturbed one with %+v", got, end)
						}
						if got := append(numbers(l.Network), *losses...); !slices.Equal(got, want) {
							t.Errorf("parameters and losses %v, of the undisturbed run %v", got, want)
						}
					}
				})
			}
		}
	}
}

// TestCheckpointDamage cuts and changes a checkpoint, and gives it to other networks: the
// loop stays as it was.
func TestCheckpointDamage(t *testing.T) {
	l, _ := resumable(t, network(t, tensor.Float32, 2), "adam", 5)
	run(t, l)
	var b bytes.Buffer
	if err := l.Save(&b); err != nil {
		t.Fatal(err)
	}
	good := b.Bytes()
	texts := map[string][]byte{"nothing": nil, "other": []byte("something else that is long enough to have a checksum in it, perhaps")}
	for i := 0; i < len(good); i += 97 {
		changed := slices.Clone(good)
		changed[i] ^= 4
		texts[fmt.Sprint("changed at ", i)] = changed
		texts[fmt.Sprint("cut at ", i)] = good[:i]
	}
	fresh, _ := resumable(t, network(t, tensor.Float32, 2), "adam", 5)
	before := numbers(fresh.Network)
	for name, text := range texts {
		if err := fresh.Restore(bytes.NewReader(text)); !errors.Is(err, train.ErrCheckpoint) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !slices.Equal(numbers(fresh.Network), before) {
		t.Error("a damaged checkpoint changes the network")
	}
	for name, n := range map[string]*models.Network{"deeper": network(t, tensor.Float32, 3), "wider type": network(t, tensor.Float64, 2)} {
		other, _ := resumable(t, n, "adam", 5)
		if err := other.Restore(bytes.NewReader(good)); !errors.Is(err, train.ErrCheckpoint) {
			t.Errorf("%s: %v", name, err)
		}
	}
	short, _ := resumable(t, network(t, tensor.Float32, 2), "adam", 4)
	if err := short.Restore(bytes.NewReader(good)); !errors.Is(err, train.ErrCheckpoint) {
		t.Errorf("more steps than there are: %v", err)
	}
	another, _ := resumable(t, network(t, tensor.Float32, 2), "sgd", 5)
	if err := another.Restore(bytes.NewReader(good)); err == nil {
		t.Error("the state of another solver is taken")
	}
}

// TestNotResumable has checkpoints asked for where there can't be any.
func TestNotResumable(t *testing.T) {
	l, _ := resumable(t, network(t, tensor.Float32, 1), "sgd", 2)
	l.Checkpoints.Every = 1
	if _, err := l.Run(context.Background()); err == nil {
		t.Error("checkpoints without a function that saves them")
	}
	l.Checkpoints.Save = func(l *train.Loop) error { return errors.New("full") }
	if _, err := l.Run(context.Background()); err == nil || err.Error() != "full" {
		t.Errorf("an error of Save: %v", err)
	}
	l.Stream = newStream(1)
	if _, err := l.Run(context.Background()); err == nil {
		t.Error("a stream without Seek")
	}
	own, err := train.New(network(t, tensor.Float32, 1), &seekable{}, struct{ G.Solver }{sgd(t, 1)}, 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := own.Save(io.Discard); err == nil {
		t.Error("a solver that cannot save its state")
	}
}
