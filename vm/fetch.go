package vm

import "gorgonia.org/tensor"

// Fetcher is a [Computation] that can have the processor fetch memory into its caches
// while it computes.
type Fetcher interface {
	Computation
	// Reach returns how many bytes it can ask for; 0 for none.
	Reach() int
	// Fetch sets what to fetch. It is a hint: results do not depend on it.
	Fetch(address uintptr, bytes int)
}

const (
	// A tensor is fetched if more memory than this was used since its last use: about what stays
	// in a second-level cache.
	retained = 512 << 10
	// Smaller ones are not worth it.
	worthFetching = 1 << 10
	// The most steps in advance.
	fetchSteps = 8
	// Tensors closer to each other than this count as one piece.
	gap = 256
)

// fetchAhead decides what the computations that can fetch memory should fetch: what later steps
// use and what has long been unused, the weights of the next layer, say. A deep network's memory
// is larger than the caches, and the processor, which sees only one layer's tensors in order,
// cannot know where the next layer's are.
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

// use is the reading of a tensor by a step.
type use struct {
	step    int
	address uintptr
	bytes   int
}

// longUnused returns the uses of tensors that have long been unused, in the order of the steps.
// (Writing does not wait for memory.)
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

// ahead is what a computation should fetch: tensors that lie side by side.
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
