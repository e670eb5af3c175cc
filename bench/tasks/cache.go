package tasks

import "sync"

// cache keeps the tasks that were loaded last, so that all runs of a study
// share one read-only copy. Runs that ask for the same task at the same time
// wait for one load. A task that falls out of the cache lives on with the runs
// that use it.
type cache struct {
	mu      sync.Mutex
	entries []*cacheEntry // least recently used first
	limit   int
}

type cacheEntry struct {
	key  any
	load func() (Task, error)
}

// loaded holds few tasks: MNIST takes 55 MB as bytes and another 220 MB once
// all of it has been asked for in float32.
var loaded = cache{limit: 8}

// get returns the task under key, which is comparable, or loads it. A failed
// load is tried again the next time: the missing file may have come.
func (c *cache) get(key any, load func() (Task, error)) (Task, error) {
	e := c.entry(key, load)
	t, err := e.load()
	if err != nil {
		c.drop(e)
		return nil, err
	}
	return t, nil
}

func (c *cache) entry(key any, load func() (Task, error)) *cacheEntry {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := &cacheEntry{key, sync.OnceValues(load)}
	for i, old := range c.entries {
		if old.key == key {
			e = old
			c.entries = append(c.entries[:i], c.entries[i+1:]...)
			break
		}
	}
	c.entries = append(c.entries, e)
	if len(c.entries) > c.limit {
		c.entries = append([]*cacheEntry(nil), c.entries[1:]...)
	}
	return e
}

func (c *cache) drop(e *cacheEntry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, old := range c.entries {
		if old == e {
			c.entries = append(c.entries[:i], c.entries[i+1:]...)
			return
		}
	}
}
