package ntfy

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

// readChunked reads a chunked answer and emits what it carries. It returns nil
// when the answer was complete.
func readChunked(format string, body io.Reader, emit func(Frame) error) error {
	next := map[string]func(*bufio.Reader) (Frame, error){"json": readJSON, "sse": readSSE, "raw": readRaw}[format]
	if next == nil {
		return fmt.Errorf("%q is no format of streams", format)
	}
	for lines := bufio.NewReader(body); ; {
		frame, err := next(lines)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := emit(frame); err != nil {
			return err
		}
	}
}

// readLine returns io.EOF at the end of the answer only, when nothing was begun.
func readLine(lines *bufio.Reader) (string, error) {
	line, err := lines.ReadString('\n')
	if err != nil && line != "" {
		return "", fmt.Errorf("the answer ended within the line %.300q: %w", line, io.ErrUnexpectedEOF)
	}
	return strings.TrimSuffix(line, "\n"), err
}

func readJSON(lines *bufio.Reader) (Frame, error) {
	line, err := readLine(lines)
	if err != nil {
		return Frame{}, err
	}
	m, err := parse([]byte(line))
	if err != nil {
		return Frame{}, fmt.Errorf("%.300q: %s", line, err) //nolint:errorlint // an EOF here is not the answer's
	}
	return Frame{Text: line, Message: m}, nil
}

func readRaw(lines *bufio.Reader) (Frame, error) {
	line, err := readLine(lines)
	if err != nil || line == "" {
		return Frame{}, err
	}
	return Frame{Text: line, Message: Message{Event: MessageEvent, Message: line}}, nil
}

// readSSE reads one event, which is lines up to an empty one.
func readSSE(lines *bufio.Reader) (Frame, error) {
	var f Frame
	for n := 0; ; n++ {
		line, err := readLine(lines)
		if errors.Is(err, io.EOF) && n > 0 {
			return f, fmt.Errorf("the answer ended within an event: %w", io.ErrUnexpectedEOF)
		}
		if err != nil {
			return f, err
		}
		field, value, _ := strings.Cut(line, ": ")
		switch {
		case line == "" && f.Text != "":
			return f, nil
		case field == "event" && f.Name == "" && f.Text == "":
			f.Name = value
		case field == "id" && f.Mark == "" && f.Text == "":
			f.Mark = value
		case field == "data" && f.Text == "":
			f.Text = value
			if f.Message, err = parse([]byte(value)); err != nil {
				return f, fmt.Errorf("%.300q: %s", line, err) //nolint:errorlint // an EOF here is not the answer's
			}
		default:
			return f, fmt.Errorf("unexpected line %.300q", line)
		}
	}
}
