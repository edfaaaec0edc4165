package hub

// Entries returns how many users and clients the hub keeps a list for.
func (h *Hub) Entries() (users, clients int) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return len(h.users), len(h.clients)
}
