package ntfy

import (
	"embed"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/carillon-push/carillon/model"
)

// ownTemplates are the named templates that come with the server.
//
//go:embed templates/*.yml
var ownTemplates embed.FS

// maxTemplateFile bounds a file with templates, in bytes.
const maxTemplateFile = 3*maxTemplate + 4096

// templates are the named ones: those of the server and those in a folder, which
// go before them. A file is read when it is asked for, so that it can be changed at
// any time.
type templates struct {
	// folder is nil when there is none.
	folder *os.Root
}

// namedTemplate makes a message of what some service posts.
type namedTemplate struct {
	// Nil leaves what the sender said.
	Title    *string `yaml:"title"`
	Message  *string `yaml:"message"`
	Priority *string `yaml:"priority"`
}

// newTemplates returns the named templates; folder "" stands for none.
func newTemplates(folder string) (*templates, error) {
	if folder == "" {
		return &templates{}, nil
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, err
	}
	return &templates{folder: root}, nil
}

// named returns the templates with the name.
func (t *templates) named(name string) (*namedTemplate, error) {
	// A topic has the same letters as a file name that needs no care.
	if !model.IsTopic(name) {
		return nil, failuref(40047, "%.80q is neither yes nor the name of a template", name)
	}
	content, err := t.read(name + ".yml")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, failuref(40047, "there is no template named %s", name)
	case err != nil:
		return nil, failuref(40048, "%s cannot be read", name)
	case len(content) > maxTemplateFile:
		return nil, failuref(40048, "%s is larger than %d bytes", name, maxTemplateFile)
	}
	var n namedTemplate
	if err := yaml.Unmarshal(content, &n); err != nil {
		return nil, failuref(40048, "%s is not valid YAML", name)
	}
	if n.Title == nil && n.Message == nil {
		return nil, failuref(40048, "%s has neither a title nor a message", name)
	}
	return &n, nil
}

func (t *templates) read(file string) ([]byte, error) {
	if t.folder != nil {
		opened, err := t.folder.Open(file)
		if err == nil {
			defer opened.Close() //nolint:errcheck // it was only read
			return io.ReadAll(io.LimitReader(opened, maxTemplateFile+1))
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return ownTemplates.ReadFile(path.Join("templates", file))
}

// templating says whether and how a message is made from templates.
type templating struct {
	on bool
	// name is "" when the sender's title, text and priority are the templates.
	name string
}

func parseTemplating(text string) templating {
	switch lower := strings.ToLower(text); {
	case lower == "" || lower == "no" || lower == "0" || lower == "false":
		return templating{}
	case isYes(text):
		return templating{on: true}
	default:
		return templating{on: true, name: text}
	}
}
