package server

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
)

// output collects what a process writes. It may be read at any time.
type output struct {
	mu   sync.Mutex
	data bytes.Buffer
}

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.data.Write(p)
}

// String returns everything so far.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.data.String()
}

// tail returns the last part of what the process wrote, for a failure message.
func (p *process) tail() string {
	const most = 8000
	text := p.stdout.String() + p.stderr.String()
	if len(text) > most {
		text = "…" + text[len(text)-most:]
	}
	return text
}

// judge returns an error when the log of a run holds what no log may hold.
func (s *Server) judge(p *process) error {
	log := p.stdout.String() + p.stderr.String()
	for _, word := range []string{"panic", "DATA RACE"} {
		if at := strings.Index(log, word); at >= 0 {
			return fmt.Errorf("the log of the server holds %q:\n%s", word, around(log, at))
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, secret := range s.secrets {
		if at := strings.Index(log, secret); at >= 0 {
			return fmt.Errorf("the log of the server holds a secret:\n%s", around(log, at))
		}
	}
	return nil
}

// around returns the part of the log that begins a little before at.
func around(log string, at int) string {
	return log[max(0, at-1000):min(len(log), at+4000)]
}
