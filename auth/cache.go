package auth

import (
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
)

// cacheSize bounds how many identities are kept in memory.
const cacheSize = 16384

// cache remembers what was read from the database. A value that was read while
// something was being forgotten is not kept: it may be older than the change.
type cache[K comparable, V any] struct {
	mu         sync.Mutex
	generation uint64
	values     *lru.Cache[K, V]
}

func newCache[K comparable, V any]() *cache[K, V] {
	values, _ := lru.New[K, V](cacheSize) // fails for a size below 1 only
	return &cache[K, V]{values: values}
}

// get returns the value of the key, read by load when it is not known.
func (c *cache[K, V]) get(key K, load func() (V, error)) (V, error) {
	if v, ok := c.values.Get(key); ok {
		return v, nil
	}
	c.mu.Lock()
	generation := c.generation
	c.mu.Unlock()
	v, err := load()
	if err != nil {
		return v, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.generation == generation {
		c.values.Add(key, v)
	}
	return v, nil
}

// drop removes the value of the key, so that the next get reads it anew.
func (c *cache[K, V]) drop(key K) { c.values.Remove(key) }

// forget removes the values that match.
func (c *cache[K, V]) forget(match func(V) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.generation++
	for _, key := range c.values.Keys() {
		if v, ok := c.values.Peek(key); ok && match(v) {
			c.values.Remove(key)
		}
	}
}
