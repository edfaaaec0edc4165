package stream

import "time"

// SetGrace changes how long a peer may take to answer a ping.
func (p *Pumps) SetGrace(d time.Duration) { p.grace = d }

// MaxWrite is how many bytes are collected for one write.
const MaxWrite = maxWrite
