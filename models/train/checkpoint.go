package train

import (
	"bytes"
	"crypto/sha256"
	"encoding"
	"encoding/gob"
	"io"

	"github.com/gradflow/gradflow/models/weights"
	"github.com/pkg/errors"
)

// ErrCheckpoint is the cause of every error about a checkpoint that is damaged, or that is
// of another run. The loop is as it was.
var ErrCheckpoint = errors.New("not a checkpoint of this run")

// Checkpoints has the state of a run saved now and then: by Save, after each Every updates
// and all hooks' calls, and at the end of a run that was interrupted.
type Checkpoints struct {
	Every int               // updates; 0: never
	Save  func(*Loop) error // writes what Loop.Save gives, so that it replaces the last one whole
}

// Memory is what a hook remembers from step to step.
type Memory interface {
	encoding.BinaryMarshaler
	encoding.BinaryUnmarshaler
}

// Seeker is a Stream that can make the batch with this index, counted from 0, its next
// one. The streams of package tasks can.
type Seeker interface{ Seek(batch uint64) }

// magic begins a checkpoint; the checksum of what follows and the state come after it.
const magic = "gradflow checkpoint 1\n"

// checkpoint is the state of a run between two steps.
type checkpoint struct {
	Step, DenormalSteps int
	First, Loss         float64
	Weights             []byte // parameters and running statistics, as a safetensors file
	Solver              []byte
	Hooks               [][]byte // memories, nil for hooks without one
}

// Resumable tells, by an error that names the part, why a run cannot be saved: the stream
// must be a [Seeker], and the solver able to save its state, as those of package optimizers
// are.
func (l *Loop) Resumable() error {
	if _, ok := l.Stream.(Seeker); !ok {
		return errors.Errorf("train: the run cannot be saved: its stream, a %T, has no Seek", l.Stream)
	}
	if _, ok := l.Solver.(Memory); !ok {
		return errors.Errorf("train: the run cannot be saved: its solver, a %T, does not implement encoding.BinaryMarshaler and BinaryUnmarshaler", l.Solver)
	}
	return nil
}

// Save writes the whole state of the run: parameters and running statistics, the solver's
// state, the step, and the hooks' memories. It is called between two steps: by
// Checkpoints, or when Run has ended. A loop made from the same parts, of the same
// numbers, that restores it goes through the same steps, bit for bit.
func (l *Loop) Save(w io.Writer) error {
	if err := l.Resumable(); err != nil {
		return err
	}
	c := checkpoint{Step: l.state.Step, DenormalSteps: l.state.DenormalSteps, First: l.first, Loss: l.state.Loss}
	var b bytes.Buffer
	err := weights.Write(&b, l.Network.Parameters, nil)
	if err != nil {
		return errors.Wrap(err, "train: save the run")
	}
	c.Weights = b.Bytes()
	if c.Solver, err = l.Solver.(Memory).MarshalBinary(); err != nil {
		return errors.Wrap(err, "train: save the run")
	}
	for _, h := range l.Hooks {
		var memory []byte
		if h.Memory != nil {
			if memory, err = h.Memory.MarshalBinary(); err != nil {
				return errors.Wrap(err, "train: save the run")
			}
		}
		c.Hooks = append(c.Hooks, memory)
	}
	var body bytes.Buffer
	if err := gob.NewEncoder(&body).Encode(c); err != nil {
		return errors.Wrap(err, "train: save the run")
	}
	sum := sha256.Sum256(body.Bytes())
	for _, part := range [][]byte{[]byte(magic), sum[:], body.Bytes()} {
		if _, err := w.Write(part); err != nil {
			return errors.Wrap(err, "train: save the run")
		}
	}
	return nil
}

// Restore brings a loop, made from the same parts as the one that was saved, to its state:
// the next Run does the steps that are left. It reads all of r, and returns
// [ErrCheckpoint] if that is damaged or the network is another. After any other error,
// which is of the solver or of a hook, the loop is not to be used.
func (l *Loop) Restore(r io.Reader) error {
	if err := l.Resumable(); err != nil {
		return err
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return errors.Wrap(err, "train: restore the run")
	}
	rest, ok := bytes.CutPrefix(text, []byte(magic))
	if !ok || len(rest) < sha256.Size {
		return errors.Wrap(ErrCheckpoint, "train: restore the run: no checkpoint of this version, or a cut one")
	}
	body := rest[sha256.Size:]
	if sha256.Sum256(body) != [sha256.Size]byte(rest[:sha256.Size]) {
		return errors.Wrap(ErrCheckpoint, "train: restore the run: the checksum is another, so it is damaged")
	}
	var c checkpoint
	if err := gob.NewDecoder(bytes.NewReader(body)).Decode(&c); err != nil {
		return errors.Wrapf(ErrCheckpoint, "train: restore the run: %v", err)
	}
	if len(c.Hooks) != len(l.Hooks) {
		return errors.Wrapf(ErrCheckpoint, "train: restore the run: %d hooks, the loop has %d", len(c.Hooks), len(l.Hooks))
	}
	if c.Step < 0 || c.Step > l.Steps {
		return errors.Wrapf(ErrCheckpoint, "train: restore the run: %d updates of %d", c.Step, l.Steps)
	}
	if _, err := weights.Read("checkpoint", bytes.NewReader(c.Weights), int64(len(c.Weights)), l.Network.Parameters); err != nil {
		return errors.Wrapf(ErrCheckpoint, "train: restore the run: %v", err)
	}
	if err := l.Solver.(Memory).UnmarshalBinary(c.Solver); err != nil {
		return errors.Wrap(err, "train: restore the run")
	}
	for i, h := range l.Hooks {
		if h.Memory == nil {
			continue
		}
		if err := h.Memory.UnmarshalBinary(c.Hooks[i]); err != nil {
			return errors.Wrapf(err, "train: restore the run: hook %d", i)
		}
	}
	l.Stream.(Seeker).Seek(uint64(c.Step))
	l.from, l.first = c.Step, c.First
	l.state = State{Step: c.Step, Loss: c.Loss, DenormalSteps: c.DenormalSteps, Network: l.Network, Machine: l.Machine}
	return nil
}
