package vm

import "gorgonia.org/tensor"

// Fetcher is a [Computation] that can have the processor fetch memory into its caches
// while it computes.
type Fetcher interface {
	Computation
	// Reach is how many bytes it can ask for, 0 if it can't.
	Reach() int
	// Fetch tells what to fetch. It is a hint: results do not depend on it.
	Fetch(address uintptr, bytes int)
}

const (
	// A tensor is fetched if since its last use more memory than this was in use:
	// about what stays in a second-level cache.
	retained = 512 << 10
	// Smaller ones are not worth it.
	worthFetching = 1 << 10
	// So many steps in advance at most.
	fetchSteps = 8
	// Tensors that are closer to each other count as one piece.
	gap = 256
)

// fetchAhead decides what computations that can fetch memory are to fetch: what the steps
// after them use that has long not been in use, the weights of the next layer, say. A
// deep network's memory is larger than the caches, and the processor, which sees only one
// layer's tensors in order, cannot know where the next layer's are.
func (m *Machine) fetchAhead() {
	for i := range m.steps {
		s := &m.steps[i]
		s.ahead = ahead{}
		if f, ok := s.compute.(Fetcher); ok {
			s.ahead.reach = f.Reach()
		}
	}
	for _, u := range m.longUnused() {
		for j := u.step - 1; j >= max(0, u.step-fetchSteps) && !m.steps[j].ahead.add(u.address, u.bytes); j-- {
		}
	}
}

// use is a step's reading of a tensor.
type use struct {
	step    int
	address uintptr
	bytes   int
}

// longUnused returns the readings of tensors that have not been used for long, in the
// order of the steps. (What is written can wait.)
func (m *Machine) longUnused() (list []use) {
	var used int // bytes, since the start of the run before
	lastUse := map[uintptr]int{}
	for run := range 2 {
		for i := range m.steps {
			s := &m.steps[i]
			for k, v := range append(s.in[:len(s.in):len(s.in)], s.out) {
				t, ok := v.(*tensor.Dense)
				if !ok {
					continue
				}
				u := use{i, t.Uintptr(), int(t.MemSize())}
				if run == 1 && k < len(s.in) && used-lastUse[u.address] > retained && u.bytes >= worthFetching {
					list = append(list, u)
				}
				used += u.bytes
				lastUse[u.address] = used
			}
		}
	}
	return list
}

// ahead is what a computation is to fetch: tensors side by side.
type ahead struct {
	address uintptr
	bytes   int
	reach   int // 0 if it can't
}

// add adds a tensor, if the computation can fetch it together with what it has.
func (a *ahead) add(address uintptr, bytes int) bool {
	from, to := min(a.address, address), max(a.address+uintptr(a.bytes), address+uintptr(bytes))
	switch {
	case a.reach == 0:
		return false
	case a.bytes == 0:
		a.address, a.bytes = address, bytes
	case int(to-from) <= a.bytes+bytes+gap && int(to-from) <= a.reach:
		a.address, a.bytes = from, int(to-from)
	default:
		return false
	}
	return true
}
