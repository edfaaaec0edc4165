package stream

// Requests returns how many streams are the answer to a request that is still
// being served. Who stops a server waits for the other requests first.
func (p *Pumps) Requests() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for s := range p.open {
		if _, ok := s.(*chunked); ok {
			n++
		}
	}
	return n
}
