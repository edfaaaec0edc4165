package config

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// reader sets what a file says and collects what is wrong with it.
type reader struct {
	// name is the file's name for messages.
	name string
	// known are the names that an unknown key may have been meant for.
	known    []string
	source   *Source
	problems []error
}

// readDocument sets what the text of the file called name says.
func (c *Config) readDocument(name string, text []byte) error {
	root, err := parseDocument(text)
	r := &reader{name: name, known: paths(), source: &c.Source}
	switch mapping, ok := root.(ast.MapNode); {
	case err != nil:
		r.refuse(0, "", err)
	case root == nil || root.Type() == ast.NullType:
	case !ok:
		r.refuse(lineOf(root.GetToken()), "", errors.New("must hold settings as `key: value`"))
	default:
		r.section(mapping, reflect.ValueOf(c).Elem(), "")
	}
	return errors.Join(r.problems...)
}

// refuse notes a problem of a key; an error that knows its line wins over line.
func (r *reader) refuse(line int, path string, err error) {
	var at *lineError
	if errors.As(err, &at) {
		line = at.line
	}
	place := r.name
	if line > 0 {
		place = fmt.Sprintf("%s:%d", r.name, line)
	}
	if path != "" {
		place += ": " + path
	}
	r.problems = append(r.problems, fmt.Errorf("%s: %w", place, err))
}

// section sets the settings of one section.
func (r *reader) section(mapping ast.MapNode, into reflect.Value, prefix string) {
	seen := map[string]int{}
	for at := mapping.MapRange(); at.Next(); {
		line := lineOf(at.Key().GetToken())
		key, err := keyOf(at.Key())
		if err != nil {
			r.refuse(line, "", err)
			continue
		}
		path := prefix + key
		if first, twice := seen[key]; twice {
			r.refuse(line, cut(path), fmt.Errorf("is given twice, first in line %d", first))
			continue
		}
		seen[key] = line
		field, ok := fieldOf(into, key)
		if !ok {
			r.refuse(line, cut(path), errors.New("unknown setting"+hint(path, r.known)))
			continue
		}
		r.value(at.Value(), field, path, line)
	}
}

// value sets one setting or one section. A key without a value leaves the default.
func (r *reader) value(node ast.Node, field reflect.Value, path string, line int) {
	if node == nil || node.Type() == ast.NullType {
		return
	}
	if field.Kind() == reflect.Struct {
		if mapping, ok := node.(ast.MapNode); ok {
			r.section(mapping, field, path+".")
			return
		}
		r.refuse(line, path, errors.New("must hold settings as `key: value`"))
		return
	}
	if err := setNode(field, node); err != nil {
		r.refuse(line, path, err)
		return
	}
	r.source.note(path, fmt.Sprintf("%s:%d", r.name, line))
}

// setNode sets a value from its node in a document.
func setNode(field reflect.Value, node ast.Node) error {
	switch field.Kind() {
	case reflect.Slice:
		return setList(field, node)
	case reflect.Map:
		return setMap(field, node)
	}
	text, kind := scalar(node)
	if kind == noScalar {
		return errors.New("must be a single value")
	}
	switch field.Kind() {
	case reflect.String:
		if kind == boolScalar {
			return errors.New("must be text; a text such as true needs quotes")
		}
	case reflect.Bool:
		if kind == quotedScalar || kind == numberScalar {
			return errors.New("must be true or false, without quotes")
		}
	default:
		if kind == quotedScalar && !isDuration(field) {
			return errors.New("must be a number, without quotes")
		}
	}
	return setText(field, text)
}

func setList(field reflect.Value, node ast.Node) error {
	sequence, ok := node.(*ast.SequenceNode)
	if !ok {
		return errors.New("must be a list")
	}
	list := reflect.MakeSlice(field.Type(), len(sequence.Values), len(sequence.Values))
	for i, item := range sequence.Values {
		if err := setNode(list.Index(i), item); err != nil {
			return fmt.Errorf("item %d %w", i+1, err)
		}
	}
	field.Set(list)
	return nil
}

func setMap(field reflect.Value, node ast.Node) error {
	mapping, ok := node.(ast.MapNode)
	if !ok {
		return errors.New("must be a mapping of names to texts")
	}
	values := map[string]string{}
	for at := mapping.MapRange(); at.Next(); {
		name, err := keyOf(at.Key())
		if err != nil {
			return err
		}
		if _, twice := values[name]; twice {
			return fmt.Errorf("has %s twice", shown(name))
		}
		text, kind := scalar(at.Value())
		if kind == noScalar {
			return fmt.Errorf("must have a text for %s", shown(name))
		}
		values[name] = text
	}
	field.Set(reflect.ValueOf(values))
	return nil
}

// keyOf returns a key as text.
func keyOf(key ast.MapKeyNode) (string, error) {
	text, kind := scalar(key)
	if kind == noScalar {
		return "", errors.New("holds a key that is no text")
	}
	return text, nil
}

// kinds of single values, as the document spells them.
const (
	noScalar = iota
	plainScalar
	quotedScalar
	numberScalar
	boolScalar
)

// scalar returns a single value as it stands in the document, so that a password
// of digits keeps its zeros.
func scalar(node ast.Node) (text string, kind int) {
	switch n := node.(type) {
	case *ast.StringNode:
		if n.Token.Type == token.SingleQuoteType || n.Token.Type == token.DoubleQuoteType {
			return n.Value, quotedScalar
		}
		return n.Value, plainScalar
	case *ast.LiteralNode:
		return n.Value.Value, quotedScalar
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, numberScalar
	case *ast.BoolNode:
		return n.GetToken().Value, boolScalar
	}
	return "", noScalar
}

// cut shortens a name for a message.
func cut(name string) string {
	const longest = 80
	if len(name) > longest {
		return name[:longest] + "…"
	}
	return name
}
