package ntfy

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"text/template"
	"text/template/parse"
	"time"
)

const (
	// maxTemplateBody bounds the JSON that templates are filled from, in bytes.
	maxTemplateBody = 128 << 10
	// maxTemplate bounds each template, in bytes.
	maxTemplate = 32 << 10
	// maxLoops is how deep loops may nest.
	maxLoops = 8
	// templateTime is how long the templates of one message may take in all.
	templateTime = 500 * time.Millisecond
)

// number is a number in JSON. Templates print it without an exponent.
type number float64

// String implements fmt.Stringer.
func (n number) String() string { return strconv.FormatFloat(float64(n), 'f', -1, 64) }

// decodeTemplateBody reads the JSON that templates are filled from.
func decodeTemplateBody(body []byte) (any, error) {
	var data any
	if err := json.Unmarshal(body, &data); err != nil {
		return nil, failuref(40042, "%v", err)
	}
	return withNumbers(data), nil
}

func withNumbers(data any) any {
	switch data := data.(type) {
	case float64:
		return number(data)
	case map[string]any:
		for key, value := range data {
			data[key] = withNumbers(value)
		}
	case []any:
		for i, value := range data {
			data[i] = withNumbers(value)
		}
	}
	return data
}

// render fills a template from the data. The result is one of at most limit bytes,
// without white space around it; \n in the template's own text is a line break.
//
// Whoever may publish may send a template, so it is a program of somebody unknown.
// It runs in this goroutine and cannot outlive its budget: it can only call
// functions that charge for their work, there is no recursion, and a charge is put
// into the body of each loop.
func render(text string, data any, limit int, b *budget) (string, error) {
	if len(text) > maxTemplate {
		return "", failuref(40041, "a template must not be larger than %d bytes", maxTemplate)
	}
	t, err := template.New("").Funcs(b.functions).Parse(text)
	if err != nil {
		return "", failuref(40043, "%s", templateReason(err))
	}
	if t.Tree == nil || len(t.Templates()) != 1 {
		return "", failuref(40044, "templates cannot define templates")
	}
	if err := b.prepare(t.Root); err != nil {
		return "", err
	}
	out := &boundedBuffer{room: limit}
	if err := t.Execute(out, data); err != nil {
		if refused, ok := errors.AsType[*failure](err); ok {
			return "", refused
		}
		return "", failuref(40045, "%s", templateReason(err))
	}
	return strings.TrimSpace(cleanText(out.String())), nil
}

// templateReason shortens what text/template says: a template can be quoted in it.
func templateReason(err error) string {
	const most = 200
	text := cleanText(strings.TrimPrefix(err.Error(), "template: "))
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

// prepare checks a part of a template and puts charges into its loops.
func (b *budget) prepare(node parse.Node) error {
	switch n := node.(type) {
	case *parse.ListNode:
		if n == nil {
			return nil
		}
		for _, child := range n.Nodes {
			if err := b.prepare(child); err != nil {
				return err
			}
		}
	case *parse.TextNode:
		n.Text = bytes.ReplaceAll(n.Text, []byte(`\n`), []byte("\n"))
	case *parse.ActionNode:
		return b.prepare(n.Pipe)
	case *parse.IfNode:
		return b.prepareAll(n.Pipe, n.List, n.ElseList)
	case *parse.WithNode:
		return b.prepareAll(n.Pipe, n.List, n.ElseList)
	case *parse.RangeNode:
		return b.prepareLoop(n)
	case *parse.PipeNode:
		if n == nil {
			return nil
		}
		for _, command := range n.Cmds {
			for _, argument := range command.Args {
				if err := b.prepare(argument); err != nil {
					return err
				}
			}
		}
	case *parse.ChainNode:
		return b.prepare(n.Node)
	case *parse.IdentifierNode:
		if !b.allowed(n.Ident) {
			return failuref(40044, "%.40s", n.Ident)
		}
	case *parse.TemplateNode:
		return failuref(40044, "template")
	}
	return nil
}

func (b *budget) prepareAll(nodes ...parse.Node) error {
	for _, node := range nodes {
		if err := b.prepare(node); err != nil {
			return err
		}
	}
	return nil
}

// prepareLoop bounds how deep loops nest: text/template takes a time with the square
// of it to come out of them with an error.
func (b *budget) prepareLoop(n *parse.RangeNode) error {
	if b.loops++; b.loops > maxLoops {
		return failuref(40043, "loops must not nest deeper than %d", maxLoops)
	}
	if err := b.prepareAll(n.Pipe, n.List, n.ElseList); err != nil {
		return err
	}
	b.loops--
	return chargeEachTime(n.List)
}

// chargeEachTime puts a charge in front of the body of a loop.
func chargeEachTime(body *parse.ListNode) error {
	charge, err := parse.Parse("", "{{"+chargeName+" "+strconv.Itoa(1+len(body.Nodes))+"}}", "", "", map[string]any{chargeName: true})
	if err != nil {
		return err
	}
	body.Nodes = append(charge[""].Root.Nodes, body.Nodes...)
	return nil
}

// errTemplateOutput ends a template that has written enough.
func errTemplateOutput() error { return failuref(40041, "") }

// boundedBuffer takes so many bytes and no more.
type boundedBuffer struct {
	strings.Builder
	room int
}

// Write implements io.Writer.
func (w *boundedBuffer) Write(p []byte) (int, error) {
	if len(p) > w.room-w.Len() {
		return 0, errTemplateOutput()
	}
	return w.Builder.Write(p)
}
