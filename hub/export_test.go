package hub

// Entries returns how many users, topics and clients the hub keeps a list for.
func (h *Hub) Entries() (users, topics, clients int) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return len(h.users.lists) + len(h.topicUsers.lists), len(h.topics.lists), len(h.clients.lists)
}
