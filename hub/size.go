package hub

import "github.com/carillon-push/carillon/model"

// eventOverhead is what a waiting event costs beside its message, roughly.
const eventOverhead = 256

// sizeOf returns roughly how many bytes the event holds in memory.
func sizeOf(e *model.Event) int {
	if e.Message == nil {
		return eventOverhead
	}
	return e.Message.Size()
}
