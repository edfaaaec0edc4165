package hub

// Reason says why a subscription ended. The zero value means that it has not.
type Reason uint8

// The reasons for an end.
const (
	// ReasonGone: its reader closed it.
	ReasonGone Reason = iota + 1
	// ReasonSlow: its queue was full. What waited is dropped.
	ReasonSlow
	// ReasonRevoked: the right to read was taken away. What waited is dropped.
	ReasonRevoked
	// ReasonShutdown: this node stops. What waited may still be taken.
	ReasonShutdown
)

// String returns the reason as one word for the log.
func (r Reason) String() string {
	switch r {
	case 0:
		return "open"
	case ReasonGone:
		return "gone"
	case ReasonSlow:
		return "slow"
	case ReasonRevoked:
		return "revoked"
	case ReasonShutdown:
		return "shutdown"
	default:
		return "unknown"
	}
}
