package ntfy

import (
	"io"
	"net/http"
	"time"
)

// A sender may take its time as long as bytes keep coming: a phone uploads a
// picture over a bad line.
const (
	// bodyPause is how long nothing may come.
	bodyPause = 30 * time.Second
	// bodyRate is how many bytes a second must come in the long run.
	bodyRate = 2 << 10
)

// patientReader extends the time for reading a body while the body arrives.
type patientReader struct {
	io.Reader
	deadline func(time.Time) error
	// answer is the deadline for the answer, which the server set when the request
	// began.
	answer func(time.Time) error
	// start is a time of the real clock, as the connection's deadlines are.
	start time.Time
	read  int64
}

func newPatientReader(w http.ResponseWriter, r *http.Request) *patientReader {
	control := http.NewResponseController(w)
	return &patientReader{Reader: r.Body, deadline: control.SetReadDeadline, answer: control.SetWriteDeadline, start: time.Now()}
}

// Read implements io.Reader.
func (p *patientReader) Read(b []byte) (int, error) {
	end := time.Now().Add(bodyPause)
	if slowest := p.start.Add(bodyPause + time.Duration(p.read/bodyRate)*time.Second); slowest.Before(end) {
		end = slowest
	}
	_ = p.deadline(end) // what cannot do it has a deadline of its own, or none
	n, err := p.Reader.Read(b)
	p.read += int64(n)
	if err != nil {
		_ = p.answer(time.Now().Add(bodyPause))
	}
	if err == io.EOF {
		// Nothing more is read for this request, whatever it takes.
		_ = p.deadline(time.Time{})
	}
	return n, err
}
